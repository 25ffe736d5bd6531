/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that can block give what they give without us, and set errno as they do: with a lock held,
 * where they are told, and without. Signals end them as ever.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define ODD 12345 /* no errno that there is */
#define SHORT_NS 1000000

pthread_mutex_t around = HOST_MUTEX;

static int calls, pair[2];
static sem_t none, some;
static volatile sig_atomic_t handled;
static const struct timespec negative = {.tv_nsec = -1}, short_time = {.tv_nsec = SHORT_NS}, past;

static void check(const char *call, int line, long result, long expected, int error)
{
	calls++;
	if (result == expected && errno == error)
		return;
	dprintf(STDERR_FILENO, "line %d: %s: %ld, errno %d\n", line, call, result, errno);
	_exit(HOST_FAILED);
}

#define GIVES(expected, error, call)                              \
	do {                                                      \
		long result_;                                     \
                                                                  \
		errno = ODD;                                      \
		result_ = (call);                                 \
		check(#call, __LINE__, result_, expected, error); \
	} while (0)
#define WORKS(expected, call) GIVES(expected, ODD, call)
#define FAILS(error, call) GIVES(-1, error, call)

static void use_descriptors(void)
{
	char room[8];
	struct iovec part = {room, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	WORKS(1, write(pair[0], "a", 1));
	WORKS(1, read(pair[1], room, 8));
	WORKS(1, writev(pair[0], &part, 1));
	WORKS(1, readv(pair[1], &part, 1));
	WORKS(1, send(pair[0], "b", 1, 0));
	WORKS(1, recv(pair[1], room, 8, 0));
	WORKS(1, sendto(pair[0], "c", 1, 0, NULL, 0));
	WORKS(1, recvfrom(pair[1], room, 8, 0, NULL, NULL));
	WORKS(1, sendmsg(pair[0], &message, 0));
	WORKS(1, recvmsg(pair[1], &message, 0));
	FAILS(EAGAIN, recv(pair[1], room, 8, MSG_DONTWAIT));
	FAILS(EBADF, read(-1, room, 1));
	FAILS(EBADF, write(-1, room, 1));
	FAILS(EBADF, accept(-1, NULL, NULL));
	FAILS(EINVAL, accept(pair[0], NULL, NULL));
	FAILS(EBADF, connect(-1, (struct sockaddr *)room, 1));
	FAILS(ENOTTY, ioctl(pair[0], TIOCGWINSZ, room));
	FAILS(EBADF, flock(-1, LOCK_EX));
	FAILS(EINVAL, fsync(pair[0]));
	FAILS(EBADF, fcntl(-1, F_SETLKW, &(struct flock){.l_type = F_WRLCK}));
	WORKS(FD_CLOEXEC, fcntl(pair[0], F_GETFD));
	FAILS(ECHILD, waitpid(-1, NULL, 0));
}

static void use_polls(void)
{
	struct pollfd poll_for = {.fd = pair[1], .events = POLLIN | POLLOUT};
	struct epoll_event event;
	fd_set set;

	WORKS(0, poll(NULL, 0, 0));
	WORKS(0, poll(NULL, 0, 1));
	WORKS(1, poll(&poll_for, 1, -1));
	WORKS(1, ppoll(&poll_for, 1, NULL, NULL));
	WORKS(0, ppoll(NULL, 0, &short_time, NULL));
	FAILS(EINVAL, ppoll(NULL, 0, &negative, NULL));
	FD_ZERO(&set);
	FD_SET(pair[1], &set);
	WORKS(1, select(pair[1] + 1, NULL, &set, NULL, NULL));
	WORKS(0, pselect(0, NULL, NULL, NULL, &short_time, NULL));
	FAILS(EBADF, epoll_wait(-1, &event, 1, -1));
	FAILS(EBADF, epoll_pwait(-1, &event, 1, 0, NULL));
}

static void use_time(void)
{
	struct timespec soon;

	WORKS(0, nanosleep(&short_time, NULL));
	FAILS(EINVAL, nanosleep(&negative, NULL));
	WORKS(EINVAL, clock_nanosleep(CLOCK_MONOTONIC, 0, &negative, NULL));
	WORKS(0, usleep(1));
	WORKS(0, sleep(0));
	FAILS(EAGAIN, sem_trywait(&none));
	FAILS(ETIMEDOUT, sem_timedwait(&none, &past));
	clock_gettime(CLOCK_MONOTONIC, &soon);
	FAILS(ETIMEDOUT, sem_clockwait(&none, CLOCK_MONOTONIC, &soon));
	WORKS(0, sem_post(&some));
	WORKS(0, sem_wait(&some));
}

static void count(int number)
{
	(void)number;
	handled = handled + 1;
}

static void ring_soon(void)
{
	struct itimerval time = {.it_value.tv_usec = 2000, .it_interval.tv_usec = 20000};

	HOST_CHECK(setitimer(ITIMER_REAL, &time, NULL) == 0);
}

#define IS_INTERRUPTED(call)        \
	do {                        \
		ring_soon();        \
		FAILS(EINTR, call); \
	} while (0)

static void be_interrupted(void)
{
	struct timespec far = {.tv_sec = 1000};
	char room[8];

	HOST_CHECK(sigaction(SIGALRM, &(struct sigaction){.sa_handler = count}, NULL) == 0);
	IS_INTERRUPTED(read(pair[1], room, 8));
	IS_INTERRUPTED(poll(NULL, 0, -1));
	IS_INTERRUPTED(select(0, NULL, NULL, NULL, NULL));
	IS_INTERRUPTED(nanosleep(&far, NULL));
	IS_INTERRUPTED(sem_wait(&none));
	IS_INTERRUPTED(recv(pair[1], room, 8, 0));
	IS_INTERRUPTED(pause());
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
	HOST_CHECK(handled >= 7);
}

static void *use_all(void *argument)
{
	use_descriptors();
	use_polls();
	use_time();
	be_interrupted();
	return argument;
}

int main(void)
{
	HOST_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	sem_init(&none, 0, 0);
	sem_init(&some, 0, 0);
	use_all(NULL);
	host_lock(&around);
	use_all(NULL);
	host_unlock(&around);
	printf("%d calls\n", calls);
	return 0;
}
