/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that can block: a row each. Every one costs a look at the thread's own state while that
 * holds nothing.
 */
#pragma once

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>

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
	  (s, i, t), "sigwait", after(t), 0)
