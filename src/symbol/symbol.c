/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbol/symbol.h"

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "symbol/demangle.h"
#include "symbol/function.h"
#include "symbol/scopes.h"
#include "symbol/table.h"

#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Names of all frames of a large report; QEMU's take some 100 bytes each. */
#define TEXTS_MAX ((size_t)256 << 20)

/* Answers that there is room for at first; a power of two. */
#define ANSWERS_ROOM 8192

/*
 * Where the user has asked for a debuginfod server: one that sends nothing is given up after
 * this long, not after three times the 90 seconds of the client's default. The user's own
 * DEBUGINFOD_TIMEOUT and DEBUGINFOD_RETRY_LIMIT win.
 */
#define SERVER_TIMEOUT_S "5"
#define SERVER_RETRIES "0"

/* A file that took longer, for nothing, was waiting for a server: it is asked no more. */
#define SERVER_PATIENCE_S 4

/* Of a file: another one may take its path while it is still in use. */
struct version {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec changed;
};

struct module {
	char *path;
	uint8_t *build_id;
	uint32_t build_id_size;
	struct version version; /* all zero: the build id says it, or there is no such file */
	int opened;             /* an attempt was made, and `quality` tells what came of it */
	enum dw_symbols_quality quality;

	/* All NULL and 0 unless the file is the right one. */
	Dwfl *dwfl;
	Dwfl_Module *dwfl_module;
	Dwarf_Addr bias; /* libdwfl's addresses less the file's own */
	struct dw_table *table;
};

/* What an address was found to be. */
struct answer {
	uint64_t address;
	uint32_t module; /* number plus 1; 0: the entry is free */
	uint32_t n;
	struct dw_symbol *symbols;
};

struct dw_symbols {
	struct dw_arena *texts;
	struct module *modules;
	size_t n_modules, n_room;
	struct answer
	    *answers; /* by hash, at most half of them taken: who asks for long asks again */
	size_t n_answers, answers_room;
};

static void limit_server(void)
{
	if (!getenv("DEBUGINFOD_URLS"))
		return;
	setenv("DEBUGINFOD_TIMEOUT", SERVER_TIMEOUT_S, /* overwrite= */ 0);
	setenv("DEBUGINFOD_RETRY_LIMIT", SERVER_RETRIES, /* overwrite= */ 0);
}

int dw_symbols_new(struct dw_symbols **ret)
{
	dw_auto(symbols) symbols = calloc(1, sizeof(*symbols));
	int r;

	if (!symbols)
		return dw_raise(-ENOMEM);
	symbols->answers = calloc(ANSWERS_ROOM, sizeof(*symbols->answers));
	if (!symbols->answers)
		return dw_raise(-ENOMEM);
	symbols->answers_room = ANSWERS_ROOM;
	r = dw_arena_new(&symbols->texts, TEXTS_MAX);
	if (r < 0)
		return dw_pass(r);
	limit_server();
	*ret = dw_take(symbols);
	return 0;
}

static void close_module(struct module *module)
{
	module->table = dw_table_free(module->table);
	if (module->dwfl)
		dwfl_end(module->dwfl);
	module->dwfl = NULL;
	module->dwfl_module = NULL;
}

struct dw_symbols *dw_symbols_free(struct dw_symbols *symbols)
{
	if (!symbols)
		return NULL;
	for (size_t i = 0; i < symbols->n_modules; i++) {
		close_module(&symbols->modules[i]);
		free(symbols->modules[i].path);
		free(symbols->modules[i].build_id);
	}
	free(symbols->modules);
	free(symbols->answers);
	dw_arena_free(symbols->texts);
	free(symbols);
	return NULL;
}

static int make_room(struct dw_symbols *symbols)
{
	size_t n_room = symbols->n_room ? symbols->n_room * 2 : 64;
	struct module *modules;

	if (symbols->n_modules < symbols->n_room)
		return 0;
	modules = reallocarray(symbols->modules, n_room, sizeof(*modules));
	if (!modules)
		return dw_raise(-ENOMEM);
	symbols->modules = modules;
	symbols->n_room = n_room;
	return 0;
}

