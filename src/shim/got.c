/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Global offset tables: which entries lead to functions that a profile names, and how they come
 * to lead to thunks instead.
 *
 * An entry is left alone wherever it is not clear what it is: unless it is that of a symbol
 * that the file itself does not define; unless it leads to code, and is used for calls only, as
 * whoever reads the address may compare it; and as long as the loader may still be at work on
 * the file, which is over when it has made the entries read-only.
 *
 * An entry that the loader binds at the first call leads into its own file until then. It is
 * not for us to find the symbol: who finds it where is the loader's business. So the thunk's
 * first call goes where the entry led, the loader binds the entry, and when the call is over,
 * the thunk has the function, and the entry the thunk again.
 */
#include "shim/named.h"

#if defined(__x86_64__)

#include "shim/built_in_calls.h"
#include "shim/text.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* Files that were looked at; a power of two. QEMU with a desktop's libraries has 250. */
#define SEEN_MAX 4096

#define PAGE_SIZE UINT64_C(4096)

/* Code that is searched for uses of an entry, in some 60 ms; no hypervisor has as much. */
#define CODE_MAX (UINT64_C(64) << 20)

/* Of call *X(%rip) and jmp *X(%rip): the opcode, and the byte between it and X. */
#define CALL_OR_JUMP 0xff
#define CALL 0x15
#define JUMP 0x25

/* glibc's, where there is one (2.35): it finds a file only when the loader is done with it. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

struct file {
	const struct dl_phdr_info *info;
	const ElfW(Sym) * symbols;
	const char *strings;
	uint64_t strings_size;
	const ElfW(Rela) * plt, *rela;
	uint64_t n_plt, n_rela;
	uint64_t n_relative;       /* of `rela`, at its beginning */
	uint64_t relro, relro_end; /* pages that are read-only once the loader is done */
	bool later;                /* not all could be done: the loader was at work */
};

static uint32_t n_thunks;

static uint64_t seen[SEEN_MAX]; /* hashes of files; 0: free */
static unsigned long long seen_adds, seen_subs;
static uint32_t scanning;

/* A star stands at the end only, here. */
static bool is_match(const char *name, const char *pattern, size_t n)
{
	if (n && pattern[n - 1] == '*')
		return !strncmp(name, pattern, n - 1);
	return !strncmp(name, pattern, n) && !name[n];
}

/* Of DEADWATCH_OPTIONS: NAME+NAME. */
static bool is_wanted(const char *name)
{
	const char *calls = shim->settings.calls;

	while (*calls) {
		size_t n = strcspn(calls, "+");

		if (n && *calls == *name && is_match(name, calls, n))
			return true;
		calls += n + (calls[n] == '+');
	}
	return false;
}

static bool is_named(const char *name)
{
	for (size_t i = 0; i < sizeof(built_in_calls) / sizeof(*built_in_calls); i++)
		if (*built_in_calls[i] == *name &&
		    is_match(name, built_in_calls[i], strlen(built_in_calls[i])))
			return true;
	return is_wanted(name);
}

static bool is_thunk(uint64_t address)
{
	return address >= shim_named_thunk(0) && address < shim_named_thunk(SHIM_NAMED_MAX);
}

/* The thunk for an entry that leads to @real; 0: there is none left. */
static uint64_t thunk_for(const char *name, uint64_t real, uint64_t *unbound)
{
	uint32_t number = shim_text(name), i;

	if (number == SHIM_TEXTS)
		return 0;
	for (i = 0; i < n_thunks; i++)
		if (shim_named[i].number == number && shim_named[i].real == real &&
		    shim_named[i].unbound == unbound)
			return shim_named_thunk(i);
	if (i == SHIM_NAMED_MAX)
		return 0;
	shim_named[i].number = number;
	shim_named[i].unbound = unbound;
	__atomic_store_n(&shim_named[i].real, real, __ATOMIC_RELEASE);
	n_thunks++;
	return shim_named_thunk(i);
}

