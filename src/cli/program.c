/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/program.h"

#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static const struct dw_blind reasons[] = {
    {"static", "no recording was made: the program is statically linked, so no library can be "
	       "preloaded into it; use a dynamically linked build"},
    {"word-size", "no recording was made: the program has another word size than "
		  "libdeadwatch.so, so the loader does not preload it"},
    {"privileged", "no recording was made: the program gains privileges when it starts "
		   "(setuid, setgid or file capabilities), so the loader ignores LD_PRELOAD; "
		   "run it as the user that it becomes"},
    {"no-recording", "no recording was made: the program took no lock and made no thread, or it "
		     "cleared LD_PRELOAD, or it could not write to the recording's folder"},
};
enum reason { STATIC, WORD_SIZE, PRIVILEGED, NO_RECORDING };

/* Opens the file that execvp() would run. Return: a descriptor, or -1. */
static int open_program(const char *name)
{
	const char *path = strchr(name, '/') ? "" : getenv("PATH");
	char file[PATH_MAX];
	size_t n;
	int fd;

	if (!path || !*path)
		return open(name, O_RDONLY | O_CLOEXEC);
	for (; *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)n, n > 0 ? path : ".", name);
		if (access(file, X_OK) < 0)
			continue;
		fd = open(file, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -1;
}

static int has_interpreter(Elf *elf)
{
	GElf_Phdr header;
	size_t n = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP)
			return 1;
	return 0;
}

static enum reason judge_elf(int fd)
{
	enum reason reason = NO_RECORDING;
	GElf_Ehdr header;
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf)
		return NO_RECORDING;
	if (elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &header)) {
		if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
			reason = WORD_SIZE;
		else if (!has_interpreter(elf))
			reason = STATIC;
	}
	elf_end(elf);
	return reason;
}

static int is_privileged(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return 0;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return 1;
	if ((st.st_mode & S_ISGID) && st.st_gid != getgid())
		return 1;
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

struct dw_blind dw_program_judge(const char *name)
{
	enum reason reason = NO_RECORDING;
	int fd = open_program(name);

	if (fd < 0)
		return reasons[NO_RECORDING];
	reason = is_privileged(fd) ? PRIVILEGED : judge_elf(fd);
	close(fd);
	return reasons[reason];
}
