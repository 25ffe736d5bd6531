/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into an unmodified QEMU: two threads that take the real BQL and a lock of
 * ours in opposite orders, one after the other, so that nothing hangs, but could.
 *
 *   inverter 1:  hold BQL; hold ours; drop ours; drop BQL; ...... stays until 2 is done
 *   inverter 2:  ........................................ hold ours; hold BQL; drop both
 *
 * In any other program it does nothing.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

pthread_mutex_t inverted_lock = PTHREAD_MUTEX_INITIALIZER;

static void (*bql_lock)(const char *file, int line);
static void (*bql_unlock)(void);
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

static void *bql_first(void *unused)
{
	(void)unused;
	while (!has_thread("CPU 1/")) /* the BQL is there when the vCPUs are */
		usleep(1000);
	bql_lock(__FILE__, __LINE__);
	pthread_mutex_lock(&inverted_lock);
	pthread_mutex_unlock(&inverted_lock);
	bql_unlock();
	phase = 1;
	wait_for_phase(2);
	return NULL;
}

static void *ours_first(void *unused)
{
	(void)unused;
	wait_for_phase(1);
	pthread_mutex_lock(&inverted_lock);
	bql_lock(__FILE__, __LINE__);
	bql_unlock();
	pthread_mutex_unlock(&inverted_lock);
	phase = 2;
	return NULL;
}

/* A function of the program, under its name until 8.2 or its name since 9.0. */
static void *find(const char *before, const char *since)
{
	void *function = dlsym(RTLD_DEFAULT, before);

	return function ? function : dlsym(RTLD_DEFAULT, since);
}

__attribute__((constructor)) static void begin(void)
{
	pthread_t one, two;

	*(void **)&bql_lock = find("qemu_mutex_lock_iothread_impl", "bql_lock_impl");
	*(void **)&bql_unlock = find("qemu_mutex_unlock_iothread", "bql_unlock");
	if (!bql_lock || !bql_unlock)
		return;
	pthread_create(&one, NULL, bql_first, NULL);
	pthread_create(&two, NULL, ours_first, NULL);
	pthread_setname_np(one, "inverter 1");
	pthread_setname_np(two, "inverter 2");
	pthread_detach(one);
	pthread_detach(two);
}
