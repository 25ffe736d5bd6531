/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/function.h"

#include "attach/result.h"
#include "base/error.h"
#include "symbol/elf_file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ROW(function, event, thing, hows, object_, other_) \
	{                                                  \
		.name = function, .cookie = {              \
			.kind = event,                     \
			.what = thing,                     \
			.how = hows,                       \
			.object = object_,                 \
			.other = other_                    \
		}                                          \
	}
/* Behind their only instruction that counts: what it has done, the flags say (glibc, x86-64). */
#define SPIN(function, hows, bytes)                                                            \
	{                                                                                      \
		.name = function, .begin = bytes, .begin_size = sizeof(bytes) - 1, .cookie = { \
			.kind = DW_WANT,                                                       \
			.what = DW_SPINLOCK,                                                   \
			.how = hows,                                                           \
			.object = 1                                                            \
		}                                                                              \
	}
/* A reader may read again while it reads. */
#define READ (DW_SHARED | DW_REENTRANT)

#define LOCK(function, event, thing, hows) ROW(function, event, thing, hows, 1, 0)
#define WAIT(function, thing, hows) ROW(function, DW_PARK, thing, hows, 1, 0)

static const struct dw_probed functions[] = {
    LOCK("pthread_mutex_lock", DW_WANT, DW_MUTEX, 0),
    LOCK("pthread_mutex_trylock", DW_WANT, DW_MUTEX, DW_TRY),
    LOCK("pthread_mutex_timedlock", DW_WANT, DW_MUTEX, DW_TIMED),
    LOCK("pthread_mutex_clocklock", DW_WANT, DW_MUTEX, DW_TIMED),
    LOCK("pthread_mutex_unlock", DW_DROP, DW_MUTEX, 0),
    LOCK("pthread_mutex_init", DW_INIT, DW_MUTEX, 0),
    LOCK("pthread_mutex_destroy", DW_DESTROY, DW_MUTEX, 0),
    LOCK("mtx_lock", DW_WANT, DW_MUTEX, 0),
    LOCK("mtx_trylock", DW_WANT, DW_MUTEX, DW_TRY),
    LOCK("mtx_timedlock", DW_WANT, DW_MUTEX, DW_TIMED),
    LOCK("mtx_unlock", DW_DROP, DW_MUTEX, 0),
    LOCK("mtx_init", DW_INIT, DW_MUTEX, 0),
    LOCK("mtx_destroy", DW_DESTROY, DW_MUTEX, 0),
    LOCK("pthread_rwlock_rdlock", DW_WANT, DW_RWLOCK, READ),
    LOCK("pthread_rwlock_wrlock", DW_WANT, DW_RWLOCK, 0),
    LOCK("pthread_rwlock_tryrdlock", DW_WANT, DW_RWLOCK, READ | DW_TRY),
    LOCK("pthread_rwlock_trywrlock", DW_WANT, DW_RWLOCK, DW_TRY),
    LOCK("pthread_rwlock_timedrdlock", DW_WANT, DW_RWLOCK, READ | DW_TIMED),
    LOCK("pthread_rwlock_timedwrlock", DW_WANT, DW_RWLOCK, DW_TIMED),
    LOCK("pthread_rwlock_clockrdlock", DW_WANT, DW_RWLOCK, READ | DW_TIMED),
    LOCK("pthread_rwlock_clockwrlock", DW_WANT, DW_RWLOCK, DW_TIMED),
    LOCK("pthread_rwlock_unlock", DW_DROP, DW_RWLOCK, 0),
    LOCK("pthread_rwlock_init", DW_INIT, DW_RWLOCK, 0),
    LOCK("pthread_rwlock_destroy", DW_DESTROY, DW_RWLOCK, 0),
    SPIN("pthread_spin_lock", 0, "\xf0\xff\x0f"),
    SPIN("pthread_spin_trylock", DW_TRY, "\xb8\x01\0\0\0\x31\xc9\xf0\x0f\xb1\x0f"),
    LOCK("pthread_spin_unlock", DW_DROP, DW_SPINLOCK, 0),
    LOCK("pthread_spin_destroy", DW_DESTROY, DW_SPINLOCK, 0),
    LOCK("pthread_once", DW_WANT, DW_ONCE, 0),
    ROW("pthread_cond_wait", DW_PARK, DW_CONDITION, 0, 1, 2),
    ROW("pthread_cond_timedwait", DW_PARK, DW_CONDITION, DW_TIMED, 1, 2),
    ROW("pthread_cond_clockwait", DW_PARK, DW_CONDITION, DW_TIMED, 1, 2),
    LOCK("pthread_cond_signal", DW_POST, DW_CONDITION, 0),
    LOCK("pthread_cond_broadcast", DW_POST, DW_CONDITION, 0),
    LOCK("pthread_cond_init", DW_INIT, DW_CONDITION, 0),
    LOCK("pthread_cond_destroy", DW_DESTROY, DW_CONDITION, 0),
    ROW("cnd_wait", DW_PARK, DW_CONDITION, 0, 1, 2),
    ROW("cnd_timedwait", DW_PARK, DW_CONDITION, DW_TIMED, 1, 2),
    LOCK("cnd_signal", DW_POST, DW_CONDITION, 0),
    LOCK("cnd_broadcast", DW_POST, DW_CONDITION, 0),
    LOCK("cnd_init", DW_INIT, DW_CONDITION, 0),
    LOCK("cnd_destroy", DW_DESTROY, DW_CONDITION, 0),
    WAIT("sem_wait", DW_SEMAPHORE, 0),
    WAIT("sem_timedwait", DW_SEMAPHORE, DW_TIMED),
    WAIT("sem_clockwait", DW_SEMAPHORE, DW_TIMED),
    LOCK("sem_post", DW_POST, DW_SEMAPHORE, 0),
    LOCK("sem_init", DW_INIT, DW_SEMAPHORE, 0),
    LOCK("sem_destroy", DW_DESTROY, DW_SEMAPHORE, 0),
    WAIT("pthread_barrier_wait", DW_BARRIER, 0),
    LOCK("pthread_barrier_init", DW_INIT, DW_BARRIER, 0),
    LOCK("pthread_barrier_destroy", DW_DESTROY, DW_BARRIER, 0),
    WAIT("pthread_join", DW_ENDING, 0),
    WAIT("pthread_timedjoin_np", DW_ENDING, DW_TIMED),
    WAIT("pthread_clockjoin_np", DW_ENDING, DW_TIMED),
    WAIT("thrd_join", DW_ENDING, 0),
    ROW("pthread_create", DW_WIRE_MAKES, 0, 0, 3, 0),
    ROW("syscall", DW_PARK, DW_FUTEX, 0, 2, 0),
    ROW("free", DW_WIRE_FREES, 0, 0, 0, 0),
    ROW("realloc", DW_WIRE_FREES, 0, DW_WIRE_STAYS, 0, 0),
    {.name = NULL},
};

