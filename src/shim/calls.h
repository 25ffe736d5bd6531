/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that can block: a row each. Every one costs a look at the thread's own state while that
 * holds nothing.
 */
#pragma once

#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum shim_call_flag {
	SHIM_SLEEPS = 1, /* no event can end it, but for a signal */
	SHIM_IDLES = 2,  /* what follows it is a new activity */
};

/* In place of a DW_TIMED or 0: it cannot block, and is not told. */
#define SHIM_AT_ONCE UINT32_MAX

/*
 * X(version, type, name, (parameters), (arguments), called, how, flags): `called` is its name in
 * DW_CALLS, `how` and `flags` may depend on the arguments. The first five are those of
 * SHIM_REAL().
 */
#define SHIM_CALLS(X)                                                                              \
	X(NULL, int, poll, (struct pollfd * p, nfds_t n, int t), (p, n, t), "poll", after_ms(t),   \
	  SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))                                                      \
	X(NULL, int, __poll_chk, (struct pollfd * p, nfds_t n, int t, size_t z), (p, n, t, z),     \
	  "poll", after_ms(t), SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))                                 \
	X(NULL, int, ppoll,                                                                        \
	  (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *s),              \
	  (p, n, t, s), "ppoll", after(t), SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))                     \
	X(NULL, int, __ppoll_chk,                                                                  \
	  (struct pollfd * p, nfds_t n, const struct timespec *t, const sigset_t *s, size_t z),    \
	  (p, n, t, s, z), "ppoll", after(t), SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))                  \
	X(NULL, int, select, (int n, fd_set *r, fd_set *w, fd_set *e, struct timeval *t),          \
	  (n, r, w, e, t), "select", after_timeval(t), SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))         \
	X(NULL, int, pselect,                                                                      \
	  (int n, fd_set *r, fd_set *w, fd_set *e, const struct timespec *t, const sigset_t *s),   \
	  (n, r, w, e, t, s), "pselect", after(t), SHIM_IDLES | (n ? 0 : SHIM_SLEEPS))             \
	X(NULL, int, epoll_wait, (int fd, struct epoll_event *e, int n, int t), (fd, e, n, t),     \
	  "epoll_wait", after_ms(t), SHIM_IDLES)                                                   \
	X(NULL, int, epoll_pwait,                                                                  \
	  (int fd, struct epoll_event *e, int n, int t, const sigset_t *s), (fd, e, n, t, s),      \
	  "epoll_pwait", after_ms(t), SHIM_IDLES)                                                  \
	X(NULL, int, epoll_pwait2,                                                                 \
	  (int fd, struct epoll_event *e, int n, const struct timespec *t, const sigset_t *s),     \
	  (fd, e, n, t, s), "epoll_pwait", after(t), SHIM_IDLES)                                   \
	X(NULL, ssize_t, read, (int fd, void *b, size_t n), (fd, b, n), "read", 0, 0)              \
	X(NULL, ssize_t, __read_chk, (int fd, void *b, size_t n, size_t z), (fd, b, n, z), "read", \
	  0, 0)                                                                                    \
	X(NULL, ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), "read", 0, 0)  \
	X(NULL, ssize_t, write, (int fd, const void *b, size_t n), (fd, b, n), "write", 0, 0)      \
	X(NULL, ssize_t, writev, (int fd, const struct iovec *v, int n), (fd, v, n), "write", 0,   \
	  0)                                                                                       \
	X(NULL, ssize_t, recv, (int fd, void *b, size_t n, int f), (fd, b, n, f), "recv",          \
	  unless(f &MSG_DONTWAIT), 0)                                                              \
	X(NULL, ssize_t, __recv_chk, (int fd, void *b, size_t n, size_t z, int f),                 \
	  (fd, b, n, z, f), "recv", unless(f &MSG_DONTWAIT), 0)                                    \
	X(NULL, ssize_t, recvfrom,                                                                 \
	  (int fd, void *b, size_t n, int f, __SOCKADDR_ARG a, socklen_t *l), (fd, b, n, f, a, l), \
	  "recvfrom", unless(f &MSG_DONTWAIT), 0)                                                  \
	X(NULL, ssize_t, __recvfrom_chk,                                                           \
	  (int fd, void *b, size_t n, size_t z, int f, __SOCKADDR_ARG a, socklen_t *l),            \
	  (fd, b, n, z, f, a, l), "recvfrom", unless(f &MSG_DONTWAIT), 0)                          \
	X(NULL, ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f), "recvmsg",        \
	  unless(f &MSG_DONTWAIT), 0)                                                              \
	X(NULL, ssize_t, send, (int fd, const void *b, size_t n, int f), (fd, b, n, f), "send",    \
	  unless(f &MSG_DONTWAIT), 0)                                                              \
	X(NULL, ssize_t, sendto,                                                                   \
	  (int fd, const void *b, size_t n, int f, __CONST_SOCKADDR_ARG a, socklen_t l),           \
	  (fd, b, n, f, a, l), "sendto", unless(f &MSG_DONTWAIT), 0)                               \
	X(NULL, ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), "sendmsg",  \
	  unless(f &MSG_DONTWAIT), 0)                                                              \
	X(NULL, int, connect, (int fd, __CONST_SOCKADDR_ARG a, socklen_t l), (fd, a, l),           \
	  "connect", 0, 0)                                                                         \
	X(NULL, int, accept, (int fd, __SOCKADDR_ARG a, socklen_t *l), (fd, a, l), "accept", 0, 0) \
	X(NULL, int, accept4, (int fd, __SOCKADDR_ARG a, socklen_t *l, int f), (fd, a, l, f),      \
	  "accept", 0, 0)                                                                          \
	X(NULL, int, nanosleep, (const struct timespec *t, struct timespec *r), (t, r),            \
	  "nanosleep", DW_TIMED, SHIM_SLEEPS)                                                      \
	X(NULL, int, clock_nanosleep,                                                              \
	  (clockid_t k, int f, const struct timespec *t, struct timespec *r), (k, f, t, r),        \
	  "clock_nanosleep", DW_TIMED, SHIM_SLEEPS)                                                \
	X(NULL, int, thrd_sleep, (const struct timespec *t, struct timespec *r), (t, r),           \
	  "nanosleep", DW_TIMED, SHIM_SLEEPS)                                                      \
	X(NULL, int, usleep, (useconds_t t), (t), "usleep", DW_TIMED, SHIM_SLEEPS)                 \
	X(NULL, unsigned, sleep, (unsigned t), (t), "sleep", DW_TIMED, SHIM_SLEEPS)                \
	X(NULL, int, flock, (int fd, int o), (fd, o), "flock", unless(o &(LOCK_NB | LOCK_UN)), 0)  \
	X(NULL, int, fsync, (int fd), (fd), "fsync", 0, 0)                                         \
	X(NULL, int, fdatasync, (int fd), (fd), "fdatasync", 0, 0)                                 \
	X(NULL, pid_t, wait, (int *s), (s), "waitpid", 0, 0)                                       \
	X(NULL, pid_t, waitpid, (pid_t p, int *s, int o), (p, s, o), "waitpid",                    \
	  unless(o &WNOHANG), 0)                                                                   \
	X(NULL, pid_t, wait4, (pid_t p, int *s, int o, struct rusage *u), (p, s, o, u), "waitpid", \
	  unless(o &WNOHANG), 0)                                                                   \
	X(NULL, int, waitid, (idtype_t t, id_t i, siginfo_t * s, int o), (t, i, s, o), "waitid",   \
	  unless(o &WNOHANG), 0)                                                                   \
	X(NULL, int, sigwait, (const sigset_t *s, int *n), (s, n), "sigwait", 0, 0)                \
	X(NULL, int, sigwaitinfo, (const sigset_t *s, siginfo_t *i), (s, i), "sigwait", 0, 0)      \
	X(NULL, int, sigtimedwait, (const sigset_t *s, siginfo_t *i, const struct timespec *t),    \
	  (s, i, t), "sigwait", after(t), 0)                                                       \
	SHIM_CALLS_RARE(X)

