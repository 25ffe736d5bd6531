/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From addresses to places: which loaded file, and where in it. _dl_find_object() answers
 * without locks and may be called from anywhere (glibc 2.35). Without it, places are bare
 * addresses.
 */
#include "shim/shim.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

/* glibc's, where there is one: an older one lacks it, and so may the header that we see. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

#define PLACE_MAX (UINT64_C(1) << 48)

/* What a place has room for. */
#define MODULE_NUMBER_MAX 65535

/* The longest build id in use is SHA-1's 20 bytes; the record has room for 32. */
#define BUILD_ID_MAX 32

uint32_t shim_unloads;

static bool in_file_of(uint64_t address, const void *known, struct dl_find_object *file)
{
	if (!file->dlfo_map_start && (!_dl_find_object || _dl_find_object((void *)known, file)))
		return false;
	return address >= (uint64_t)file->dlfo_map_start && address < (uint64_t)file->dlfo_map_end;
}

bool shim_is_ours(uint64_t address)
{
	static struct dl_find_object own;

	return in_file_of(address, (const void *)shim_is_ours, &own);
}

bool shim_is_own_call(uint64_t caller)
{
	static struct dl_find_object loader;

	return shim_is_ours(caller) || in_file_of(caller, (const void *)_dl_find_object, &loader);
}

static void find_build_id(const char *note, size_t size, struct dw_rec_module *module)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *head = (const void *)note;
		size_t name = (head->n_namesz + 3) & ~(size_t)3;
		size_t whole = sizeof(*head) + name + ((head->n_descsz + 3) & ~(size_t)3);

		if (whole > size)
			return;
		if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == 4 &&
		    head->n_descsz <= BUILD_ID_MAX) {
			module->build_id_size = head->n_descsz;
			memcpy(module->build_id, note + sizeof(*head) + name, head->n_descsz);
			return;
		}
		note += whole;
		size -= whole;
	}
}

/* The file's first page is mapped at its start, and with it the list of its segments. */
static void fill_build_id(const struct dl_find_object *object, struct dw_rec_module *module)
{
	const char *start = object->dlfo_map_start;
	const ElfW(Ehdr) *head = (const void *)start;
	const ElfW(Phdr) *segments = (const void *)(start + head->e_phoff);

	if (memcmp(head->e_ident, ELFMAG, SELFMAG) ||
	    head->e_phoff + head->e_phnum * sizeof(*segments) > 4096)
		return;
	for (unsigned i = 0; i < head->e_phnum; i++) {
		const char *at = (const char *)object->dlfo_link_map->l_addr + segments[i].p_vaddr;

		if (segments[i].p_type == PT_NOTE && at >= start &&
		    at + segments[i].p_memsz <= (const char *)object->dlfo_map_end)
			find_build_id(at, segments[i].p_memsz, module);
	}
}

static const char *path_of(const struct dl_find_object *object)
{
	const char *name = object->dlfo_link_map->l_name;

	return name && *name ? name : shim->writer.header->program;
}

static uint64_t hash_of_path(const struct dl_find_object *object)
{
	const char *path = path_of(object);

	return dw_hash_text(DW_HASH_TEXT_START, path, strlen(path));
}

static uint32_t tell_module(struct shim_thread *t, const struct dl_find_object *object,
			    uint32_t number)
{
	const char *path = path_of(object);
	size_t n = strlen(path);
	struct dw_rec_module *module =
	    dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*module) + n + 1);

	if (!module)
		return 0;
	module->start = (uint64_t)object->dlfo_map_start;
	module->end = (uint64_t)object->dlfo_map_end;
	module->bias = object->dlfo_link_map->l_addr;
	module->number = number;
	memcpy(module->path, path, n);
	fill_build_id(object, module);
	dw_writer_submit(&shim->writer, module, DW_REC_MODULE);
	return number;
}

