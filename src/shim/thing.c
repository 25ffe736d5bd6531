/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lives of locks.
 *
 * An address is a lock from its init, or from its first use, to its destroy, or until its
 * memory is freed. The record of a lock is written at its init but in use only from the
 * moment when it is first taken; a lock that was never taken leaves its record to the next.
 * When a life ends that was told, the counter of its address changes, and with it the keys
 * of all chains that the lock was part of: they are told anew for the next life.
 */
#include "shim/shim.h"

/* Which pages of memory hold told locks: a hash of the page, one bit each. */
static uint8_t watched[8192];

uint32_t shim_lives[SHIM_LIVES];

/*
 * What the map says of a thing beside the number of its record: so the record, which other
 * processors may have written, is mostly not needed.
 */
#define LIFE_OVER (UINT64_C(1) << 63)
#define LIFE_USED (UINT64_C(1) << 62) /* the record says for good what the thing is */

static uint32_t page_bit(uint64_t page)
{
	return (uint32_t)(dw_hash(0, page) >> 16) & (sizeof(watched) * 8 - 1);
}

static void watch(uint64_t address)
{
	uint32_t bit = page_bit(address >> 12);

	if (!(__atomic_load_n(&watched[bit / 8], __ATOMIC_RELAXED) & 1u << bit % 8))
		__atomic_fetch_or(&watched[bit / 8], (uint8_t)(1u << bit % 8), __ATOMIC_RELAXED);
}

bool shim_memory_watched(uint64_t from, uint64_t to)
{
	for (uint64_t page = from >> 12; page <= (to - 1) >> 12; page++) {
		uint32_t bit = page_bit(page);

		if (__atomic_load_n(&watched[bit / 8], __ATOMIC_RELAXED) & 1u << bit % 8)
			return true;
	}
	return false;
}

static struct dw_rec_thing *thing_record(uint32_t id)
{
	return dw_writer_record(&shim->writer, id);
}

static bool is_living(uint64_t value)
{
	return (uint32_t)value && !(value & LIFE_OVER);
}

static uint32_t write_thing(struct shim_thread *t, uint64_t address, uint32_t life)
{
	struct dw_rec_thing *record;
	uint32_t id;

	if (t->n_spare_things) {
		id = t->spare_things[--t->n_spare_things];
		record = thing_record(id);
	} else {
		record = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*record));
		if (!record)
			return 0;
		id = dw_writer_submit(&shim->writer, record, DW_REC_THING);
	}
	record->address = address;
	record->place = shim_place(t, address);
	record->life = life;
	record->birth = 0;
	record->maker = 0;
	record->flags = 0;
	return id;
}

static void spare(struct shim_thread *t, uint32_t id)
{
	if (t->n_spare_things < SHIM_SPARE_THINGS)
		t->spare_things[t->n_spare_things++] = id;
}