static bool is_within(const struct file *file, uint64_t address, uint64_t size, uint32_t flags)
{
	for (int i = 0; i < file->info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &file->info->dlpi_phdr[i];
		uint64_t start = file->info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_LOAD && (segment->p_flags & flags) == flags &&
		    address >= start && size <= segment->p_memsz &&
		    address - start <= segment->p_memsz - size)
			return true;
	}
	return false;
}

/* Where the loader has not put the address of the mapping into the table itself, it is added. */
static uint64_t mapped(const struct file *file, uint64_t address)
{
	return address < file->info->dlpi_addr ? address + file->info->dlpi_addr : address;
}

static void read_dynamic(struct file *file, const ElfW(Dyn) * dynamic)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		uint64_t value = dynamic->d_un.d_val;

		if (dynamic->d_tag == DT_SYMTAB)
			file->symbols = (const void *)mapped(file, value);
		else if (dynamic->d_tag == DT_STRTAB)
			file->strings = (const void *)mapped(file, value);
		else if (dynamic->d_tag == DT_STRSZ)
			file->strings_size = value;
		else if (dynamic->d_tag == DT_JMPREL)
			file->plt = (const void *)mapped(file, value);
		else if (dynamic->d_tag == DT_PLTRELSZ)
			file->n_plt = value / sizeof(*file->plt);
		else if (dynamic->d_tag == DT_RELA)
			file->rela = (const void *)mapped(file, value);
		else if (dynamic->d_tag == DT_RELASZ)
			file->n_rela = value / sizeof(*file->rela);
		else if (dynamic->d_tag == DT_RELACOUNT)
			file->n_relative = value;
	}
}

/* Return: whether all that is needed is there, and where it says. */
static bool read_file(struct file *file)
{
	for (int i = 0; i < file->info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &file->info->dlpi_phdr[i];
		uint64_t start = file->info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type == PT_DYNAMIC)
			read_dynamic(file, (const void *)start);
		if (segment->p_type == PT_GNU_RELRO) {
			file->relro = start & ~(PAGE_SIZE - 1);
			file->relro_end = (start + segment->p_memsz) & ~(PAGE_SIZE - 1);
		}
	}
	if (!file->plt)
		file->n_plt = 0;
	if (!file->rela || file->n_relative > file->n_rela)
		file->n_rela = file->n_relative = 0;
	return file->strings && file->symbols &&
	       is_within(file, (uint64_t)file->strings, file->strings_size, PF_R) &&
	       is_within(file, (uint64_t)file->plt, file->n_plt * sizeof(*file->plt), 0) ==
		   (file->n_plt > 0) &&
	       is_within(file, (uint64_t)file->rela, file->n_rela * sizeof(*file->rela), 0) ==
		   (file->n_rela > 0);
}

static const ElfW(Sym) * symbol_of(const struct file *file, const ElfW(Rela) * entry)
{
	const ElfW(Sym) *symbol = &file->symbols[ELF64_R_SYM(entry->r_info)];

	return is_within(file, (uint64_t)symbol, sizeof(*symbol), PF_R) ? symbol : NULL;
}

/* The name of the function of another file that @entry may lead to; NULL: of none that is named. */
static const char *name_of(const struct file *file, const ElfW(Rela) * entry)
{
	const ElfW(Sym) *symbol = symbol_of(file, entry);
	const char *name;

	if (!symbol || symbol->st_shndx != SHN_UNDEF || symbol->st_name >= file->strings_size)
		return NULL;
	name = file->strings + symbol->st_name;
	return is_named(name) ? name : NULL;
}

/*
 * An entry of the part that the loader makes read-only. It is writable again for the moment of
 * the change; if it still is, the loader has not come to its end.
 */
static void change_protected(struct file *file, uint64_t *slot, uint64_t thunk)
{
	void *page = (void *)((uint64_t)slot & ~(PAGE_SIZE - 1));
	int writable = shim_page_allows((uint64_t)slot, MADV_POPULATE_WRITE);

	file->later |= writable > 0;
	if (writable || mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE))
		return;
	__atomic_store_n(slot, thunk, __ATOMIC_RELEASE);
	mprotect(page, PAGE_SIZE, PROT_READ);
}