/* The file's tables, and what is being looked for. */
struct search {
	Elf *elf;
	Elf_Data *versions; /* of the dynamic symbols; NULL: there are none */
	const struct dw_finder *finder;
	struct dw_located *found;
	size_t n, max;
};

/* Return: whether it is in the file. */
static bool offset_of(Elf *elf, uint64_t address, uint64_t *ret)
{
	size_t n;

	if (elf_getphdrnum(elf, &n) != 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr segment;

		if (!gelf_getphdr(elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
		    address < segment.p_vaddr || address - segment.p_vaddr >= segment.p_filesz)
			continue;
		*ret = address - segment.p_vaddr + segment.p_offset;
		return true;
	}
	return false;
}

static const struct dw_probed *row_of(const char *name)
{
	for (const struct dw_probed *f = functions; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

const char *dw_only_function(size_t i)
{
	return i < sizeof(functions) / sizeof(*functions) ? functions[i].name : NULL;
}

/* Lives of locks, and what threads do one after the other, keep findings from being false. */
static bool is_always_wanted(const struct dw_wire_cookie *row)
{
	return row->kind == DW_WIRE_FREES || row->kind == DW_WIRE_MAKES || row->what == DW_ENDING;
}

/* Who sees a lock being taken has to see it being let go, and who waits for what is given, all who
 * give it. */
static bool goes_with(const struct dw_wire_cookie *chosen, const struct dw_wire_cookie *row)
{
	if (row->what == DW_CONDITION && row->kind == DW_PARK && chosen->what == DW_MUTEX)
		return true;
	return row->what == chosen->what && row->kind != DW_WANT && row->kind != DW_PARK;
}

static bool is_chosen(const struct dw_only *only, const struct dw_probed *row)
{
	bool is_chosen = only->n_functions && is_always_wanted(&row->cookie);

	for (size_t i = 0; i < only->n_functions && !is_chosen; i++) {
		const struct dw_probed *chosen = row_of(only->functions[i]);

		is_chosen = chosen == row || (chosen && goes_with(&chosen->cookie, &row->cookie));
	}
	return is_chosen;
}

bool dw_only_lets_go(const struct dw_only *only)
{
	return is_chosen(only, row_of("pthread_mutex_unlock"));
}

/* Whether the function is of interest where it is about one of the locks: who waits for a condition
 * lets go of it. */
static bool is_of_locks(const struct dw_only *only, const struct dw_wire_cookie *row)
{
	if (!only->n_locks)
		return false;
	if (row->kind == DW_PARK)
		return row->what == DW_CONDITION;
	return row->kind == DW_WANT && row->what == DW_MUTEX && dw_only_lets_go(only);
}

static bool find(void *context, const char *name, struct dw_probed *ret)
{
	const struct dw_only *only = context;
	const struct dw_probed *row = row_of(name);

	if (!row)
		return false;
	*ret = *row;
	if (!only || (!only->n_functions && !only->n_locks) || is_chosen(only, row))
		return true;
	ret->cookie.lock = DW_WIRE_ANY_LOCK;
	return is_of_locks(only, &row->cookie);
}

static bool find_one(void *context, const char *name, struct dw_probed *ret)
{
	const struct dw_probed *row = strcmp(name, context) == 0 ? row_of(name) : NULL;

	if (row)
		*ret = *row;
	return row;
}

struct dw_finder dw_function_finder(const char *name)
{
	return (struct dw_finder){.find = find_one, .context = (void *)name};
}

/* Those of allocators that do not say how large a block is, as glibc's does. */
static bool find_freeing(void *context, const char *name, struct dw_probed *ret)
{
	static const struct dw_probed freeing[] = {
	    ROW("free", DW_WIRE_FREES, 0, DW_WIRE_UNSIZED, 0, 0),
	    ROW("realloc", DW_WIRE_FREES, 0, DW_WIRE_UNSIZED | DW_WIRE_STAYS, 0, 0),
	};

	(void)context;
	for (size_t i = 0; i < sizeof(freeing) / sizeof(*freeing); i++) {
		if (strcmp(freeing[i].name, name) != 0)
			continue;
		*ret = freeing[i];
		return true;
	}
	return false;
}

static bool find_giving(void *context, const char *name, struct dw_probed *ret)
{
	const struct dw_probed *row = row_of(name);

	(void)context;
	if (!row || row->cookie.kind != DW_POST)
		return false;
	*ret = *row;
	return true;
}

struct dw_finder dw_giving_finder(void)
{
	return (struct dw_finder){.find = find_giving};
}

struct dw_finder dw_freeing_finder(void)
{
	return (struct dw_finder){.find = find_freeing, .is_exported = true};
}

struct dw_finder dw_probed_finder(const struct dw_only *only)
{
	return (struct dw_finder){.find = find, .context = (void *)only};
}

bool dw_only_tells(const struct dw_only *only, unsigned what)
{
	struct dw_probed row;

	for (const struct dw_probed *f = functions; f->name; f++)
		if (f->cookie.kind == DW_WANT && f->cookie.what == what &&
		    find((void *)only, f->name, &row) && !row.cookie.lock)
			return true;
	return false;
}

/* Whether there is what the function begins with, as far as that matters. */
static bool has_begin(Elf *elf, const struct dw_probed *function, uint64_t offset)
{
	Elf_Data *data =
	    elf_getdata_rawchunk(elf, (int64_t)offset, function->begin_size, ELF_T_BYTE);

	return data && memcmp(data->d_buf, function->begin, function->begin_size) == 0;
}

static void add_at(struct search *s, const struct dw_probed *function, uint64_t address,
		   uint64_t offset)
{
	size_t i = 0;

	while (i < s->n && s->found[i].offset != offset)
		i++;
	if (i == s->n && s->n < s->max)
		s->found[s->n++] = (struct dw_located){*function, offset, address};
}

/* Of locks that have no owner, what came of an attempt is known by its result alone. */
static bool has_result(const struct dw_wire_cookie *row)
{
	return row->kind == DW_WANT && row->what == DW_RWLOCK && row->how & DW_SHARED &&
	       row->how & (DW_TRY | DW_TIMED);
}

static void add_results(struct search *s, const GElf_Sym *symbol, uint64_t offset)
{
	static const struct dw_probed result = {.name = "result",
						.cookie = {.kind = DW_WIRE_RESULT}};
	Elf_Data *code = elf_getdata_rawchunk(s->elf, (int64_t)offset, symbol->st_size, ELF_T_BYTE);
	uint64_t results[DW_RESULTS_MAX];
	size_t n = code ? dw_results_find(code->d_buf, code->d_size, results) : 0;

	for (size_t i = 0; i < n; i++)
		add_at(s, &result, symbol->st_value + results[i], offset + results[i]);
}

static void add(struct search *s, const struct dw_probed *function, const GElf_Sym *symbol)
{
	uint64_t offset;

	if (!offset_of(s->elf, symbol->st_value, &offset))
		return;
	if (function->begin && !has_begin(s->elf, function, offset))
		return;
	add_at(s, function, symbol->st_value, offset + function->begin_size);
	if (has_result(&function->cookie))
		add_results(s, symbol, offset);
}

/* A hidden version is there for programs that were linked long ago; it calls the present one. */
static bool is_default(const struct search *s, bool dynamic, int i)
{
	GElf_Versym version;

	return !dynamic || !s->versions || !gelf_getversym(s->versions, i, &version) ||
	       !(version & 0x8000);
}

static void search_table(struct search *s, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	int n = header->sh_entsize ? (int)(header->sh_size / header->sh_entsize) : 0;

	for (int i = 0; data && i < n; i++) {
		struct dw_probed function;
		const char *name;
		GElf_Sym symbol;

		if (!gelf_getsym(data, i, &symbol) || symbol.st_shndx == SHN_UNDEF ||
		    GELF_ST_TYPE(symbol.st_info) != STT_FUNC)
			continue;
		name = elf_strptr(s->elf, header->sh_link, symbol.st_name);
		if (name && is_default(s, header->sh_type == SHT_DYNSYM, i) &&
		    s->finder->find(s->finder->context, name, &function))
			add(s, &function, &symbol);
	}
}

static void search(struct search *s, uint32_t type)
{
	GElf_Shdr header;
	Elf_Scn *section = dw_elf_section(s->elf, SHT_GNU_versym, &header);

	if (section && type == SHT_DYNSYM)
		s->versions = elf_getdata(section, NULL);
	section = dw_elf_section(s->elf, type, &header);
	if (section)
		search_table(s, section, &header);
}

int dw_locate(const char *path, const struct dw_finder *finder, struct dw_located *ret, size_t max)
{
	dw_auto_elf elf = dw_elf_open(path);
	struct search s = {.elf = elf, .finder = finder, .found = ret, .max = max};

	if (!elf)
		return dw_raise(-errno);
	search(&s, SHT_DYNSYM);
	if ((s.n == 0 && !finder->is_exported) || finder->is_whole)
		search(&s, SHT_SYMTAB);
	return (int)s.n;
}