static struct version version_of(const struct module *wanted, const char *path)
{
	struct stat st;

	if (wanted->build_id_size || stat(path, &st) < 0)
		return (struct version){0};
	return (struct version){st.st_dev, st.st_ino, st.st_size, st.st_mtim};
}

static bool is_version(const struct version *a, const struct version *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* -1: it is not known yet. */
static int64_t find_module(const struct dw_symbols *symbols, const struct module *wanted,
			   const char *path, const uint8_t *build_id)
{
	for (size_t i = 0; i < symbols->n_modules; i++) {
		const struct module *module = &symbols->modules[i];

		if (module->build_id_size == wanted->build_id_size && !strcmp(module->path, path) &&
		    is_version(&module->version, &wanted->version) &&
		    (!build_id || !memcmp(module->build_id, build_id, wanted->build_id_size)))
			return (int64_t)i;
	}
	return -1;
}

int64_t dw_symbols_add(struct dw_symbols *symbols, const char *path, const uint8_t *build_id,
		       uint32_t build_id_size)
{
	struct module module = {.build_id_size = build_id ? build_id_size : 0};
	int64_t known;
	int r;

	module.version = version_of(&module, path);
	known = find_module(symbols, &module, path, build_id);
	r = known < 0 ? make_room(symbols) : 0;
	if (known >= 0 || r < 0)
		return r < 0 ? dw_pass(r) : known;
	module.path = strdup(path);
	module.build_id = malloc((size_t)module.build_id_size + 1);
	if (!module.path || !module.build_id) {
		free(module.path);
		free(module.build_id);
		return dw_raise(-ENOMEM);
	}
	if (module.build_id_size)
		memcpy(module.build_id, build_id, module.build_id_size);
	symbols->modules[symbols->n_modules] = module;
	return (int64_t)symbols->n_modules++;
}

/*
 * Recordings may come from anywhere: a path in one must not make us wait for a FIFO, or
 * touch a device, or depend on the current directory.
 */
static int open_file(const char *path)
{
	struct stat st;
	int fd;

	if (path[0] != '/')
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Two files without a build id cannot be told apart; one that was and is not, can. */
static int is_same(const struct module *module, Dwfl_Module *dwfl_module)
{
	const unsigned char *bits;
	GElf_Addr ignored;
	int n;

	if (module->build_id_size == 0)
		return 1;
	n = dwfl_module_build_id(dwfl_module, &bits, &ignored);
	return n > 0 && (uint32_t)n == module->build_id_size &&
	       memcmp(bits, module->build_id, module->build_id_size) == 0;
}

static enum dw_symbols_quality quality_of(const struct module *module)
{
	Dwarf_Addr ignored;

	if (dwfl_module_nextcu(module->dwfl_module, NULL, &ignored))
		return DW_SYMBOLS_DEBUG;
	if (module->table->n_functions == 0 && module->table->n_variables == 0)
		return DW_SYMBOLS_NONE;
	return module->table->whole ? DW_SYMBOLS_TABLE : DW_SYMBOLS_DYNAMIC;
}

/* Separate debug information is looked for beside the file and in the system's debug directory. */
static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static enum dw_symbols_quality read_file(struct module *module, int fd)
{
	Dwfl_Module *found;

	module->dwfl = dwfl_begin(&callbacks);
	found = module->dwfl ? dwfl_report_elf(module->dwfl, module->path, module->path, fd,
					       /* base= */ 0, /* add_p_vaddr= */ true)
			     : NULL;
	if (!found) { /* on success, the descriptor is libdwfl's */
		close(fd);
		return DW_SYMBOLS_NONE;
	}
	if (dwfl_report_end(module->dwfl, NULL, NULL) || !dwfl_module_getelf(found, &module->bias))
		return DW_SYMBOLS_NONE;
	if (!is_same(module, found))
		return DW_SYMBOLS_CHANGED;
	if (dw_table_new(&module->table, found, module->bias) < 0)
		return DW_SYMBOLS_NONE;
	module->dwfl_module = found;
	return quality_of(module);
}

static struct module *open_module(struct dw_symbols *symbols, uint32_t number)
{
	struct module *module = &symbols->modules[number];
	struct timespec before, after;
	int fd;

	if (module->opened)
		return module;
	module->opened = 1;
	clock_gettime(CLOCK_MONOTONIC, &before);
	fd = open_file(module->path);
	module->quality = fd < 0 ? DW_SYMBOLS_MISSING : read_file(module, fd);
	clock_gettime(CLOCK_MONOTONIC, &after);
	if (module->quality != DW_SYMBOLS_DEBUG &&
	    after.tv_sec - before.tv_sec >= SERVER_PATIENCE_S)
		unsetenv("DEBUGINFOD_URLS");
	if (!module->dwfl_module)
		close_module(module);
	return module;
}

enum dw_symbols_quality dw_symbols_quality(struct dw_symbols *symbols, uint32_t module)
{
	return open_module(symbols, module)->quality;
}

bool dw_symbols_has(struct dw_symbols *symbols, uint32_t module, const char *name)
{
	const struct dw_table *table = open_module(symbols, module)->table;

	for (size_t i = 0; table && i < table->n_functions; i++)
		if (strcmp(table->functions[i].name, name) == 0)
			return true;
	return false;
}

/* @file relative to the directory that it was compiled in, as far as it is below that. */
static const char *file_text(struct dw_symbols *symbols, const char *file, const char *directory)
{
	size_t n = directory ? strlen(directory) : 0;

	if (n && strncmp(file, directory, n) == 0 && file[n] == '/')
		file += n + 1;
	return dw_arena_text(symbols->texts, file, strlen(file));
}

/* The debug information of a function may lack its name; the symbol table has one. */
static void name_by_table(const struct module *module, uint64_t address, struct dw_symbol *symbol)
{
	const struct dw_table_entry *entry = dw_table_function(module->table, address);

	if (!entry)
		return;
	symbol->offset = address - entry->start;
	if (!symbol->function)
		symbol->function = entry->name;
}

static unsigned look_up(struct dw_symbols *symbols, const struct module *module, uint64_t address,
			struct dw_symbol *found)
{
	const char *directory = NULL;
	unsigned n = 0;

	if (module->quality == DW_SYMBOLS_DEBUG)
		n = dw_scopes_find(module->dwfl_module, symbols->texts, address + module->bias,
				   found, &directory);
	if (n == 0)
		found[n++] = (struct dw_symbol){0};
	if (!found[n - 1].inlined)
		name_by_table(module, address, &found[n - 1]);
	if (n == 1 && !found[0].function && !found[0].file)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		if (found[i].function)
			found[i].function = dw_demangle(symbols->texts, found[i].function);
		if (found[i].file)
			found[i].file = file_text(symbols, found[i].file, directory);
	}
	return n;
}

/* The answer, or where it is to be. */
static struct answer *answer_of(struct answer *answers, size_t room, uint32_t module,
				uint64_t address)
{
	size_t i = dw_hash(module, address) & (room - 1);

	while (answers[i].module &&
	       (answers[i].module != module + 1 || answers[i].address != address))
		i = (i + 1) & (room - 1);
	return &answers[i];
}

/* Return: whether there is room for one more. */
static bool make_room_for_answer(struct dw_symbols *symbols)
{
	size_t room = 2 * symbols->answers_room;
	struct answer *grown;

	if (2 * symbols->n_answers < symbols->answers_room)
		return true;
	grown = calloc(room, sizeof(*grown));
	for (size_t i = 0; grown && i < symbols->answers_room; i++)
		if (symbols->answers[i].module)
			*answer_of(grown, room, symbols->answers[i].module - 1,
				   symbols->answers[i].address) = symbols->answers[i];
	if (!grown)
		return false;
	free(symbols->answers);
	symbols->answers = grown;
	symbols->answers_room = room;
	return true;
}

/* What cannot be kept has to be looked up again. */
static void keep(struct dw_symbols *symbols, uint32_t module, uint64_t address,
		 const struct dw_symbol *found, unsigned n)
{
	struct answer answer = {address, module + 1, n, NULL};

	if (!make_room_for_answer(symbols))
		return;
	if (n > 0) {
		answer.symbols = dw_arena_alloc(symbols->texts, n * sizeof(*found));
		if (!answer.symbols)
			return;
		memcpy(answer.symbols, found, n * sizeof(*found));
	}
	*answer_of(symbols->answers, symbols->answers_room, module, address) = answer;
	symbols->n_answers++;
}

unsigned dw_symbols_code(struct dw_symbols *symbols, uint32_t module, uint64_t address,
			 struct dw_symbol *ret)
{
	const struct module *opened = open_module(symbols, module);
	const struct answer *answer =
	    answer_of(symbols->answers, symbols->answers_room, module, address);
	unsigned n;

	if (!opened->dwfl_module)
		return 0;
	if (answer->module) {
		if (answer->n)
			memcpy(ret, answer->symbols, answer->n * sizeof(*ret));
		return answer->n;
	}
	n = look_up(symbols, opened, address, ret);
	keep(symbols, module, address, ret, n);
	return n;
}

/* What @elf has of the @n bytes that are loaded at @address; NULL: not all of them. */
static const uint8_t *loaded_bytes(Elf *elf, uint64_t address, size_t n)
{
	Elf_Data *data = NULL;
	GElf_Phdr header;
	size_t n_headers;

	if (!elf || elf_getphdrnum(elf, &n_headers) != 0)
		return NULL;
	for (size_t i = 0; !data && i < n_headers; i++)
		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD &&
		    address >= header.p_vaddr && n <= header.p_filesz &&
		    address - header.p_vaddr <= header.p_filesz - n)
			data = elf_getdata_rawchunk(
			    elf, (int64_t)(header.p_offset + (address - header.p_vaddr)), n,
			    ELF_T_BYTE);
	return data && data->d_size == n ? data->d_buf : NULL;
}