static void change(struct file *file, uint64_t *slot, uint64_t value, uint64_t thunk)
{
	if ((uint64_t)slot >= file->relro && (uint64_t)slot < file->relro_end)
		change_protected(file, slot, thunk);
	else
		__atomic_compare_exchange_n(slot, &value, thunk, 0, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED);
}

/* @may_be_unbound: the loader may bind it at the first call. */
static void point_at_thunk(struct file *file, const ElfW(Rela) * entry, const char *name,
			   bool may_be_unbound)
{
	uint64_t *slot = (void *)(file->info->dlpi_addr + entry->r_offset);
	uint64_t value, thunk;
	bool unbound;

	if (!is_within(file, (uint64_t)slot, sizeof(*slot), PF_W) || (uint64_t)slot % 8)
		return;
	value = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	unbound = is_within(file, value, 1, PF_X);
	if (value < PAGE_SIZE || is_thunk(value) || (unbound && !may_be_unbound))
		return;
	thunk = thunk_for(name, value, unbound ? slot : NULL);
	if (thunk)
		change(file, slot, value, thunk);
}

static void point_plt(struct file *file)
{
	for (uint64_t i = 0; i < file->n_plt; i++) {
		const ElfW(Rela) *entry = &file->plt[i];
		const char *name =
		    ELF64_R_TYPE(entry->r_info) == R_X86_64_JUMP_SLOT ? name_of(file, entry) : NULL;

		if (name)
			point_at_thunk(file, entry, name, /* may_be_unbound= */ true);
	}
}

/*
 * Whether the code at @start calls through the entry at @slot, and does nothing else with it: who
 * reads the address may compare it with another. All code is looked at byte by byte, since
 * instructions may begin anywhere: what only looks like a use is taken for one.
 */
static bool is_only_called(const uint8_t *start, uint64_t size, uint64_t slot, bool *called)
{
	for (uint64_t i = 2; i + sizeof(int32_t) <= size; i++) {
		int32_t distance;

		memcpy(&distance, start + i, sizeof(distance));
		if ((uint64_t)(start + i + sizeof(distance)) + (uint64_t)(int64_t)distance != slot)
			continue;
		if (start[i - 2] != CALL_OR_JUMP || (start[i - 1] != CALL && start[i - 1] != JUMP))
			return false;
		*called = true;
	}
	return true;
}

static bool is_for_calls(const struct file *file, uint64_t slot)
{
	bool called = false;

	for (int i = 0; i < file->info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &file->info->dlpi_phdr[i];
		uint64_t start = file->info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		if (!(segment->p_flags & PF_R) || segment->p_memsz > CODE_MAX ||
		    !is_only_called((const uint8_t *)start, segment->p_memsz, slot, &called))
			return false;
	}
	return called;
}

/* Entries that compilers read themselves, of data as well: only those of functions. */
static void point_others(struct file *file)
{
	for (uint64_t i = file->n_relative; i < file->n_rela; i++) {
		const ElfW(Rela) *entry = &file->rela[i];
		const char *name =
		    ELF64_R_TYPE(entry->r_info) == R_X86_64_GLOB_DAT ? name_of(file, entry) : NULL;

		if (name && ELF64_ST_TYPE(symbol_of(file, entry)->st_info) == STT_FUNC &&
		    is_for_calls(file, file->info->dlpi_addr + entry->r_offset))
			point_at_thunk(file, entry, name, /* may_be_unbound= */ false);
	}
}

/* The place of a file among those seen: its own, or a free one; NULL: there is none. */
static uint64_t *seen_place(const struct dl_phdr_info *info, uint64_t *ret_hash)
{
	*ret_hash = dw_hash(dw_hash(1, info->dlpi_addr), (uint64_t)info->dlpi_phdr) | 1;
	for (uint64_t i = 0; i < SEEN_MAX; i++) {
		uint64_t *place = &seen[(*ret_hash + i) & (SEEN_MAX - 1)];

		if (!*place || *place == *ret_hash)
			return place;
	}
	return NULL;
}

