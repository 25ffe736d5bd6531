/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Other programs are started in every way there is, while this one holds a lock and others wait
 * for their turn. A vfork child shares its parent's memory; the shim's state too.
 */
#include "host.h"

#include <signal.h>
#include <spawn.h>

#define CHILDREN 20

extern char **environ;

pthread_mutex_t held = HOST_MUTEX, a = HOST_MUTEX, b = HOST_MUTEX;

static sem_t turn;
static volatile sig_atomic_t ended; /* children, as SIGCHLD has it */

static void count(int number)
{
	(void)number;
	ended = ended + 1;
}

static void *run(void *argument)
{
	host_wait(&turn);
	host_lock_both(&b, &a);
	return argument;
}

static int spawn(const char *command)
{
	char *arguments[] = {"sh", "-c", (char *)command, NULL};
	pid_t child;

	HOST_CHECK(posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ) == 0);
	return host_reap(child);
}

static int spawn_by_vfork(const char *command)
{
	pid_t child = vfork();

	if (child == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return host_reap(child);
}

static int run_by_system(const char *command)
{
	int status = system(command);

	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_by_popen(void)
{
	FILE *stream = popen("echo 7", "r");
	int n = 0;

	HOST_CHECK(stream && fscanf(stream, "%d", &n) == 1);
	HOST_CHECK(pclose(stream) == 0);
	return n;
}

int main(void)
{
	struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
	int sum = 0;
	pthread_t thread;

	sem_init(&turn, 0, 0);
	thread = host_start(run, NULL);
	host_lock(&held);
	HOST_CHECK(sigaction(SIGCHLD, &action, NULL) == 0);
	for (int i = 0; i < CHILDREN; i++) {
		sum += spawn("exit 1");
		sum += spawn_by_vfork("exit 2");
	}
	printf("spawned: %d; children that ended: %d\n", sum, (int)ended);
	printf("system: %d; popen: %d\n", run_by_system("exit 5"), read_by_popen());
	host_unlock(&held);
	host_lock_both(&a, &b);
	sem_post(&turn);
	host_join(thread);
	HOST_CHECK(waitpid(-1, NULL, WNOHANG) == -1); /* nobody that we do not know of */
	return 0;
}
