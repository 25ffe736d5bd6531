/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/program.h"

#include "base/settings.h"
#include "doctor/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct dw_blind statically_linked = {
    .reason = "static",
    .text = "no recording was made: the program is statically linked, so no library can be "
	    "preloaded into it; use a dynamically linked build"};
static const struct dw_blind word_size = {
    .reason = "word-size",
    .text = "no recording was made: the program has another word size than "
	    "libdeadwatch.so, so the loader does not preload it"};
static const struct dw_blind privileged = {
    .reason = "privileged",
    .text = "no recording was made: the program gains privileges when it starts "
	    "(setuid, setgid or file capabilities), so the loader ignores LD_PRELOAD; "
	    "run it as the user that it becomes"};
static const struct dw_blind memory_limit = {
    .reason = "memory-limit",
    .text = "no recording was made: the program may have less than 64 MiB of address space "
	    "or data, and was left all of it; raise the limit (ulimit -v, ulimit -d)"};
static const struct dw_blind no_recording = {
    .reason = "no-recording",
    .text = "no recording was made: the program took no lock and made no thread, or it "
	    "cleared LD_PRELOAD, or it could not write to the recording's folder"};
static const struct dw_blind other_user = {
    .reason = "no-recording",
    .text = "no recording was made: the program took no lock and made no thread, or it "
	    "cleared LD_PRELOAD, or before that it became a user who cannot write to the "
	    "recording's folder; start it as that user, or name a folder of that user's "
	    "(--output)"};

static bool is_limited(int resource)
{
	struct rlimit limit;

	return getrlimit(resource, &limit) == 0 && limit.rlim_cur < DW_ROOM_MIN;
}

/* Return: whether there is such a file. */
static bool look(const char *name, struct dw_doctor_file *ret)
{
	char path[PATH_MAX];
	int fd = dw_doctor_file_open(name, path);

	if (fd < 0)
		return false;
	dw_doctor_file_judge(fd, ret);
	close(fd);
	return true;
}

int dw_program_check(const char *name)
{
	struct dw_doctor_file file;

	if (!look(name, &file) || file.kind != DW_DOCTOR_MUSL)
		return 0;
	fprintf(stderr,
		"deadwatch: cannot watch '%s': it is made for another C library (musl), which does "
		"not start it with libdeadwatch.so; use a build for glibc\n",
		name);
	return 1;
}

const char *dw_program_reason(const char *name, int error)
{
	bool is_path = strchr(name, '/');
	struct stat st;
	bool exists = stat(name, &st) == 0;

	if (error == ENOENT && is_path && exists)
		return "it is there, but what is to run it is not: its loader, or what a script's "
		       "first line names";
	if (error == ENOENT && is_path)
		return "there is no such program";
	if (error == ENOENT && exists && *name)
		return "there is no such program in the folders of PATH; the file of this folder "
		       "needs ./ before its name";
	if (error == ENOENT)
		return "there is no such program in the folders of PATH";
	if (error == EISDIR || (error == EACCES && exists && S_ISDIR(st.st_mode)))
		return "it is a folder";
	if (error == EACCES && exists && !S_ISREG(st.st_mode))
		return "it is no file of a program, but a device, pipe or socket";
	if (error == EACCES && exists && !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return "it is not executable ('chmod +x' makes it so)";
	if (error == ENOEXEC)
		return "it is neither a program nor a script that begins with #!";
	return strerror(error);
}

struct dw_blind dw_program_judge(const char *name)
{
	struct dw_doctor_file file;

	if (!look(name, &file))
		return no_recording;
	if (file.gains_privileges)
		return privileged;
	if (file.kind == DW_DOCTOR_STATIC)
		return statically_linked;
	if (file.kind == DW_DOCTOR_WORD_SIZE)
		return word_size;
	if (is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA))
		return memory_limit;
	return getuid() == 0 ? other_user : no_recording;
}