static void *first_of(const struct file *file)
{
	for (int i = 0; i < file->info->dlpi_phnum; i++)
		if (file->info->dlpi_phdr[i].p_type == PT_LOAD)
			return (void *)(file->info->dlpi_addr + file->info->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* Whether the loader is done with @file, as far as it says so. */
static bool is_loaded(const struct file *file, bool at_start)
{
	struct dl_find_object found;

	return at_start || (_dl_find_object && !_dl_find_object(first_of(file), &found));
}

struct scan {
	bool at_start;
	bool begun; /* something has changed since the last time, and what was seen says so */
	bool later; /* not all could be done */
};

/* Return: whether there is nothing to do. */
static bool begin(struct scan *scan, const struct dl_phdr_info *info)
{
	if (!scan->at_start && info->dlpi_adds == seen_adds && info->dlpi_subs == seen_subs)
		return true;
	if (info->dlpi_subs != seen_subs)
		memset(seen, 0, sizeof(seen)); /* what lies at an address may be another file */
	seen_adds = info->dlpi_adds;
	seen_subs = info->dlpi_subs;
	scan->begun = true;
	return false;
}

static int scan_file(struct dl_phdr_info *info, size_t size, void *argument)
{
	struct scan *scan = argument;
	struct file file = {.info = info};
	uint64_t hash, *place;

	if (size < offsetof(struct dl_phdr_info, dlpi_tls_modid) ||
	    (!scan->begun && begin(scan, info)))
		return 1;
	place = seen_place(info, &hash);
	if (!place || *place || is_within(&file, (uint64_t)shim_named, 1, 0))
		return 0;
	if (!is_loaded(&file, scan->at_start)) {
		scan->later = true;
		return 0;
	}
	if (read_file(&file)) {
		point_plt(&file);
		point_others(&file);
	}
	if (!file.later)
		*place = hash;
	scan->later |= file.later;
	return 0;
}

static void scan_all(void *argument)
{
	struct scan *scan = argument;

	/* Two threads need not look at once. */
	if (__atomic_exchange_n(&scanning, 1, __ATOMIC_ACQUIRE))
		return;
	dl_iterate_phdr(scan_file, scan);
	if (scan->later)
		seen_adds = 0;
	__atomic_store_n(&scanning, 0, __ATOMIC_RELEASE);
}

void shim_got_scan(void)
{
	if (shim_process() && strcmp(shim->settings.calls, "off"))
		scan_all(&(struct scan){.at_start = true});
}

/* The loader's lock is held by others only while they hold nothing that we know of. */
void shim_got_rescan(struct shim_thread *t)
{
	uint32_t open = t->thread.open;
	int error = errno;

	if ((t->thread.slot && t->thread.slot->top) || !strcmp(shim->settings.calls, "off"))
		return;
	t->thread.open = 0;
	scan_all(&(struct scan){0});
	t->thread.open = open;
	errno = error;
}

void shim_named_bound(struct shim_named *call)
{
	uint64_t thunk = shim_named_thunk((uint32_t)(call - shim_named));
	uint64_t *slot = __atomic_load_n(&call->unbound, __ATOMIC_ACQUIRE);
	uint64_t value = slot ? __atomic_load_n(slot, __ATOMIC_ACQUIRE) : thunk;

	if (value == thunk)
		return;
	__atomic_store_n(&call->real, value, __ATOMIC_RELEASE);
	__atomic_store_n(&call->unbound, NULL, __ATOMIC_RELEASE);
	__atomic_compare_exchange_n(slot, &value, thunk, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#else

void shim_got_scan(void)
{
}

void shim_got_rescan(struct shim_thread *t)
{
	(void)t;
}

#endif
