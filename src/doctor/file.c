/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/file.h"

#include "base/error.h"
#include "base/resource.h"
#include "model/facts.h"
#include "symbol/elf_file.h"
#include "symbol/rust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "which programs this processor runs is not written down here yet"
#endif

#define MUSL_LOADER "/lib/ld-musl-"

/* What one that exports nothing is known by. */
#define QEMU_NAME "qemu-system-"

static const struct {
	const char *symbol;
	enum dw_doctor_qemu means;
} qemu_symbols[] = {
    {"qemu_mutex_lock_impl", DW_DOCTOR_QEMU},         {"qemu_mutex_lock_func", DW_DOCTOR_QEMU_LOCK},
    {"qemu_bql_mutex_lock_func", DW_DOCTOR_QEMU_BQL}, {"bql_mutex_lock_func", DW_DOCTOR_QEMU_BQL},
    {"__jit_debug_descriptor", DW_DOCTOR_QEMU_JIT},
};

int dw_doctor_file_open(const char *name, char ret_path[PATH_MAX])
{
	const char *path = strchr(name, '/') ? "" : getenv("PATH");
	char file[PATH_MAX];
	size_t n;
	int fd;

	if (!path || !*path) {
		snprintf(ret_path, PATH_MAX, "%s", name);
		return open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	for (; *path; path += n + (path[n] == ':')) {
		n = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", n > 0 ? (int)n : 1, n > 0 ? path : ".",
			 name);
		if (access(file, X_OK) < 0)
			continue;
		fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			continue;
		memcpy(ret_path, file, sizeof(file));
		return fd;
	}
	errno = ENOENT;
	return -1;
}

/* The loader that the file asks for; NULL: none. It lives as long as @elf. */
static const char *interpreter(Elf *elf)
{
	size_t n = 0, size = 0;
	GElf_Phdr header;
	const char *file = elf_rawfile(elf, &size);

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_INTERP &&
		    header.p_filesz > 0 && header.p_offset < size &&
		    header.p_filesz <= size - header.p_offset &&
		    file[header.p_offset + header.p_filesz - 1] == '\0')
			return file + header.p_offset;
	return NULL;
}

static enum dw_doctor_kind kind_of_elf(Elf *elf)
{
	const char *loader = interpreter(elf);
	GElf_Ehdr header;

	if (!gelf_getehdr(elf, &header))
		return DW_DOCTOR_NO_ELF;
	if (header.e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32))
		return DW_DOCTOR_WORD_SIZE;
	if (header.e_machine != OUR_MACHINE)
		return DW_DOCTOR_MACHINE;
	if (!loader)
		return DW_DOCTOR_STATIC;
	if (!strncmp(loader, MUSL_LOADER, strlen(MUSL_LOADER)))
		return DW_DOCTOR_MUSL;
	return DW_DOCTOR_DYNAMIC;
}

static enum dw_doctor_kind kind_of(int fd)
{
	char begin[2] = "";
	dw_auto_elf elf = NULL;

	if (pread(fd, begin, sizeof(begin), 0) == sizeof(begin) && !memcmp(begin, "#!", 2))
		return DW_DOCTOR_SCRIPT;
	elf = dw_elf_of(fd);
	return elf ? kind_of_elf(elf) : DW_DOCTOR_NO_ELF;
}

static bool gains_privileges(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	if ((st.st_mode & S_ISUID) && st.st_uid != getuid())
		return true;
	if ((st.st_mode & S_ISGID) && st.st_gid != getgid())
		return true;
	return getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0;
}

void dw_doctor_file_judge(int fd, struct dw_doctor_file *ret)
{
	ret->gains_privileges = gains_privileges(fd);
	ret->kind = kind_of(fd);
}

static unsigned match_qemu(const char *name)
{
	for (size_t i = 0; i < sizeof(qemu_symbols) / sizeof(qemu_symbols[0]); i++)
		if (name && !strcmp(name, qemu_symbols[i].symbol))
			return qemu_symbols[i].means;
	return 0;
}

