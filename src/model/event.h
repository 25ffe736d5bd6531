/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vocabulary: what every probe says, and what files and stories hold.
 *
 *   init     a lock begins a life at an address
 *   destroy  that life ends (destroyed, or its memory was freed)
 *   want     a thread is about to take a lock, and may have to wait for it
 *   hold     it has the lock now
 *   fail     it gave up (trylock, timeout, error) and does not have the lock
 *   drop     it is about to let go of the lock
 *   park     it is about to wait on a condition, letting go of the condition's lock if it
 *            has one
 *   wake     that wait is over and it has the lock again
 *   post     it gives a condition: signals, broadcasts, posts, arrives
 *   born     it has made another thread
 *   join     it has waited for another thread's end
 *   exit     it ends
 *   enter    it is about to make a call that can block
 *   leave    that call has returned
 *   kick     it has sent another thread a signal
 *   idle     it is back from an idle point: what it does from now on is a new activity
 *
 * Nothing downstream of an event can tell which probe spoke.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The numbers are part of the recording format: never renumber, only append. */
#define DW_EVENT_KINDS(X)           \
	X(DW_INIT, 1, "init")       \
	X(DW_DESTROY, 2, "destroy") \
	X(DW_WANT, 3, "want")       \
	X(DW_HOLD, 4, "hold")       \
	X(DW_FAIL, 5, "fail")       \
	X(DW_DROP, 6, "drop")       \
	X(DW_PARK, 7, "park")       \
	X(DW_WAKE, 8, "wake")       \
	X(DW_POST, 9, "post")       \
	X(DW_BORN, 10, "born")      \
	X(DW_JOIN, 11, "join")      \
	X(DW_EXIT, 12, "exit")      \
	X(DW_ENTER, 13, "enter")    \
	X(DW_LEAVE, 14, "leave")    \
	X(DW_KICK, 15, "kick")      \
	X(DW_IDLE, 16, "idle")

enum dw_event_kind {
#define X(name, value, text) name = value,
	DW_EVENT_KINDS(X)
#undef X
};

/* How a lock is taken. Bits, stored in recordings; the words are those of stories. */
#define DW_HOWS(X)                                                                               \
	X(DW_SHARED, 0x01, "shared")       /* for reading */                                     \
	X(DW_TRY, 0x02, "try")             /* without waiting */                                 \
	X(DW_TIMED, 0x04, "timed")         /* waiting for a limited time */                      \
	X(DW_RETAKEN, 0x08, "retaken")     /* again, at the end of a condition wait */           \
	X(DW_REENTRANT, 0x10, "reentrant") /* its holder may take it again */                    \
	X(DW_REMAINS, 0x20, "remains") /* not taken: still held after one below it was let go */ \
	X(DW_ROBUST, 0x40, "robust")   /* whoever ends holding it hands it on */                 \
	X(DW_WAITS, 0x80, "waits")     /* not taken: it is waited for, and not had afterwards */

enum dw_how {
#define X(name, value, text) name = value,
	DW_HOWS(X)
#undef X
};

/* What a thing is: whatever a thread can wait for. The first three and `once` are locks. */
#define DW_THING_KINDS(X)                                                                      \
	X(DW_MUTEX, 1, "mutex")                                                                \
	X(DW_RWLOCK, 2, "rwlock")                                                              \
	X(DW_SPINLOCK, 3, "spinlock")                                                          \
	X(DW_CONDITION, 4, "condition")                                                        \
	X(DW_SEMAPHORE, 5, "semaphore")                                                        \
	X(DW_BARRIER, 6, "barrier")                                                            \
	X(DW_FUTEX, 7, "futex")    /* a word that is waited on by the system call itself */    \
	X(DW_ONCE, 8, "once")      /* held while its routine runs */                           \
	X(DW_ENDING, 9, "ending")  /* a thread's end, which a join waits for */                \
	X(DW_ANSWER, 10, "answer") /* a thread's next idle point: there it answers its kick */ \
	X(DW_CALL, 11, "call")     /* the return of a call that can block */                   \
	X(DW_LOCK_WORD, 12,                                                                    \
	  "lock-word") /* a futex that is a lock: who holds it is not seen, only who waits */

enum dw_thing_kind {
#define X(name, value, text) name = value,
	DW_THING_KINDS(X)
#undef X
};

/* Whether what is of @kind can be held; all else is waited for, and given. */
static inline bool dw_is_lock(unsigned kind)
{
	return kind == DW_MUTEX || kind == DW_RWLOCK || kind == DW_SPINLOCK || kind == DW_ONCE;
}

/* Whether it is a word of memory that is waited on by the system call itself. */
static inline bool dw_is_word(unsigned kind)
{
	return kind == DW_FUTEX || kind == DW_LOCK_WORD;
}

/*
 * Things that have no address have one that no memory can have: of a thread's ending and
 * answer by the thread's number, of a call by the number of the call.
 */
#define DW_NO_MEMORY (UINT64_C(1) << 62)

static inline uint64_t dw_thing_address(enum dw_thing_kind kind, uint32_t number)
{
	return DW_NO_MEMORY | (uint64_t)kind << 40 | number;
}

/* The number that dw_thing_address() was given. */
static inline uint32_t dw_thing_number(uint64_t address)
{
	return (uint32_t)address;
}

/*
 * Calls that can block, by kind. Numbers from DW_CALL_NAMED on are those of calls that a
 * profile names. Never renumber, only append.
 */
