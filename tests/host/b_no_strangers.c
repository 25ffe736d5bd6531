// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a process can find out about itself: its threads, children, descriptors, signal
 * handlers, masks, timers, limits and environment are its own.
 */
#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

static pthread_mutex_t outer = HOST_MUTEX, inner = HOST_MUTEX;

static int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	HOST_CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Lines of a status file that say something about the whole process. */
static void show_status(void)
{
	static const char *const keys[] = {"Threads",    "SigBlk", "SigIgn", "SigCgt",   "Seccomp",
					   "NoNewPrivs", "CapEff", "FDSize", "TracerPid"};
	FILE *file = fopen("/proc/thread-self/status", "r");
	char line[256];

	HOST_CHECK(file);
	while (fgets(line, sizeof(line), file))
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (!strncmp(line, keys[i], strlen(keys[i])))
				fputs(line, stdout);
	fclose(file);
}

static void show(const char *when)
{
	struct itimerval timer;
	struct rlimit limit;
	char folder[4096];

	printf("%s\n", when);
	printf("threads: %d\n", entries("/proc/self/task") - 2);
	printf("descriptors: %d\n", entries("/proc/self/fd") - 2);
	HOST_CHECK(waitpid(-1, NULL, WNOHANG) < 0);
	printf("children: %s\n", strerrorname_np(errno));
	HOST_CHECK(getitimer(ITIMER_REAL, &timer) == 0 && getitimer(ITIMER_PROF, &timer) == 0);
	printf("timer: %ld\n", timer.it_value.tv_sec + timer.it_value.tv_usec);
	HOST_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	printf("limit: %lu\n", (unsigned long)limit.rlim_cur);
	HOST_CHECK(getcwd(folder, sizeof(folder)));
	printf("here: %d\n", entries(folder) - 2);
	show_status();
}

static void *work(void *argument)
{
	host_lock_both(&outer, &inner);
	show(argument);
	return NULL;
}

int main(void)
{
	show("at the start");
	host_lock_both(&outer, &inner);
	show("with locks");
	host_join(host_start(work, "with a thread"));
	host_lock_both(&inner, &outer);
	show("at the end");
	HOST_CHECK(pipe((int[2]){0}) == 0);
	printf("next descriptor: %d\n", dup(0));
	return 0;
}
