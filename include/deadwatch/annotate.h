/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program may tell deadwatch about its own locks, calls and idle points.
 *
 * Nothing has to be linked: the functions are weak, and are there only when libdeadwatch.so is
 * preloaded. Without it, each of these macros costs a test of an address and evaluates none of
 * its arguments. With it, none of them waits, allocates from malloc or changes errno; all may be
 * called by any thread at any time, from signal handlers too. None of them can fail: what cannot
 * be noted is counted in the recording, and the report says so.
 *
 * Things are told apart by their address, which need not be that of memory that is read: it is
 * not dereferenced. Texts are copied when they are first seen; they need not outlive the call.
 * For C from C99 on, and C++ from C++11 on, compiled by gcc or clang.
 */
#ifndef DEADWATCH_ANNOTATE_H
#define DEADWATCH_ANNOTATE_H

#ifdef __cplusplus
extern "C" {
#endif

#define DEADWATCH_WEAK __attribute__((weak))

void deadwatch_name_lock(const volatile void *lock, const char *name) DEADWATCH_WEAK;
void deadwatch_call_begin(const char *name) DEADWATCH_WEAK;
void deadwatch_call_end(const char *name) DEADWATCH_WEAK;
void deadwatch_idle(void) DEADWATCH_WEAK;
void deadwatch_kick(unsigned long thread) DEADWATCH_WEAK;
void deadwatch_lock_want(const volatile void *lock, int shared) DEADWATCH_WEAK;
void deadwatch_lock_hold(const volatile void *lock, int shared) DEADWATCH_WEAK;
void deadwatch_lock_fail(const volatile void *lock, int shared) DEADWATCH_WEAK;
void deadwatch_lock_drop(const volatile void *lock, int shared) DEADWATCH_WEAK;
void deadwatch_wait_begin(const volatile void *thing) DEADWATCH_WEAK;
void deadwatch_wait_end(const volatile void *thing) DEADWATCH_WEAK;
void deadwatch_post(const volatile void *thing) DEADWATCH_WEAK;
void deadwatch_beat(const char *name) DEADWATCH_WEAK;

#ifdef __cplusplus
}
#endif

#define DEADWATCH_SAY(function, ...)                       \
	do {                                               \
		if (deadwatch_##function)                  \
			deadwatch_##function(__VA_ARGS__); \
	} while (0)

/*
 * @lock, a pthread lock or one of the program's own, or anything else that is waited for, is
 * called @name in reports, instead of what deadwatch would find. Say it once it is initialised,
 * and again for its next life. If it is never taken, nothing comes of it.
 */
#define DEADWATCH_NAME_LOCK(lock, name) DEADWATCH_SAY(name_lock, lock, name)

/*
 * This thread is about to make a call that may block, known as @name, and has come back from it.
 * Both on every way, by the same thread, with the same name; calls may nest 8 deep, and deeper ones
 * are not noted. A call counts as a wait while a lock is held. 256 names can be told apart.
 */
#define DEADWATCH_CALL_BEGIN(name) DEADWATCH_SAY(call_begin, name)
#define DEADWATCH_CALL_END(name) DEADWATCH_SAY(call_end, name)

/*
 * This thread has finished what it was doing, and begins something else: what it takes from now
 * on has nothing to do with what it took before. Whoever has kicked it is answered. Where
 * threads wait in poll, epoll, select, for a condition or a semaphore, or in KVM_RUN, deadwatch
 * knows.
 */
#define DEADWATCH_IDLE() DEADWATCH_SAY(idle)

/*
 * This thread asks @thread, a pthread_t, to come to its next idle point, by other means than a
 * signal. Its sleeps are waits for that, as long as it holds what it holds now.
 */
#define DEADWATCH_KICK(thread) DEADWATCH_SAY(kick, (unsigned long)(thread))

/*
 * A lock that is none of pthread's or C11's. WANT: about to take it, and to wait if need be;
 * then HOLD: it is had, or FAIL: it is not. HOLD without WANT: it was tried, without waiting, and
 * is had. DROP: about to let it go, by the thread that has it. @shared: 1 for reading, beside
 * others; else 0.
 */
#define DEADWATCH_LOCK_WANT(lock, shared) DEADWATCH_SAY(lock_want, lock, shared)
#define DEADWATCH_LOCK_HOLD(lock, shared) DEADWATCH_SAY(lock_hold, lock, shared)
#define DEADWATCH_LOCK_FAIL(lock, shared) DEADWATCH_SAY(lock_fail, lock, shared)
#define DEADWATCH_LOCK_DROP(lock, shared) DEADWATCH_SAY(lock_drop, lock, shared)

/*
 * A thing that is no lock and that threads wait for until others give it: about to wait, waited
 * (both on every way; they nest with calls), given. Whoever has waited is back from an idle
 * point.
 */
#define DEADWATCH_WAIT_BEGIN(thing) DEADWATCH_SAY(wait_begin, thing)
#define DEADWATCH_WAIT_END(thing) DEADWATCH_SAY(wait_end, thing)
#define DEADWATCH_POST(thing) DEADWATCH_SAY(post, thing)

/*
 * Something that is to happen again and again has happened, known as @name: a timer has run, a
 * queue was served. Who runs the program with --heartbeat=NAME=TIME is told when it has not for so
 * long; unlike a function's, such beats take no privilege to be counted. Names and limits are those
 * of calls.
 */
#define DEADWATCH_BEAT(name) DEADWATCH_SAY(beat, name)

#endif