/* The same, of those that few programs make. */
#define SHIM_CALLS_RARE(X)                                                                         \
	X(NULL, int, recvmmsg, (int fd, struct mmsghdr *m, unsigned n, int f, struct timespec *t), \
	  (fd, m, n, f, t), "recvmmsg", f &MSG_DONTWAIT ? SHIM_AT_ONCE : after(t), 0)              \
	X(NULL, int, sendmmsg, (int fd, struct mmsghdr *m, unsigned n, int f), (fd, m, n, f),      \
	  "sendmmsg", unless(f &MSG_DONTWAIT), 0)                                                  \
	X(NULL, int, syncfs, (int fd), (fd), "sync", 0, 0)                                         \
	X(NULL, int, msync, (void *p, size_t n, int f), (p, n, f), "msync",                        \
	  unless(!(f & MS_SYNC)), 0)                                                               \
	X(NULL, ssize_t, splice, (int a, off64_t *b, int c, off64_t *d, size_t n, unsigned f),     \
	  (a, b, c, d, n, f), "splice", unless(f &SPLICE_F_NONBLOCK), 0)                           \
	X(NULL, ssize_t, tee, (int a, int b, size_t n, unsigned f), (a, b, n, f), "splice",        \
	  unless(f &SPLICE_F_NONBLOCK), 0)                                                         \
	X(NULL, ssize_t, vmsplice, (int fd, const struct iovec *v, size_t n, unsigned f),          \
	  (fd, v, n, f), "splice", unless(f &SPLICE_F_NONBLOCK), 0)                                \
	X(NULL, ssize_t, copy_file_range,                                                          \
	  (int a, off64_t *b, int c, off64_t *d, size_t n, unsigned f), (a, b, c, d, n, f),        \
	  "copy_file_range", 0, 0)                                                                 \
	X(NULL, ssize_t, mq_receive, (mqd_t q, char *b, size_t n, unsigned *p), (q, b, n, p),      \
	  "mq_receive", 0, 0)                                                                      \
	X(NULL, ssize_t, mq_timedreceive,                                                          \
	  (mqd_t q, char *b, size_t n, unsigned *p, const struct timespec *t), (q, b, n, p, t),    \
	  "mq_receive", until(t), 0)                                                               \
	X(NULL, int, mq_send, (mqd_t q, const char *b, size_t n, unsigned p), (q, b, n, p),        \
	  "mq_send", 0, 0)                                                                         \
	X(NULL, int, mq_timedsend,                                                                 \
	  (mqd_t q, const char *b, size_t n, unsigned p, const struct timespec *t),                \
	  (q, b, n, p, t), "mq_send", until(t), 0)                                                 \
	X(NULL, ssize_t, msgrcv, (int q, void *b, size_t n, long k, int f), (q, b, n, k, f),       \
	  "msgrcv", unless(f &IPC_NOWAIT), 0)                                                      \
	X(NULL, int, msgsnd, (int q, const void *b, size_t n, int f), (q, b, n, f), "msgsnd",      \
	  unless(f &IPC_NOWAIT), 0)                                                                \
	X(NULL, int, semop, (int s, struct sembuf *o, size_t n), (s, o, n), "semop", 0, 0)         \
	X(NULL, int, semtimedop, (int s, struct sembuf *o, size_t n, const struct timespec *t),    \
	  (s, o, n, t), "semop", after(t), 0)                                                      \
	X(NULL, int, sigsuspend, (const sigset_t *s), (s), "sigsuspend", 0, 0)                     \
	X(NULL, int, tcdrain, (int fd), (fd), "tcdrain", 0, 0)                                     \
	X(NULL, pid_t, wait3, (int *s, int o, struct rusage *u), (s, o, u), "waitpid",             \
	  unless(o &WNOHANG), 0)                                                                   \
	X(NULL, int, system, (const char *c), (c), "waitpid", unless(!c), 0)                       \
	X(NULL, int, pclose, (FILE * f), (f), "waitpid", 0, 0)                                     \
	X(NULL, int, getaddrinfo,                                                                  \
	  (const char *n, const char *s, const struct addrinfo *h, struct addrinfo **r),           \
	  (n, s, h, r), "getaddrinfo", 0, 0)

