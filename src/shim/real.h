/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions that the shim stands in for, as the program would have met them.
 *
 * Each pointer begins as a stub that resolves them all and calls on, so no stand-in asks
 * whether it is initialised, and calls before our constructor work.
 */
#pragma once

#include "shim/calls.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <threads.h>
#include <time.h>

/*
 * X(version, type, name, (parameters), (arguments)). The version is NULL for the default one;
 * conditions were laid out anew in glibc 2.3.2, and both versions are still there.
 */
#define SHIM_REAL(X)                                                                               \
	X(NULL, int, pthread_mutex_init, (pthread_mutex_t * m, const pthread_mutexattr_t *a),      \
	  (m, a))                                                                                  \
	X(NULL, int, pthread_mutex_destroy, (pthread_mutex_t * m), (m))                            \
	X(NULL, int, pthread_mutex_lock, (pthread_mutex_t * m), (m))                               \
	X(NULL, int, pthread_mutex_trylock, (pthread_mutex_t * m), (m))                            \
	X(NULL, int, pthread_mutex_timedlock, (pthread_mutex_t * m, const struct timespec *t),     \
	  (m, t))                                                                                  \
	X(NULL, int, pthread_mutex_clocklock,                                                      \
	  (pthread_mutex_t * m, clockid_t c, const struct timespec *t), (m, c, t))                 \
	X(NULL, int, pthread_mutex_unlock, (pthread_mutex_t * m), (m))                             \
	X(NULL, int, pthread_rwlock_init, (pthread_rwlock_t * l, const pthread_rwlockattr_t *a),   \
	  (l, a))                                                                                  \
	X(NULL, int, pthread_rwlock_destroy, (pthread_rwlock_t * l), (l))                          \
	X(NULL, int, pthread_rwlock_rdlock, (pthread_rwlock_t * l), (l))                           \
	X(NULL, int, pthread_rwlock_wrlock, (pthread_rwlock_t * l), (l))                           \
	X(NULL, int, pthread_rwlock_tryrdlock, (pthread_rwlock_t * l), (l))                        \
	X(NULL, int, pthread_rwlock_trywrlock, (pthread_rwlock_t * l), (l))                        \
	X(NULL, int, pthread_rwlock_timedrdlock, (pthread_rwlock_t * l, const struct timespec *t), \
	  (l, t))                                                                                  \
	X(NULL, int, pthread_rwlock_timedwrlock, (pthread_rwlock_t * l, const struct timespec *t), \
	  (l, t))                                                                                  \
	X(NULL, int, pthread_rwlock_clockrdlock,                                                   \
	  (pthread_rwlock_t * l, clockid_t c, const struct timespec *t), (l, c, t))                \
	X(NULL, int, pthread_rwlock_clockwrlock,                                                   \
	  (pthread_rwlock_t * l, clockid_t c, const struct timespec *t), (l, c, t))                \
	X(NULL, int, pthread_rwlock_unlock, (pthread_rwlock_t * l), (l))                           \
	X(NULL, int, pthread_spin_init, (pthread_spinlock_t * l, int shared), (l, shared))         \
	X(NULL, int, pthread_spin_destroy, (pthread_spinlock_t * l), (l))                          \
	X(NULL, int, pthread_spin_lock, (pthread_spinlock_t * l), (l))                             \
	X(NULL, int, pthread_spin_trylock, (pthread_spinlock_t * l), (l))                          \
	X(NULL, int, pthread_spin_unlock, (pthread_spinlock_t * l), (l))                           \
	X("GLIBC_2.3.2", int, pthread_cond_init,                                                   \
	  (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))                               \
	X("GLIBC_2.3.2", int, pthread_cond_destroy, (pthread_cond_t * c), (c))                     \
	X("GLIBC_2.3.2", int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t * m),        \
	  (c, m))                                                                                  \
	X("GLIBC_2.3.2", int, pthread_cond_timedwait,                                              \
	  (pthread_cond_t * c, pthread_mutex_t * m, const struct timespec *t), (c, m, t))          \
	X(NULL, int, pthread_cond_clockwait,                                                       \
	  (pthread_cond_t * c, pthread_mutex_t * m, clockid_t k, const struct timespec *t),        \
	  (c, m, k, t))                                                                            \
	X("GLIBC_2.3.2", int, pthread_cond_signal, (pthread_cond_t * c), (c))                      \
	X("GLIBC_2.3.2", int, pthread_cond_broadcast, (pthread_cond_t * c), (c))                   \
	X(NULL, int, sem_init, (sem_t * s, int shared, unsigned n), (s, shared, n))                \
	X(NULL, int, sem_destroy, (sem_t * s), (s))                                                \
	X(NULL, int, sem_wait, (sem_t * s), (s))                                                   \
	X(NULL, int, sem_trywait, (sem_t * s), (s))                                                \
	X(NULL, int, sem_timedwait, (sem_t * s, const struct timespec *t), (s, t))                 \
	X(NULL, int, sem_clockwait, (sem_t * s, clockid_t k, const struct timespec *t), (s, k, t)) \
	X(NULL, int, sem_post, (sem_t * s), (s))                                                   \
	X(NULL, int, pthread_barrier_init,                                                         \
	  (pthread_barrier_t * b, const pthread_barrierattr_t *a, unsigned n), (b, a, n))          \
	X(NULL, int, pthread_barrier_destroy, (pthread_barrier_t * b), (b))                        \
	X(NULL, int, pthread_barrier_wait, (pthread_barrier_t * b), (b))                           \
	X(NULL, int, pthread_once, (pthread_once_t * c, void (*f)(void)), (c, f))                  \
	X(NULL, int, pthread_create,                                                               \
	  (pthread_t * t, const pthread_attr_t *a, void *(*f)(void *), void *x), (t, a, f, x))     \
	X(NULL, int, pthread_join, (pthread_t t, void **v), (t, v))                                \
	X(NULL, int, pthread_tryjoin_np, (pthread_t t, void **v), (t, v))                          \
	X(NULL, int, pthread_timedjoin_np, (pthread_t t, void **v, const struct timespec *e),      \
	  (t, v, e))                                                                               \
	X(NULL, int, pthread_clockjoin_np,                                                         \
	  (pthread_t t, void **v, clockid_t k, const struct timespec *e), (t, v, k, e))            \
	X(NULL, int, pthread_setname_np, (pthread_t t, const char *n), (t, n))                     \
	X(NULL, int, mtx_init, (mtx_t * m, int type), (m, type))                                   \
	X(NULL, void, mtx_destroy, (mtx_t * m), (m))                                               \
	X(NULL, int, mtx_lock, (mtx_t * m), (m))                                                   \
	X(NULL, int, mtx_trylock, (mtx_t * m), (m))                                                \
	X(NULL, int, mtx_timedlock, (mtx_t * m, const struct timespec *t), (m, t))                 \
	X(NULL, int, mtx_unlock, (mtx_t * m), (m))                                                 \
	X(NULL, int, cnd_init, (cnd_t * c), (c))                                                   \
	X(NULL, void, cnd_destroy, (cnd_t * c), (c))                                               \
	X(NULL, int, cnd_wait, (cnd_t * c, mtx_t * m), (c, m))                                     \
	X(NULL, int, cnd_timedwait, (cnd_t * c, mtx_t * m, const struct timespec *t), (c, m, t))   \
	X(NULL, int, cnd_signal, (cnd_t * c), (c))                                                 \
	X(NULL, int, cnd_broadcast, (cnd_t * c), (c))                                              \
	X(NULL, void, call_once, (once_flag * c, void (*f)(void)), (c, f))                         \
	X(NULL, int, thrd_create, (thrd_t * t, thrd_start_t f, void *x), (t, f, x))                \
	X(NULL, int, thrd_join, (thrd_t t, int *v), (t, v))                                        \
	X(NULL, void, free, (void *p), (p))                                                        \
	X(NULL, void *, realloc, (void *p, size_t n), (p, n))                                      \
	X(NULL, size_t, malloc_usable_size, (void *p), (p))                                        \
	X(NULL, int, dlclose, (void *handle), (handle))                                            \
	X(NULL, int, prctl,                                                                        \
	  (int o, unsigned long a, unsigned long b, unsigned long c, unsigned long d),             \
	  (o, a, b, c, d))                                                                         \
	X(NULL, long, syscall, (long n, long a, long b, long c, long d, long e, long f),           \
	  (n, a, b, c, d, e, f))                                                                   \
	X(NULL, int, sigaction, (int n, const struct sigaction *a, struct sigaction *o),           \
	  (n, a, o))                                                                               \
	X(NULL, __sighandler_t, signal, (int n, __sighandler_t h), (n, h))                         \
	X(NULL, int, pthread_sigmask, (int w, const sigset_t *s, sigset_t *o), (w, s, o))          \
	X(NULL, int, sigprocmask, (int w, const sigset_t *s, sigset_t *o), (w, s, o))              \
	X(NULL, int, pause, (void), ())                                                            \
	X(NULL, int, open, (const char *p, int f, mode_t m), (p, f, m))                            \
	X(NULL, int, openat, (int d, const char *p, int f, mode_t m), (d, p, f, m))                \
	X(NULL, int, fcntl, (int fd, int c, long x), (fd, c, x))                                   \
	X(NULL, int, ioctl, (int fd, unsigned long r, void *x), (fd, r, x))                        \
	X(NULL, void *, mmap, (void *a, size_t n, int p, int f, int fd, off_t o),                  \
	  (a, n, p, f, fd, o))                                                                     \
	X(NULL, int, munmap, (void *a, size_t n), (a, n))                                          \
	X(NULL, int, close, (int fd), (fd))                                                        \
	X(NULL, int, close_range, (unsigned a, unsigned b, int f), (a, b, f))                      \
	X(NULL, void, closefrom, (int a), (a))                                                     \
	X(NULL, int, dup2, (int fd, int to), (fd, to))                                             \
	X(NULL, int, dup3, (int fd, int to, int f), (fd, to, f))                                   \
	X(NULL, int, pthread_kill, (pthread_t t, int n), (t, n))                                   \
	X(NULL, int, pthread_sigqueue, (pthread_t t, int n, const union sigval v), (t, n, v))      \
	X(NULL, int, tgkill, (pid_t p, pid_t t, int n), (p, t, n))                                 \
	X(NULL, pid_t, vfork, (void), ())                                                          \
	X(NULL, void, _exit, (int s), (s))                                                         \
	X(NULL, void, _Exit, (int s), (s))                                                         \
	X(NULL, void, quick_exit, (int s), (s))                                                    \
	X(NULL, int, daemon, (int f, int d), (f, d))                                               \
	X(NULL, int, execve, (const char *p, char *const *a, char *const *e), (p, a, e))           \
	X(NULL, int, execv, (const char *p, char *const *a), (p, a))                               \
	X(NULL, int, execvp, (const char *p, char *const *a), (p, a))                              \
	X(NULL, int, execvpe, (const char *p, char *const *a, char *const *e), (p, a, e))          \
	X(NULL, int, fexecve, (int fd, char *const *a, char *const *e), (fd, a, e))                \
	SHIM_CALLS(X)                                                                              \
	SHIM_CALLS_LARGE(X)

