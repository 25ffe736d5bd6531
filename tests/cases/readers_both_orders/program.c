/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two readers nest two rwlocks in both orders.
 *
 * No writer was ever seen: excused. In mode "writer" both locks are written as well, but
 * let readers pass a queued writer (the default kind): a reader waits for no reader,
 * excused. In mode "writer-preferred" the locks prefer writers: those that queue for each
 * lock between the two readers stop both, real; "one-writer-preferred": one cannot.
 */
#include "../case.h"

#define N_RACE_ROUNDS 20

static pthread_rwlock_t memory_lock, device_lock;
static unsigned readers_are_done;

static unsigned n_rounds(void)
{
	return case_takes_turns() ? 1 : N_RACE_ROUNDS;
}

CASE_FN void read_memory_then_device(void)
{
	pthread_rwlock_rdlock(&memory_lock);
	pthread_rwlock_rdlock(&device_lock);
	pthread_rwlock_unlock(&device_lock);
	pthread_rwlock_unlock(&memory_lock);
}

CASE_FN void read_device_then_memory(void)
{
	pthread_rwlock_rdlock(&device_lock);
	pthread_rwlock_rdlock(&memory_lock);
	pthread_rwlock_unlock(&memory_lock);
	pthread_rwlock_unlock(&device_lock);
}

CASE_FN void write_one(pthread_rwlock_t *lock)
{
	pthread_rwlock_wrlock(lock);
	pthread_rwlock_unlock(lock);
}

static void *memory_reader(void *arg)
{
	case_name("memory_reader");
	case_turn(0);
	for (unsigned i = 0; i < n_rounds(); i++)
		read_memory_then_device();
	case_turn_over(0);
	return arg;
}

static void *device_reader(void *arg)
{
	case_name("device_reader");
	case_turn(1);
	for (unsigned i = 0; i < n_rounds(); i++)
		read_device_then_memory();
	case_turn_over(1);
	return arg;
}

static bool is_one_writer(void)
{
	return strstr(case_mode, "one-writer");
}

/* In races there is always one that writes, or is about to. */
static void *writer(void *arg)
{
	unsigned turn = arg == &memory_lock ? 2 : 3;

	case_name("writer");
	case_turn(turn);
	do {
		write_one(arg);
		if (is_one_writer())
			write_one(&device_lock);
		sched_yield();
	} while (!case_takes_turns() && !case_flag_is_up(&readers_are_done));
	case_turn_over(turn);
	return NULL;
}

static void init_locks(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	if (strstr(case_mode, "writer-preferred"))
		pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&memory_lock, &attr);
	pthread_rwlock_init(&device_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int main(int argc, char **argv)
{
	pthread_t readers[2], writers[2];
	unsigned n_writers;

	case_begin(argc, argv);
	init_locks();
	n_writers = is_one_writer() ? 1 : strstr(case_mode, "writer") ? 2 : 0;
	for (unsigned i = 0; i < n_writers; i++)
		writers[i] = case_start(writer, i ? &device_lock : &memory_lock);
	readers[0] = case_start(memory_reader, NULL);
	readers[1] = case_start(device_reader, NULL);
	for (unsigned i = 0; i < 2; i++)
		case_join(readers[i]);
	case_flag_raise(&readers_are_done);
	for (unsigned i = 0; i < n_writers; i++)
		case_join(writers[i]);
	return 0;
}
