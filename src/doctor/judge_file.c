/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/file.h"
#include "doctor/judge.h"

/* What each kind of file comes to; a kind without means is fine. */
static const struct {
	const char *seen;
	struct dw_judgement judgement;
} kinds[] = {
    [DW_DOCTOR_DYNAMIC] = {"libraries can be preloaded", {.means = NULL}},
    [DW_DOCTOR_SCRIPT] = {"a script: what it runs was not looked at", {.means = NULL}},
    [DW_DOCTOR_NO_ELF] = {"no program that this kernel's loader takes",
			  {DW_DOCTOR_MISSING, DW_DOCTOR_MISSING, DW_DOCTOR_MISSING,
			   "there is nothing to look at", "name the program itself"}},
    [DW_DOCTOR_WORD_SIZE] = {"of another word size than deadwatch",
			     {DW_DOCTOR_MISSING, DW_DOCTOR_MISSING, DW_DOCTOR_MISSING,
			      "its memory looks different", "build deadwatch like the program"}},
    [DW_DOCTOR_MACHINE] = {"for another processor",
			   {DW_DOCTOR_MISSING, DW_DOCTOR_MISSING, DW_DOCTOR_MISSING,
			    "it does not run here but in an emulator", "a build for this machine"}},
    [DW_DOCTOR_STATIC] =
	{"statically linked",
	 {DW_DOCTOR_MISSING, DW_DOCTOR_LIMITED, DW_DOCTOR_LIMITED,
	  "no library can be preloaded, and what is inside is known by its symbols alone",
	  "a dynamically linked build"}},
    [DW_DOCTOR_MUSL] =
	{"made for another C library (musl)",
	 {DW_DOCTOR_MISSING, DW_DOCTOR_LIMITED, DW_DOCTOR_LIMITED,
	  "libdeadwatch.so is made for glibc, and musl's mutexes do not all tell who has them",
	  "a build for glibc"}},
};

static void judge_kind(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	const struct dw_judgement *judgement = &kinds[file->kind].judgement;

	dw_judging_add(judging, "program", judgement->means ? judgement : NULL, "%s: %s",
		       file->path, kinds[file->kind].seen);
}

static void judge_privileges(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	static const struct dw_judgement gains = {
	    .run = DW_DOCTOR_MISSING,
	    .means = "the loader ignores LD_PRELOAD",
	    .remedy = "run it as the user that it becomes",
	};

	if (file->gains_privileges)
		dw_judging_add(judging, "privileges", &gains,
			       "gained when it starts (setuid, setgid or file capabilities)");
	else
		dw_judging_add(judging, "privileges", NULL, "none are gained when it starts");
}

static void judge_rust(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	static const struct dw_judgement inlined = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "locks of its standard library are seen only where somebody waits for them, "
		     "and who holds one is not",
	};

	if (file->has_rust)
		dw_judging_add(judging, "rust", &inlined, "has code of Rust's standard library");
	else
		dw_judging_add(judging, "rust", NULL, "no code of Rust's standard library");
}

static void judge_symbols(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	static const struct dw_judgement stripped = {
	    .run = DW_DOCTOR_LIMITED,
	    .attach = DW_DOCTOR_LIMITED,
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "places have no files and lines, and functions may have no names",
	    .remedy = "install its debug symbols (Debian: PACKAGE-dbgsym), or set "
		      "DEBUGINFOD_URLS (Debian: https://debuginfod.debian.net)",
	};
	static const char *const words[] = {
	    [DW_SYMBOLS_DEBUG] = "debug information: functions, files and lines",
	    [DW_SYMBOLS_TABLE] = "a symbol table: functions, but no files and lines",
	    [DW_SYMBOLS_DYNAMIC] = "stripped: only what is exported has a name",
	    [DW_SYMBOLS_NONE] = "none",
	    [DW_SYMBOLS_MISSING] = "none: the file cannot be read",
	    [DW_SYMBOLS_CHANGED] = "none: the file is not the one that was loaded",
	};

	dw_judging_add(judging, "symbols", file->symbols == DW_SYMBOLS_DEBUG ? NULL : &stripped,
		       "%s", words[file->symbols]);
}

static void judge_qemu(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	static const struct dw_judgement hidden = {
	    .run = DW_DOCTOR_LIMITED,
	    .means = "the BQL may have no name, and places in a stripped file no lines",
	    .remedy = "a build that exports its symbols (configure --enable-modules)",
	};

	if (!(file->qemu & DW_DOCTOR_QEMU))
		return;
	if ((file->qemu & DW_DOCTOR_QEMU_LOCK) && (file->qemu & DW_DOCTOR_QEMU_BQL))
		dw_judging_add(
		    judging, "qemu", NULL,
		    "exports its hooks: which lock is the BQL, and where locks are taken");
	else
		dw_judging_add(judging, "qemu", &hidden, "does not export %s",
			       file->qemu & DW_DOCTOR_QEMU_LOCK ? "bql_mutex_lock_func"
								: "qemu_mutex_lock_func");
}

static void judge_generated(struct dw_judging *judging, const struct dw_doctor_file *file)
{
	static const struct dw_judgement hidden = {
	    .inspect = DW_DOCTOR_LIMITED,
	    .means = "stacks of vCPUs that are not run by KVM end in generated code",
	    .remedy = "a build that exports its symbols (configure --enable-modules)",
	};

	if (!(file->qemu & DW_DOCTOR_QEMU))
		return;
	if (file->qemu & DW_DOCTOR_QEMU_JIT)
		dw_judging_add(judging, "generated", NULL,
			       "tells of generated code: stacks go on through it");
	else
		dw_judging_add(judging, "generated", &hidden,
			       "does not export __jit_debug_descriptor");
}

void dw_judge_file(struct dw_judging *judging)
{
	const struct dw_doctor_file *file = judging->facts->file;

	judge_kind(judging, file);
	if (file->kind == DW_DOCTOR_SCRIPT || file->kind == DW_DOCTOR_NO_ELF)
		return;
	judge_privileges(judging, file);
	judge_rust(judging, file);
	judge_symbols(judging, file);
	judge_qemu(judging, file);
	judge_generated(judging, file);
}
