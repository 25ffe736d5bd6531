/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two readers nest two rwlocks in both orders.
 *
 * No writer was ever seen: excused. In mode "writer" both locks are written as well, but
 * let readers pass a queued writer (the default kind): a reader waits for no reader,
 * excused. In mode "writer-preferred" the locks prefer writers: a writer that queues
 * between the two readers stops both, real.
 */
#include "../case.h"

static pthread_rwlock_t memory_lock, device_lock;

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

CASE_FN void write_each(void)
{
	pthread_rwlock_wrlock(&memory_lock);
	pthread_rwlock_unlock(&memory_lock);
	pthread_rwlock_wrlock(&device_lock);
	pthread_rwlock_unlock(&device_lock);
}

static void *memory_reader(void *arg)
{
	case_name("memory_reader");
	case_turn(0);
	read_memory_then_device();
	case_turn_over(0);
	return arg;
}

static void *device_reader(void *arg)
{
	case_name("device_reader");
	case_turn(1);
	read_device_then_memory();
	case_turn_over(1);
	return arg;
}

static void *writer(void *arg)
{
	case_name("writer");
	case_turn(2);
	if (!case_is("benign"))
		write_each();
	return arg;
}

static void init_locks(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	if (case_is("writer-preferred"))
		pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&memory_lock, &attr);
	pthread_rwlock_init(&device_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

int main(int argc, char **argv)
{
	pthread_t threads[3];

	case_begin(argc, argv);
	init_locks();
	threads[0] = case_start(memory_reader, NULL);
	threads[1] = case_start(device_reader, NULL);
	threads[2] = case_start(writer, NULL);
	for (unsigned i = 0; i < 3; i++)
		case_join(threads[i]);
	return 0;
}