/* An entry that is nobody's: that of an unloaded file, or a new one. NULL: there is none. */
static struct shim_module *claim_module(void)
{
	uint32_t n = __atomic_load_n(&shim->n_modules, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < n && i < SHIM_MODULES_MAX; i++) {
		uint32_t unloaded = SHIM_MODULE_UNLOADED;

		if (__atomic_compare_exchange_n(&shim->modules[i].number, &unloaded, 0, 0,
						__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			return &shim->modules[i];
	}
	n = __atomic_fetch_add(&shim->n_modules, 1, __ATOMIC_RELAXED);
	if (n < SHIM_MODULES_MAX)
		return &shim->modules[n];
	__atomic_fetch_sub(&shim->n_modules, 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Two threads may tell the same file at once: it then has two numbers, and both are right. */
static uint32_t new_module(struct shim_thread *t, const struct dl_find_object *object)
{
	uint32_t number = __atomic_add_fetch(&shim->last_module, 1, __ATOMIC_RELAXED);
	struct shim_module *module = number <= MODULE_NUMBER_MAX ? claim_module() : NULL;

	if (!module) {
		/* Places become bare addresses, without names: like stacks that are not whole. */
		__atomic_fetch_add(&shim->writer.header->short_stacks, 1, __ATOMIC_RELAXED);
		return 0;
	}
	number = tell_module(t, object, number);
	module->start = (uint64_t)object->dlfo_map_start;
	module->end = (uint64_t)object->dlfo_map_end;
	module->link_map = object->dlfo_link_map;
	module->path_hash = hash_of_path(object);
	module->unloads = __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE);
	__atomic_store_n(&module->number, number ? number : SHIM_MODULE_UNLOADED, __ATOMIC_RELEASE);
	return number;
}

static bool is_filled(const struct shim_module *module, uint32_t *ret_number)
{
	*ret_number = __atomic_load_n(&module->number, __ATOMIC_ACQUIRE);
	return *ret_number && *ret_number != SHIM_MODULE_UNLOADED;
}

/*
 * Whether @module is the file of @object. After an unload the same addresses can be another
 * file's, even with the same link_map: then the path decides.
 */
static bool is_module(struct shim_module *module, const struct dl_find_object *object)
{
	uint32_t unloads = __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE);

	if (module->start != (uint64_t)object->dlfo_map_start ||
	    module->end != (uint64_t)object->dlfo_map_end ||
	    module->link_map != object->dlfo_link_map)
		return false;
	if (__atomic_load_n(&module->unloads, __ATOMIC_RELAXED) == unloads)
		return true;
	if (module->path_hash != hash_of_path(object))
		return false;
	__atomic_store_n(&module->unloads, unloads, __ATOMIC_RELAXED);
	return true;
}

static uint32_t find_module(struct shim_thread *t, const struct dl_find_object *object)
{
	uint32_t n = __atomic_load_n(&shim->n_modules, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < n && i < SHIM_MODULES_MAX; i++) {
		struct shim_module *module = &shim->modules[i];
		uint32_t number;

		if (is_filled(module, &number) && is_module(module, object))
			return number;
	}
	return new_module(t, object);
}

static bool is_loaded(struct shim_module *module)
{
	struct dl_find_object object;

	return !_dl_find_object((void *)module->start, &object) && is_module(module, &object);
}

void shim_modules_unloaded(struct shim_thread *t, uint64_t caller)
{
	uint32_t n = __atomic_load_n(&shim->n_modules, __ATOMIC_RELAXED);

	for (uint32_t i = 0; i < n && i < SHIM_MODULES_MAX && _dl_find_object; i++) {
		struct shim_module *module = &shim->modules[i];
		uint32_t number;

		if (!is_filled(module, &number) || is_loaded(module))
			continue;
		/* Its number stays in places that were told; its entry may serve another file. */
		if (__atomic_compare_exchange_n(&module->number, &number, 0, 0, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED)) {
			shim_memory_freed(t, module->start, module->end, caller);
			__atomic_store_n(&module->number, SHIM_MODULE_UNLOADED, __ATOMIC_RELEASE);
		}
	}
}

dw_place shim_place(struct shim_thread *t, uint64_t address)
{
	struct dl_find_object object;
	uint32_t number;

	if (address >= PLACE_MAX)
		return 0;
	if (!_dl_find_object || _dl_find_object((void *)address, &object))
		return address;
	number = find_module(t, &object);
	if (!number)
		return address;
	return (uint64_t)number << 48 | (address - (uint64_t)object.dlfo_map_start);
}