/* The second names: conditions as they were before glibc 2.3.2. */
#define SHIM_REAL_OLD(X)                                                                    \
	X("GLIBC_2.2.5", int, pthread_cond_init,                                            \
	  (pthread_cond_t * c, const pthread_condattr_t *a), (c, a))                        \
	X("GLIBC_2.2.5", int, pthread_cond_destroy, (pthread_cond_t * c), (c))              \
	X("GLIBC_2.2.5", int, pthread_cond_wait, (pthread_cond_t * c, pthread_mutex_t * m), \
	  (c, m))                                                                           \
	X("GLIBC_2.2.5", int, pthread_cond_timedwait,                                       \
	  (pthread_cond_t * c, pthread_mutex_t * m, const struct timespec *t), (c, m, t))   \
	X("GLIBC_2.2.5", int, pthread_cond_signal, (pthread_cond_t * c), (c))               \
	X("GLIBC_2.2.5", int, pthread_cond_broadcast, (pthread_cond_t * c), (c))

struct shim_real {
#define X(version, type, name, parameters, arguments, ...) type(*name) parameters;
	SHIM_REAL(X)
#undef X
#define X(version, type, name, parameters, arguments, ...) type(*old_##name) parameters;
	SHIM_REAL_OLD(X)
#undef X
};

/* Hidden, so that a call through it is one instruction. */
extern struct shim_real shim_real __attribute__((visibility("hidden")));

/* Whether they are resolved. */
extern bool shim_real_resolved;

/* Resolves all of them. May be called at any time, and by several threads at once. */
void shim_real_resolve(void);

/* What stands for the loaded file that @symbol is in; NULL: none. */
const void *shim_file_of(const void *symbol);