#define DW_CALLS(X)              \
	X(1, "poll")             \
	X(2, "ppoll")            \
	X(3, "select")           \
	X(4, "pselect")          \
	X(5, "epoll_wait")       \
	X(6, "epoll_pwait")      \
	X(7, "read")             \
	X(8, "write")            \
	X(9, "recv")             \
	X(10, "recvfrom")        \
	X(11, "recvmsg")         \
	X(12, "send")            \
	X(13, "sendto")          \
	X(14, "sendmsg")         \
	X(15, "connect")         \
	X(16, "accept")          \
	X(17, "nanosleep")       \
	X(18, "clock_nanosleep") \
	X(19, "usleep")          \
	X(20, "sleep")           \
	X(21, "ioctl")           \
	X(22, "flock")           \
	X(23, "fcntl")           \
	X(24, "fsync")           \
	X(25, "fdatasync")       \
	X(26, "waitpid")         \
	X(27, "waitid")          \
	X(28, "sigwait")         \
	X(29, "pause")           \
	X(30, "KVM_RUN")         \
	X(31, "syscall")         \
	X(32, "recvmmsg")        \
	X(33, "sendmmsg")        \
	X(34, "sync")            \
	X(35, "msync")           \
	X(36, "open")            \
	X(37, "splice")          \
	X(38, "sendfile")        \
	X(39, "copy_file_range") \
	X(40, "mq_receive")      \
	X(41, "mq_send")         \
	X(42, "msgrcv")          \
	X(43, "msgsnd")          \
	X(44, "semop")           \
	X(45, "sigsuspend")      \
	X(46, "tcdrain")         \
	X(47, "aio_suspend")     \
	X(48, "getaddrinfo")     \
	X(49, "io_uring_enter")  \
	X(50, "io_getevents")

#define DW_CALL_KVM_RUN 30
#define DW_CALL_NAMED 256

/* What is known about a thing beyond its kind. Bits, stored in recordings. */
#define DW_THING_FLAGS(X)                                                                  \
	X(DW_THING_BQL, 0x01, "bql")         /* QEMU said so through its BQL hook */       \
	X(DW_THING_WRITERS, 0x02, "writers") /* a queued writer stops new readers */       \
	X(DW_THING_ENDED, 0x04, "ended")     /* this life is over */                       \
	X(DW_THING_FREED, 0x08, "freed")     /* its memory was freed while it was alive */ \
	X(DW_THING_NAMED, 0x10, "named")     /* the program itself has named it */         \
	X(DW_THING_INFERRED, 0x20,                                                         \
	  "inferred") /* it does not say who has it: who was found to have it is inferred */

enum dw_thing_flag {
#define X(name, value, text) name = value,
	DW_THING_FLAGS(X)
#undef X
};

/* What a program does with a lock that is wrong whatever other threads do. */
#define DW_MISUSES(X)                                                                             \
	X(DW_MISUSE_UNLOCK, 1, "unlock-not-held")         /* unlocks what it does not hold */     \
	X(DW_MISUSE_RELOCK, 2, "relock")                  /* waits for what it holds itself */    \
	X(DW_MISUSE_DESTROY, 3, "destroy-held")           /* destroys what a thread holds */      \
	X(DW_MISUSE_FREE, 4, "free-held")                 /* frees the memory of what it holds */ \
	X(DW_MISUSE_EXIT, 5, "exit-holding")              /* ends holding it */                   \
	X(DW_MISUSE_PARK, 6, "wait-without-mutex")        /* condition wait, mutex not held */    \
	X(DW_MISUSE_PARK_TWICE, 7, "wait-mutex-recursed") /* condition wait lets go only once */

enum dw_misuse_kind {
#define X(name, value, text) name = value,
	DW_MISUSES(X)
#undef X
};

/*
 * One event, as recorded with `events=1`. A wire format.
 *
 * `object`, `other` and `how` depend on the kind, and are 0 where nothing is said of them:
 *
 *   init to drop   object: address of the lock or other thing, of kind `what`
 *   park, wake     object: what is waited for, of kind `what`: an address, or, of a thread's
 *                  ending, dw_thing_address(). other: address of the mutex that it lets go
 *                  of meanwhile; 0: none. how: DW_TIMED of the wait; DW_REENTRANT and
 *                  DW_ROBUST of the mutex. A wake from a condition, semaphore, barrier or
 *                  futex is an idle point: no idle follows
 *   post           object: what is given, of kind `what`. An exit gives the thread's
 *                  ending, and an idle its answer: no post says so
 *   born, join     other: number of the thread. The wait of a join is a park for its ending
 *   enter, leave   object: dw_thing_address(DW_CALL, the call's number); what: DW_CALL.
 *                  how: DW_TIMED if its time is limited. other, of enter: 1 if the call
 *                  does nothing but sleep: by its kind, or polling nothing
 *   kick           other: number of the thread, which may be the kicker itself
 *   idle           object: what it waited for, of kind `what`; 0: nothing that others
 *                  give. other: 1 if it is back from running a guest
 */
struct dw_event {
	uint64_t seq;     /* order among all threads' events of this process, from 1 */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t object;
	uint64_t other;
	uint64_t site;   /* identifies the place in the program; equal places, equal numbers */
	uint32_t thread; /* who: a thread number, from 1 */
	uint32_t stack;  /* id of a stack; 0 if none was taken */
	int32_t result;  /* what the real call returned */
	uint16_t kind;   /* enum dw_event_kind */
	uint8_t how;     /* enum dw_how */
	uint8_t what;    /* enum dw_thing_kind of `object`; 0 where there is none */
};
_Static_assert(sizeof(struct dw_event) == 56, "dw_event is a wire format");
