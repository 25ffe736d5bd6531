/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All ways in which a process leaves by itself or becomes another program, by fork() and by
 * vfork(): status, arguments and environment are what they were, and who could not become anything
 * goes on.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>

#define SELF "/proc/self/exe"

static pthread_mutex_t a = HOST_MUTEX, b = HOST_MUTEX;

static char *const arguments[] = {"self", "show", "one", "", NULL};
static char *const environment[] = {"DW_HOST=given", NULL};

static void by_execl(const char *path)
{
	execl(path, "self", "show", "one", "", (char *)NULL);
}

static void by_execlp(const char *path)
{
	execlp(path, "self", "show", (char *)NULL);
}

static void by_execle(const char *path)
{
	execle(path, "self", "show", "one", (char *)NULL, environment);
}

static void by_execv(const char *path)
{
	execv(path, arguments);
}

static void by_execvp(const char *path)
{
	execvp(path, arguments);
}

static void by_execve(const char *path)
{
	execve(path, arguments, environment);
}

static void by_execvpe(const char *path)
{
	execvpe(path, arguments, environment);
}

static void by_fexecve(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		fexecve(fd, arguments, environment);
}

static void (*const ways[])(const char *) = {
    by_execl, by_execlp, by_execle, by_execv, by_execvp, by_execve, by_execvpe, by_fexecve,
};

#define N_WAYS (sizeof(ways) / sizeof(ways[0]))

static int show(int argc, char **argv)
{
	const char *given = getenv("DW_HOST");

	for (int i = 2; i < argc; i++)
		printf("'%s' ", argv[i]);
	printf("%s\n", given ? given : "nothing given");
	return 3;
}

/* Where it fails, it locks on; by fork() it has locked before. */
static void become(unsigned i)
{
	pid_t child = fork();

	if (child == 0) {
		host_lock_both(&a, &b);
		ways[i]("/no/such/program");
		HOST_CHECK(errno == ENOENT);
		host_lock_both(&a, &b);
		ways[i](SELF);
	}
	HOST_CHECK(host_reap(child) == 3);
	child = vfork();
	if (child == 0) {
		ways[i]("/no/such/program");
		ways[i](SELF);
		_exit(HOST_FAILED);
	}
	HOST_CHECK(host_reap(child) == 3);
}

static void say_quick(void)
{
	dprintf(STDOUT_FILENO, "quick\n");
}

static void leave(void (*way)(int), int status)
{
	pid_t child = fork();

	if (child == 0) {
		host_lock_both(&a, &b);
		at_quick_exit(say_quick);
		way(status);
	}
	HOST_CHECK(host_reap(child) == status);
}

/* Who becomes a daemon is not reaped by us: its end of the pipe says that it is over. */
static void be_daemon(void)
{
	int ends[2];
	pid_t child;
	char text[8];

	HOST_CHECK(pipe(ends) == 0);
	child = fork();
	if (child == 0) {
		host_lock_both(&a, &b);
		HOST_CHECK(daemon(1, 1) == 0);
		host_lock_both(&a, &b);
		HOST_CHECK(write(ends[1], "daemon", 7) == 7);
		_exit(0);
	}
	HOST_CHECK(host_reap(child) == 0);
	close(ends[1]);
	HOST_CHECK(read(ends[0], text, sizeof(text)) == 7);
	HOST_CHECK(read(ends[0], text + 7, 1) == 0);
	puts(text);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return show(argc, argv);
	setvbuf(stdout, NULL, _IONBF, 0);
	host_lock_both(&a, &b);
	for (unsigned i = 0; i < N_WAYS; i++)
		become(i);
	leave(_exit, 4);
	leave(_Exit, 5);
	leave(quick_exit, 6);
	be_daemon();
	host_lock_both(&a, &b);
	return 0;
}
