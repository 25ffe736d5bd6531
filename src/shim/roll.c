/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The roll of threads: who has this handle, this kernel's number, this number. What is found is a
 * thread's record, which stays where it is when the thread has ended.
 */
#include "shim/shim.h"

/* Entries in which a thread may be, beginning at the hash of its kernel's number. */
#define PROBES 16

static struct dw_rec_thread *record_of(uint32_t id)
{
	return dw_writer_record(&shim->writer, id);
}

static bool has_ended(uint32_t id)
{
	return __atomic_load_n(&record_of(id)->flags, __ATOMIC_RELAXED) & DW_THREAD_EXITED;
}

static uint32_t *entry_of_tid(uint32_t tid, uint32_t i)
{
	return &shim->tids[((dw_hash(0, tid) >> 40) + i) & (SHIM_TIDS - 1)];
}

/* Where all its entries are taken by living threads, nobody will find it by this number. */
static void add_tid(uint32_t record, uint32_t tid)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t *entry = entry_of_tid(tid, i);
		uint32_t there = __atomic_load_n(entry, __ATOMIC_ACQUIRE);

		if (there && !has_ended(there))
			continue;
		if (__atomic_compare_exchange_n(entry, &there, record, 0, __ATOMIC_RELEASE,
						__ATOMIC_RELAXED))
			return;
	}
}

void shim_roll_add(uint32_t record)
{
	const struct dw_rec_thread *thread = record_of(record);

	__atomic_store_n(&shim->numbers[thread->number & (SHIM_NUMBERS - 1)], record,
			 __ATOMIC_RELEASE);
	if (thread->tid)
		add_tid(record, thread->tid);
}

uint32_t shim_roll_find_tid(uint32_t tid)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		uint32_t id = __atomic_load_n(entry_of_tid(tid, i), __ATOMIC_ACQUIRE);

		if (id && record_of(id)->tid == tid && !has_ended(id))
			return record_of(id)->number;
	}
	return 0;
}

struct dw_slot *shim_roll_slot(uint32_t number)
{
	uint32_t id =
	    __atomic_load_n(&shim->numbers[number & (SHIM_NUMBERS - 1)], __ATOMIC_ACQUIRE);
	uint32_t slot;

	if (!id || record_of(id)->number != number || has_ended(id))
		return NULL;
	slot = __atomic_load_n(&record_of(id)->slot, __ATOMIC_ACQUIRE);
	return slot ? &((struct dw_rec_slot *)dw_writer_record(&shim->writer, slot))->slot : NULL;
}

/* No record: it has not begun yet. */
void shim_roll_add_handle(pthread_t handle, uint32_t number, uint32_t record)
{
	uint64_t *value = shim_map_ensure(&shim->threads, (uint64_t)handle);

	if (value)
		__atomic_store_n(value, (uint64_t)record << 32 | number, __ATOMIC_RELEASE);
}

/* A record may have been added since; a new owner of the handle has another number. */
void shim_roll_remove_handle(pthread_t handle, uint32_t number)
{
	uint64_t *value = shim_map_find(&shim->threads, (uint64_t)handle);
	uint64_t known = value ? __atomic_load_n(value, __ATOMIC_ACQUIRE) : 0;

	if (known && (uint32_t)known == number)
		__atomic_compare_exchange_n(value, &known, 0, 0, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED);
}

uint64_t shim_roll_find_handle(pthread_t handle)
{
	const uint64_t *value = shim_map_find(&shim->threads, (uint64_t)handle);

	return value ? __atomic_load_n(value, __ATOMIC_ACQUIRE) : 0;
}
