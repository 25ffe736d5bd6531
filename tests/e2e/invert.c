/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an unmodified QEMU: two threads that take the real BQL and a lock of ours in
 * opposite orders, one after the other, so that nothing hangs, but could. The second does
 * what a device's worker does: it reads guest memory under a lock of its own, and QEMU takes
 * the BQL for it because a device (the HPET) answers at that address.
 *
 *   inverter 1:  hold BQL; hold ours; drop ours; drop BQL; ...... stays until 2 is done
 *   inverter 2:  ........................................ hold ours; read (hold BQL); drop
 *
 * With INVERT_RACE in the environment both begin when the machine is there, and can hang.
 *
 * In any other program it does nothing.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

pthread_mutex_t inverted_lock = PTHREAD_MUTEX_INITIALIZER;

#define HPET UINT64_C(0xfed00000) /* its first register is its identity: to read it is harmless */

static void (*bql_lock)(const char *file, int line);
static void (*bql_unlock)(void);
static void (*rcu_register_thread)(void);
static void (*rcu_unregister_thread)(void);
static void (*cpu_physical_memory_rw)(uint64_t address, void *data, uint64_t size, _Bool write);
static volatile int phase;

/* Whether a thread is called @name. QEMU names them with `-name guest,debug-threads=on`. */
static int has_thread(const char *name)
{
	char path[300], found[32];
	struct dirent *entry;
	int yes = 0;
	DIR *tasks = opendir("/proc/self/task");

	while (tasks && !yes && (entry = readdir(tasks))) {
		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", entry->d_name);
		FILE *comm = fopen(path, "r");

		if (!comm)
			continue;
		if (fgets(found, sizeof(found), comm))
			yes = !strncmp(found, name, strlen(name));
		fclose(comm);
	}
	if (tasks)
		closedir(tasks);
	return yes;
}

static void wait_for_phase(int wanted)
{
	while (phase < wanted)
		usleep(1000);
}

/* The BQL is there when the vCPUs are. */
static void wait_for_vcpus(void)
{
	while (!has_thread("CPU 1/"))
		usleep(1000);
}

static void *bql_first(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "inverter 1");
	if (getenv("INVERT_RACE"))
		wait_for_phase(1);
	else
		wait_for_vcpus();
	bql_lock(__FILE__, __LINE__);
	pthread_mutex_lock(&inverted_lock);
	pthread_mutex_unlock(&inverted_lock);
	bql_unlock();
	phase = 1;
	wait_for_phase(2);
	return NULL;
}

/* Whoever gets the BQL for the first time knows that the machine is there. */
static void wait_for_machine(void)
{
	wait_for_vcpus();
	bql_lock(__FILE__, __LINE__);
	bql_unlock();
	phase = 1;
}

static void *ours_first(void *unused)
{
	uint32_t identity;

	(void)unused;
	pthread_setname_np(pthread_self(), "inverter 2");
	if (getenv("INVERT_RACE"))
		wait_for_machine();
	else
		wait_for_phase(1);
	rcu_register_thread();
	pthread_mutex_lock(&inverted_lock);
	cpu_physical_memory_rw(HPET, &identity, sizeof(identity), 0);
	pthread_mutex_unlock(&inverted_lock);
	rcu_unregister_thread();
	phase = 2;
	return NULL;
}

/* A function of the program, under its name or, if it was renamed in 9.0, its name since. */
static void *find(const char *name, const char *since)
{
	void *function = dlsym(RTLD_DEFAULT, name);

	return function || !since ? function : dlsym(RTLD_DEFAULT, since);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t one, two;

	*(void **)&bql_lock = find("qemu_mutex_lock_iothread_impl", "bql_lock_impl");
	*(void **)&bql_unlock = find("qemu_mutex_unlock_iothread", "bql_unlock");
	*(void **)&rcu_register_thread = find("rcu_register_thread", NULL);
	*(void **)&rcu_unregister_thread = find("rcu_unregister_thread", NULL);
	*(void **)&cpu_physical_memory_rw = find("cpu_physical_memory_rw", NULL);
	if (!bql_lock || !bql_unlock || !rcu_register_thread || !rcu_unregister_thread ||
	    !cpu_physical_memory_rw)
		return;
	pthread_create(&one, NULL, bql_first, NULL);
	pthread_create(&two, NULL, ours_first, NULL);
	pthread_detach(one);
	pthread_detach(two);
}