static unsigned look_for_qemu(int fd)
{
	dw_auto_elf elf = dw_elf_of(fd);
	GElf_Shdr header;
	Elf_Scn *section = dw_elf_section(elf, SHT_DYNSYM, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;
	unsigned found = 0;
	GElf_Sym symbol;

	for (int i = 0; data && gelf_getsym(data, i, &symbol); i++)
		if (symbol.st_shndx != SHN_UNDEF)
			found |= match_qemu(elf_strptr(elf, header.sh_link, symbol.st_name));
	return found;
}

/* Symbols are of absolute paths, as recordings have them. */
static enum dw_symbols_quality look_at_symbols(const char *path, const uint8_t *build_id,
					       uint32_t build_id_size)
{
	dw_auto(symbols) symbols = NULL;
	char whole[PATH_MAX];
	int64_t module;

	if (dw_symbols_new(&symbols) < 0)
		return DW_SYMBOLS_MISSING;
	if (path[0] != '/')
		path = realpath(path, whole);
	if (!path)
		return DW_SYMBOLS_MISSING;
	module = dw_symbols_add(symbols, path, build_id, build_id_size);
	return module < 0 ? DW_SYMBOLS_MISSING : dw_symbols_quality(symbols, (uint32_t)module);
}

int dw_doctor_file_look(const char *name, const uint8_t *build_id, uint32_t build_id_size,
			struct dw_doctor_file *ret)
{
	struct dw_doctor_file file = {.path = ""};
	dw_auto_fd fd = dw_doctor_file_open(name, file.path);
	struct stat st;

	if (fd < 0)
		return dw_raise(-errno);
	if (fstat(fd, &st) < 0)
		return dw_raise(-errno);
	if (!S_ISREG(st.st_mode))
		return dw_raise(S_ISDIR(st.st_mode) ? -EISDIR : -EACCES);
	dw_doctor_file_judge(fd, &file);
	if (file.kind != DW_DOCTOR_SCRIPT && file.kind != DW_DOCTOR_NO_ELF) {
		file.has_rust = dw_rust_is_in(&(struct dw_module){.path = file.path});
		file.symbols = look_at_symbols(file.path, build_id, build_id_size);
		file.qemu = look_for_qemu(fd);
		if (!strncmp(basename(file.path), QEMU_NAME, strlen(QEMU_NAME)))
			file.qemu |= DW_DOCTOR_QEMU;
	}
	*ret = file;
	return 0;
}

/* The minor version of the name of a version of glibc's symbols; 0: it is none. */
static unsigned minor_of(const char *name)
{
	unsigned minor;

	return name && sscanf(name, "GLIBC_2.%u", &minor) == 1 ? minor : 0;
}

static unsigned greater(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

/* Of a list of definitions, each with its names; the first is its own. */
static unsigned greatest_defined(Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
	unsigned minor = 0;
	GElf_Verdaux name;
	GElf_Verdef version;

	for (size_t i = 0, at = 0; i < header->sh_info; i++, at += version.vd_next) {
		if (!gelf_getverdef(data, (int)at, &version))
			break;
		if (gelf_getverdaux(data, (int)(at + version.vd_aux), &name))
			minor = greater(minor,
					minor_of(elf_strptr(elf, header->sh_link, name.vda_name)));
	}
	return minor;
}

/* Of a list of libraries, each with a list of what it has to have. */
static unsigned greatest_needed(Elf *elf, const GElf_Shdr *header, Elf_Data *data)
{
	unsigned minor = 0;
	GElf_Vernaux name;
	GElf_Verneed library;

	for (size_t i = 0, at = 0; i < header->sh_info; i++, at += library.vn_next) {
		size_t name_at;

		if (!gelf_getverneed(data, (int)at, &library))
			break;
		name_at = at + library.vn_aux;
		for (unsigned j = 0; j < library.vn_cnt; j++, name_at += name.vna_next) {
			if (!gelf_getvernaux(data, (int)name_at, &name))
				break;
			minor = greater(minor,
					minor_of(elf_strptr(elf, header->sh_link, name.vna_name)));
		}
	}
	return minor;
}

unsigned dw_doctor_file_glibc(const char *path, bool needs)
{
	dw_auto_elf elf = dw_elf_open(path);
	GElf_Shdr header;
	Elf_Scn *section = dw_elf_section(elf, needs ? SHT_GNU_verneed : SHT_GNU_verdef, &header);
	Elf_Data *data = section ? elf_getdata(section, NULL) : NULL;

	if (!data)
		return 0;
	return needs ? greatest_needed(elf, &header, data) : greatest_defined(elf, &header, data);
}
