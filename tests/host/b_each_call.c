// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every call that can block and that the shim stands in for, by each of its names, once, with a
 * lock held around it: so that what is told of each can be compared (run-told.py).
 */
#undef _FILE_OFFSET_BITS /* with it, the first names of some calls would mean the second ones */
#include "host.h"

#include <aio.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>

static pthread_mutex_t around = HOST_MUTEX;
static unsigned event_word, lock_word;

static const struct timespec past = {.tv_sec = 1}, at_once = {.tv_nsec = 1};

/* What is called where the room for a result is checked. */
int __poll_chk(struct pollfd *p, nfds_t n, int t, size_t z);
int __ppoll_chk(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *s, size_t z);
ssize_t __read_chk(int fd, void *b, size_t n, size_t z);
ssize_t __pread_chk(int fd, void *b, size_t n, off_t o, size_t z);
ssize_t __pread64_chk(int fd, void *b, size_t n, off_t o, size_t z);
ssize_t __recv_chk(int fd, void *b, size_t n, size_t z, int f);
ssize_t __recvfrom_chk(int fd, void *b, size_t n, size_t z, int f, void *a, socklen_t *l);
int __open_2(const char *p, int f);
int __open64_2(const char *p, int f);
int __openat_2(int d, const char *p, int f);
int __openat64_2(int d, const char *p, int f);

static void polls(void)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	poll(NULL, 0, 1);
	__poll_chk(NULL, 0, 1, 0);
	ppoll(NULL, 0, &at_once, NULL);
	__ppoll_chk(NULL, 0, &at_once, NULL, 0);
	select(0, NULL, NULL, NULL, &(struct timeval){.tv_usec = 1});
	pselect(0, NULL, NULL, NULL, &at_once, &none);
	epoll_wait(-1, &event, 1, -1);
	epoll_pwait(-1, &event, 1, -1, NULL);
	epoll_pwait2(-1, &event, 1, NULL, NULL);
	/* Those that ask and do not wait. */
	poll(NULL, 0, 0);
	ppoll(NULL, 0, &(struct timespec){0}, NULL);
	select(0, NULL, NULL, NULL, &(struct timeval){0});
	epoll_wait(-1, &event, 1, 0);
}

static void reads_and_writes(void)
{
	char room[8] = "";
	struct iovec part = {room, 1};

	HOST_CHECK(read(-1, room, 1) < 0);
	HOST_CHECK(__read_chk(-1, room, 1, sizeof(room)) < 0);
	readv(-1, &part, 1);
	HOST_CHECK(pread(-1, room, 1, 0) < 0);
	HOST_CHECK(pread64(-1, room, 1, 0) < 0);
	HOST_CHECK(__pread_chk(-1, room, 1, 0, sizeof(room)) < 0);
	HOST_CHECK(__pread64_chk(-1, room, 1, 0, sizeof(room)) < 0);
	preadv(-1, &part, 1, 0);
	preadv64(-1, &part, 1, 0);
	preadv2(-1, &part, 1, 0, 0);
	preadv64v2(-1, &part, 1, 0, 0);
	preadv2(-1, &part, 1, 0, RWF_NOWAIT);
	HOST_CHECK(write(-1, room, 1) < 0);
	writev(-1, &part, 1);
	HOST_CHECK(pwrite(-1, room, 1, 0) < 0);
	HOST_CHECK(pwrite64(-1, room, 1, 0) < 0);
	pwritev(-1, &part, 1, 0);
	pwritev64(-1, &part, 1, 0);
	pwritev2(-1, &part, 1, 0, 0);
	pwritev64v2(-1, &part, 1, 0, 0);
	sendfile(-1, -1, NULL, 1);
	sendfile64(-1, -1, NULL, 1);
	HOST_CHECK(splice(-1, NULL, -1, NULL, 1, 0) < 0);
	HOST_CHECK(tee(-1, -1, 1, 0) < 0);
	HOST_CHECK(vmsplice(-1, &part, 1, 0) < 0);
	copy_file_range(-1, NULL, -1, NULL, 1, 0);
	aio_suspend((const struct aiocb *[]){NULL}, 1, &at_once);
	aio_suspend64((const struct aiocb64 *[]){NULL}, 1, &at_once);
	tcdrain(-1);
	ioctl(-1, TCGETS, room);
}

static void sockets(void)
{
	char room[8] = "";
	struct iovec part = {room, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};

	recv(-1, room, 1, 0);
	recv(-1, room, 1, MSG_DONTWAIT);
	__recv_chk(-1, room, 1, sizeof(room), 0);
	recvfrom(-1, room, 1, 0, NULL, NULL);
	__recvfrom_chk(-1, room, 1, sizeof(room), 0, NULL, NULL);
	recvmsg(-1, &message.msg_hdr, 0);
	recvmmsg(-1, &message, 1, 0, NULL);
	recvmmsg(-1, &message, 1, MSG_DONTWAIT, NULL);
	send(-1, room, 1, 0);
	sendto(-1, room, 1, 0, NULL, 0);
	sendmsg(-1, &message.msg_hdr, 0);
	sendmmsg(-1, &message, 1, 0);
	connect(-1, (struct sockaddr *)room, 2);
	accept(-1, NULL, NULL);
	accept4(-1, NULL, NULL, 0);
}