bool dw_symbols_bytes(struct dw_symbols *symbols, uint32_t module, uint64_t address,
		      struct dw_symbol_bytes *ret)
{
	const struct module *opened = open_module(symbols, module);
	const struct dw_table_entry *entry =
	    opened->dwfl_module ? dw_table_function(opened->table, address) : NULL;
	GElf_Addr ignored;

	if (!entry || !entry->size)
		return false;
	*ret = (struct dw_symbol_bytes){.start = entry->start, .n = entry->size};
	ret->bytes =
	    loaded_bytes(dwfl_module_getelf(opened->dwfl_module, &ignored), ret->start, ret->n);
	return ret->bytes;
}

int dw_symbols_data(struct dw_symbols *symbols, uint32_t module, uint64_t address,
		    struct dw_symbol *ret)
{
	const struct module *opened = open_module(symbols, module);
	const struct dw_table_entry *entry;
	const char *name;

	if (!opened->dwfl_module)
		return 0;
	entry = dw_table_variable(opened->table, address);
	name = entry ? dw_demangle(symbols->texts, entry->name) : NULL;
	if (!name)
		return 0;
	*ret = (struct dw_symbol){.function = name, .offset = address - entry->start};
	return 1;
}

unsigned dw_symbols_find(struct dw_symbols *symbols, uint32_t module, const char *name,
			 uint64_t *ret, unsigned max)
{
	const struct module *opened = open_module(symbols, module);

	if (!opened->dwfl_module)
		return 0;
	return dw_function_find(opened->dwfl_module, symbols->texts, name, ret, max);
}