/*
 * Those that the C library has twice, for offsets of 32 bits and of 64, which are the same here.
 * X(version, type, name, (parameters), (arguments), called, how, other name)
 */
#define SHIM_CALLS_LARGE(X)                                                                        \
	X(NULL, ssize_t, pread, (int fd, void *b, size_t n, off_t o), (fd, b, n, o), "read", 0,    \
	  pread64)                                                                                 \
	X(NULL, ssize_t, __pread_chk, (int fd, void *b, size_t n, off_t o, size_t z),              \
	  (fd, b, n, o, z), "read", 0, __pread64_chk)                                              \
	X(NULL, ssize_t, preadv, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o),   \
	  "read", 0, preadv64)                                                                     \
	X(NULL, ssize_t, preadv2, (int fd, const struct iovec *v, int n, off_t o, int f),          \
	  (fd, v, n, o, f), "read", unless(f &RWF_NOWAIT), preadv64v2)                             \
	X(NULL, ssize_t, pwrite, (int fd, const void *b, size_t n, off_t o), (fd, b, n, o),        \
	  "write", 0, pwrite64)                                                                    \
	X(NULL, ssize_t, pwritev, (int fd, const struct iovec *v, int n, off_t o), (fd, v, n, o),  \
	  "write", 0, pwritev64)                                                                   \
	X(NULL, ssize_t, pwritev2, (int fd, const struct iovec *v, int n, off_t o, int f),         \
	  (fd, v, n, o, f), "write", unless(f &RWF_NOWAIT), pwritev64v2)                           \
	X(NULL, ssize_t, sendfile, (int a, int b, off_t *o, size_t n), (a, b, o, n), "sendfile",   \
	  0, sendfile64)                                                                           \
	X(NULL, int, lockf, (int fd, int c, off_t n), (fd, c, n), "fcntl", unless(c != F_LOCK),    \
	  lockf64)                                                                                 \
	X(NULL, int, aio_suspend, (const struct aiocb *const *c, int n, const struct timespec *t), \
	  (c, n, t), "aio_suspend", after(t), aio_suspend64)                                       \
	X(NULL, int, creat, (const char *p, mode_t m), (p, m), "open", 0, creat64)                 \
	X(NULL, int, __open_2, (const char *p, int f), (p, f), "open", unless(f &O_NONBLOCK),      \
	  __open64_2)                                                                              \
	X(NULL, int, __openat_2, (int d, const char *p, int f), (d, p, f), "open",                 \
	  unless(f &O_NONBLOCK), __openat64_2)