static void use(struct dw_rec_thing *record, enum dw_thing_kind kind)
{
	/* That a futex is a lock, only its waiters know. */
	if (record->kind == DW_FUTEX && kind == DW_LOCK_WORD)
		record->kind = DW_LOCK_WORD;
	if (record->kind)
		return;
	record->kind = (uint16_t)kind;
	if (shim_qemu_is_bql(record->address))
		record->flags |= DW_THING_BQL;
	if (kind == DW_RWLOCK && ((const pthread_rwlock_t *)record->address)->__data.__flags ==
				     PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
		record->flags |= DW_THING_WRITERS;
	if (!(record->address & DW_NO_MEMORY))
		watch(record->address);
}

/* The number of the life after the one that @value of the map stands for. */
static uint32_t next_life(uint64_t value)
{
	if ((uint32_t)value)
		return thing_record((uint32_t)value)->life + 1;
	return value ? (uint32_t)(value >> 32) : 1;
}

/*
 * The key of a thing that has no address: neighbours by number are no neighbours in the map,
 * where a page's keys share one group.
 */
static uint64_t key_of(uint64_t address)
{
	if (!(address & DW_NO_MEMORY))
		return address;
	return (address & ~(uint64_t)UINT32_MAX) | (uint64_t)dw_thing_number(address) << 5;
}

/* @id with what its record says after @kind was used. */
static uint64_t with_use(uint64_t id, enum dw_thing_kind kind)
{
	struct dw_rec_thing *record = thing_record((uint32_t)id);

	use(record, kind);
	return record->kind == DW_FUTEX ? id : id | LIFE_USED;
}

static uint32_t use_living(uint64_t *value, uint64_t id, enum dw_thing_kind kind)
{
	uint64_t used = id & LIFE_USED ? id : with_use(id, kind);

	/* Should somebody else have written to it now, then the same, or that the life is over. */
	if (used != id)
		__atomic_compare_exchange_n(value, &id, used, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE);
	return (uint32_t)used;
}

uint32_t shim_thing(struct shim_thread *t, uint64_t address, enum dw_thing_kind kind)
{
	uint64_t *value = shim_map_ensure(&shim->things, key_of(address));
	uint64_t id, mine;

	if (!value) {
		shim_lost(DW_LOSS_THINGS);
		return 0;
	}
	id = __atomic_load_n(value, __ATOMIC_ACQUIRE);
	if (is_living(id))
		return use_living(value, id, kind);
	mine = write_thing(t, address, next_life(id));
	if (!mine)
		return 0;
	mine = with_use(mine, kind);
	if (__atomic_compare_exchange_n(value, &id, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return (uint32_t)mine;
	/* Another thread was faster: its record is the lock's, and ours is free again. */
	thing_record((uint32_t)mine)->kind = 0;
	spare(t, (uint32_t)mine);
	return (uint32_t)id;
}

uint32_t shim_thing_latest(uint64_t address)
{
	const uint64_t *value = shim_map_find(&shim->things, key_of(address));

	return value ? (uint32_t)__atomic_load_n(value, __ATOMIC_ACQUIRE) : 0;
}

uint32_t shim_thing_told(struct shim_thread *t, uint64_t address, enum dw_thing_kind kind)
{
	uint32_t id = shim_thing_latest(address);

	if (id && thing_record(id)->kind)
		return id;
	return kind ? shim_thing(t, address, kind) : 0;
}

/* Return: the number of the next life at the address of @value. */
static uint32_t end_life(struct shim_thread *t, uint64_t address, uint64_t *value, unsigned flags)
{
	uint64_t id = __atomic_load_n(value, __ATOMIC_ACQUIRE);
	struct dw_rec_thing *record;

	if (!(uint32_t)id)
		return next_life(id);
	record = thing_record((uint32_t)id);
	if (id & LIFE_OVER)
		return next_life(id);
	if (!record->kind && !(record->flags & DW_THING_NAMED)) {
		uint32_t life = record->life;

		__atomic_store_n(value, (uint64_t)life << 32, __ATOMIC_RELEASE);
		spare(t, (uint32_t)id);
		return life;
	}
	record->flags |= (uint16_t)flags;
	__atomic_store_n(value, (uint32_t)id | LIFE_OVER, __ATOMIC_RELEASE);
	__atomic_fetch_add(shim_life(address), 1, __ATOMIC_RELAXED);
	return next_life(id);
}

static void note_life(struct shim_thread *t, enum dw_event_kind kind, uint64_t address)
{
	if (shim->settings.events)
		shim_event(t, kind, &(struct dw_taking){.thing = address}, 0, 0);
}

/* The record of a life that begins; its lock was not taken yet. Return: its id; 0: lost. */
static uint32_t write_born(struct shim_thread *t, uint64_t address, uint32_t life, uint64_t caller)
{
	uint32_t id = write_thing(t, address, life);
	struct dw_rec_thing *record = thing_record(id);

	if (!id)
		return 0;
	record->kind = 0;
	record->birth = shim_stack(t, caller);
	record->maker = t->thread.number;
	return id;
}

void shim_thing_init(struct shim_thread *t, uint64_t address, uint64_t caller)
{
	uint64_t *value = shim_map_ensure(&shim->things, address);
	uint32_t id;

	if (!value)
		return;
	id = write_born(t, address, end_life(t, address, value, DW_THING_ENDED), caller);
	if (!id)
		return;
	__atomic_store_n(value, id, __ATOMIC_RELEASE);
	note_life(t, DW_INIT, address);
}

static void misused(struct shim_thread *t, enum dw_misuse_kind kind, uint64_t address,
		    uint64_t caller)
{
	const struct dw_held *held;
	struct dw_taking taking = {.thing = address, .site = caller, .caller = caller};

	/* Another thread may have let it go. */
	shim_teller.revise(&t->thread, NULL);
	held = dw_thread_find(&t->thread, address);
	if (!held)
		return;
	taking.what = held->what;
	taking.life = *shim_life(address);
	dw_thread_misuse(&t->thread, kind, &taking, held->chain);
}

void shim_thing_destroy(struct shim_thread *t, uint64_t address, uint64_t caller)
{
	uint64_t *value = shim_map_find(&shim->things, address);

	if (!value)
		return;
	misused(t, DW_MISUSE_DESTROY, address, caller);
	end_life(t, address, value, DW_THING_ENDED);
	note_life(t, DW_DESTROY, address);
}

/* The C library says that @address is held, and nobody may end it: so somebody holds it. */
void shim_busy_destroyed(struct shim_thread *t, uint64_t address, uint64_t caller)
{
	struct dw_taking taking = {.thing = address,
				   .site = caller,
				   .caller = caller,
				   .what = DW_MUTEX,
				   .life = *shim_life(address)};
	const struct dw_held *held = dw_thread_find(&t->thread, address);

	dw_thread_misuse(&t->thread, DW_MISUSE_DESTROY, &taking, held ? held->chain : 0);
}

/* Nobody has seen it being made. Of threads that name it at once, one is the first. */
static uint32_t ensure_living(struct shim_thread *t, uint64_t address, uint64_t caller)
{
	uint64_t *value = shim_map_ensure(&shim->things, key_of(address));
	uint64_t id = value ? __atomic_load_n(value, __ATOMIC_ACQUIRE) : 0;
	uint32_t mine;

	if (!value || is_living(id))
		return (uint32_t)id;
	mine = write_born(t, address, next_life(id), caller);
	if (!mine)
		return 0;
	if (!__atomic_compare_exchange_n(value, &id, mine, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
		spare(t, mine);
		return (uint32_t)id;
	}
	note_life(t, DW_INIT, address);
	return mine;
}

uint32_t shim_thing_to_name(struct shim_thread *t, uint64_t address, uint64_t caller)
{
	uint32_t id = ensure_living(t, address, caller);

	/* Named, the record is no other lock's any more, even if this one is never taken. */
	if (id)
		thing_record(id)->flags |= DW_THING_NAMED;
	return id;
}

void shim_thing_is_bql(uint64_t address)
{
	const uint64_t *value = shim_map_find(&shim->things, address);

	if (value && (uint32_t)*value)
		thing_record((uint32_t)*value)->flags |= DW_THING_BQL;
}

struct freeing {
	struct shim_thread *t;
	uint64_t caller;
};

/* A lock whose memory was freed is held no more: what comes to lie there is another. */
static void lost_with_its_memory(struct shim_thread *t, uint64_t address)
{
	while (dw_thread_find(&t->thread, address)) {
		note_life(t, DW_DROP, address);
		dw_thread_drop(&t->thread, address);
	}
}

static void freed(uint64_t address, uint64_t *value, void *context)
{
	struct freeing *f = context;

	misused(f->t, DW_MISUSE_FREE, address, f->caller);
	lost_with_its_memory(f->t, address);
	end_life(f->t, address, value, DW_THING_ENDED | DW_THING_FREED);
	note_life(f->t, DW_DESTROY, address);
}

void shim_memory_freed(struct shim_thread *t, uint64_t from, uint64_t to, uint64_t caller)
{
	shim_map_range(&shim->things, from, to, freed, &(struct freeing){t, caller});
}

void shim_handed_over(uint64_t address, uint32_t tid)
{
	uint64_t i = __atomic_fetch_add(&shim->n_handed, 1, __ATOMIC_ACQ_REL);
	struct shim_handed *handed = &shim->handed[i % SHIM_HANDED_MAX];

	handed->tid = tid;
	__atomic_store_n(&handed->address, address, __ATOMIC_RELEASE);
}