static void files(void)
{
	struct flock lock = {.l_type = F_RDLCK};

	HOST_CHECK(open("/dev/null", O_RDONLY | O_NONBLOCK) >= 0);
	HOST_CHECK(open("/none", O_RDONLY) < 0);
	HOST_CHECK(open64("/none", O_RDONLY) < 0);
	HOST_CHECK(openat(AT_FDCWD, "/none", O_RDONLY) < 0);
	HOST_CHECK(openat64(AT_FDCWD, "/none", O_RDONLY) < 0);
	HOST_CHECK(__open_2("/none", O_RDONLY) < 0);
	HOST_CHECK(__open64_2("/none", O_RDONLY) < 0);
	HOST_CHECK(__openat_2(AT_FDCWD, "/none", O_RDONLY) < 0);
	HOST_CHECK(__openat64_2(AT_FDCWD, "/none", O_RDONLY) < 0);
	HOST_CHECK(creat("/none/none", 0600) < 0);
	HOST_CHECK(creat64("/none/none", 0600) < 0);
	flock(-1, LOCK_EX);
	flock(-1, LOCK_EX | LOCK_NB);
	fcntl(-1, F_SETLKW, &lock);
	fcntl64(-1, F_OFD_SETLKW, &lock);
	fcntl(-1, F_SETLK, &lock);
	HOST_CHECK(lockf(-1, F_LOCK, 0) < 0);
	HOST_CHECK(lockf64(-1, F_LOCK, 0) < 0);
	HOST_CHECK(lockf(-1, F_TLOCK, 0) < 0);
	fsync(-1);
	fdatasync(-1);
	syncfs(-1);
	msync(NULL, 0, MS_SYNC);
	msync(NULL, 0, MS_ASYNC);
}

static void queues(void)
{
	struct sembuf operation = {.sem_flg = 0};
	struct msgbuf {
		long type;
		char text[8];
	} message = {.type = 1};

	mq_receive(-1, message.text, 8, NULL);
	mq_timedreceive(-1, message.text, 8, NULL, &past);
	mq_send(-1, message.text, 8, 0);
	mq_timedsend(-1, message.text, 8, 0, &past);
	msgrcv(-1, &message, 8, 0, 0);
	msgrcv(-1, &message, 8, 0, IPC_NOWAIT);
	msgsnd(-1, &message, 8, 0);
	semop(-1, &operation, 1);
	semtimedop(-1, &operation, 1, &at_once);
}

static void sleeps(void)
{
	nanosleep(&at_once, NULL);
	clock_nanosleep(CLOCK_MONOTONIC, 0, &at_once, NULL);
	usleep(1);
	sleep(0);
}

static void children(void)
{
	siginfo_t info;
	int status;

	HOST_CHECK(wait(&status) < 0);
	HOST_CHECK(wait3(&status, 0, NULL) < 0);
	HOST_CHECK(wait4(-1, &status, 0, NULL) < 0);
	HOST_CHECK(waitpid(-1, &status, 0) < 0);
	HOST_CHECK(waitpid(-1, &status, WNOHANG) < 0);
	HOST_CHECK(waitid(P_ALL, 0, &info, WEXITED) < 0);
	HOST_CHECK(system("exit 3") >> 8 == 3);
	HOST_CHECK(pclose(popen("exit 4", "r")) >> 8 == 4);
}

static void handle(int number)
{
	(void)number;
}

/* Each is sent before, and let in by the call. */
static void signals(void)
{
	sigset_t usr1, none;
	siginfo_t info;
	int number;

	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	HOST_CHECK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = handle}, NULL) == 0);
	HOST_CHECK(pthread_sigmask(SIG_BLOCK, &usr1, NULL) == 0);
	raise(SIGUSR1);
	HOST_CHECK(sigwait(&usr1, &number) == 0);
	raise(SIGUSR1);
	HOST_CHECK(sigwaitinfo(&usr1, &info) == SIGUSR1);
	HOST_CHECK(sigtimedwait(&usr1, &info, &at_once) < 0);
	raise(SIGUSR1);
	HOST_CHECK(sigsuspend(&none) < 0);
}

static long futex(unsigned *at, int command, unsigned value, const struct timespec *time)
{
	return syscall(SYS_futex, at, command, value, time, at, 0);
}

static void words(void)
{
	futex(&event_word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1, NULL);
	futex(&event_word, FUTEX_WAIT_BITSET, 1, &at_once);
	futex(&event_word, FUTEX_WAIT_REQUEUE_PI, 1, NULL);
	futex(&lock_word, FUTEX_WAIT, 2, NULL);
	futex(&event_word, FUTEX_WAKE, 1, NULL);
	futex(&event_word, FUTEX_WAKE_BITSET, 1, NULL);
	futex(&event_word, FUTEX_REQUEUE, 1, NULL);
	futex(&lock_word, FUTEX_LOCK_PI, 0, NULL);
	futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL);
	futex(&lock_word, FUTEX_LOCK_PI2, 0, NULL);
	futex(&lock_word, FUTEX_UNLOCK_PI, 0, NULL);
	syscall(SYS_io_uring_enter, -1, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	syscall(SYS_io_uring_enter, -1, 1, 0, 0, NULL, 0);
	syscall(SYS_io_getevents, 0, 1, 1, NULL, NULL);
}

static void names(void)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *found;

	HOST_CHECK(getaddrinfo("127.0.0.1", "1", &hints, &found) == 0);
	freeaddrinfo(found);
}

int main(void)
{
	host_lock(&around);
	polls();
	reads_and_writes();
	sockets();
	files();
	queues();
	sleeps();
	children();
	signals();
	words();
	names();
	host_unlock(&around);
	return 0;
}
