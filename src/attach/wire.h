/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the BPF programs and the collector say to each other. A wire format: compiled for the
 * kernel's machine too, so it includes nothing but the vocabulary.
 *
 * An event goes through the ring buffer: in order, over all threads. A thread's state is kept in a
 * map, by the kernel's number of the thread, for those who look at the moment they choose.
 */
#pragma once

#include "model/event.h"

/*
 * Bytes of stack that come with an event, from its stack pointer on. Those of a deep call in QEMU
 * (main loop, coroutine, block layer) take some 6 KiB.
 */
#define DW_WIRE_STACK_MAX 16384

/* A page at a time is read: the outermost frames are near the end of the mapping. */
#define DW_WIRE_STACK_PART 2048

/* System call numbers that have a meaning here are below this (x86-64 has some 470). */
#define DW_WIRE_CALLS_MAX 512

/* Threads whose states are kept at once, of all processes that are attached to. */
#define DW_WIRE_THREADS_MAX 16384

/* What is no kind of the vocabulary, but concerns threads, or what comes of an attempt. */
enum dw_wire_kind {
	DW_WIRE_LEFT = 64, /* a thread is back from call number `object`; see dw_wire_left */
	DW_WIRE_MAKES,     /* it is about to make a thread that starts in function `object` */
	DW_WIRE_EXEC,      /* its process runs another program now */
	DW_WIRE_FORK,      /* it has made process number `other`; see DW_WIRE_SHARES */
	DW_WIRE_MAPPED,    /* it has mapped code of a file */
	DW_WIRE_FREES,     /* it frees the memory from `object` to `other`; see DW_WIRE_STAYS */
	DW_WIRE_ASKS,      /* it asks for what is done once, and was done: a want that is over */
	DW_WIRE_HAS,       /* see DW_WIRE_AWAITS, which follows */
	DW_WIRE_AWAITS,    /* thread `site` waits for mutex `object` with stack pointer `other` */
	DW_WIRE_ENDS,      /* it ends by itself; DW_EXIT follows, when it has no stack any more */
	DW_WIRE_RESULT,    /* of a cookie alone: what was tried returns, 0 if it was had */
};

/* What a thread does once, one within the other; more are taken for done. */
#define DW_WIRE_ONCES_MAX 4

/*
 * A routine that is run once, under way in a thread: its begin is a DW_WANT, its end a DW_DROP. It
 * has ended when the stack is no longer below `sp`.
 */
struct dw_wire_once {
	uint64_t control; /* address of the C library's word */
	uint64_t sp, site;
};

/*
 * What a thread has that it awaits a mutex with, the events DW_WIRE_HAS say that come before, one
 * each: it has `object`, which it had to wait for with stack pointer `other`; 0: it had not, but
 * somebody else has. They come from one thread, which need not be the one that waits.
 */

/*
 * By default, who gives a condition or a semaphore says the same of what it has: DW_WIRE_HAS come
 * before the DW_POST.
 */

/*
 * `how` of DW_WIRE_FREES. What is in the memory may stay there, for it may just become larger; or
 * it is not known where the memory ends, and `other` may be too far.
 */
#define DW_WIRE_STAYS 1
#define DW_WIRE_UNSIZED 2

/* `how` of DW_WIRE_FORK: until it runs a program of its own, the memory is that of its maker. */
#define DW_WIRE_SHARES 1

/* `other` of DW_WIRE_LEFT. */
enum dw_wire_left {
	DW_WIRE_LEFT_PLAIN,
	DW_WIRE_LEFT_IDLE,  /* it was an idle point */
	DW_WIRE_LEFT_GUEST, /* the thread is back from running a guest */
};

/*
 * Of DW_BORN, `object` is the handle of the new thread, `other` its kernel's number, `site` that in
 * its own namespace of processes, by which kicks and joins name threads as well. Of DW_EXIT,
 * `object` and `other` are the thread's name, `site` is 1 if its process ends with it, and `what`
 * the signal that ends the process then, 0: none. Of a park for an ending, `object` is the handle,
 * `other` the kernel's number, 0 if it has ended.
 */

/* What of the last attempt of the thread to take a lock is known when the event happens. */
enum dw_wire_got {
	DW_WIRE_GOT_UNKNOWN, /* there was none, or the lock does not say who has it */
	DW_WIRE_GOT,         /* the thread has the lock now */
	DW_WIRE_GOT_NOT,
};

/* The registers that unwinding begins with. */
struct dw_wire_registers {
	uint64_t ip, sp, bp, bx, r12, r13, r14, r15;
};

struct dw_wire_event {
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	uint64_t object;  /* see struct dw_event */
	uint64_t other;
	uint64_t site; /* a return address; 0: not known yet, the stack tells */
	struct dw_wire_registers registers;
	uint32_t pid, tid;
	uint16_t kind;       /* enum dw_event_kind or dw_wire_kind */
	uint8_t how;         /* enum dw_how */
	uint8_t what;        /* enum dw_thing_kind */
	uint8_t got;         /* enum dw_wire_got */
	uint8_t signal;      /* in whose handler it happens; 0: in none */
	uint8_t n_handlers;  /* in how many, one within the other */
	uint8_t prefers;     /* of a rwlock: PTHREAD_RWLOCK_PREFER_... */
	uint32_t stack_size; /* bytes of the stack that follow; 0: they came with an event before */
	uint32_t n_lost;     /* events of this process that were lost before this one */
	/* Since its event before, the thread has waited on words for so long; DW_WIRE_AWAITS: the
	 * key of the wait in the map of those. */
	uint64_t slept_ns;
	uint64_t
	    exposed; /* signals that could come, if it is in no handler; a bit each, from 1 on */
	uint8_t stack[];
};
_Static_assert(sizeof(struct dw_wire_event) == 136, "wire format");

/* Handlers of signals that a thread is in, one within the other; more are not told apart. */
#define DW_WIRE_HANDLERS_MAX 4

/* A handler of a signal has begun, and has interrupted what the thread did. */
struct dw_wire_handler {
	uint64_t sp; /* where the stack was */
	uint64_t signal;
};

/* Mutexes at once that a thread has and somebody has waited for. Nobody waits holding many. */
#define DW_WIRE_CONTENDED_MAX 8

struct dw_wire_contended {
	uint64_t mutex; /* 0: none */
	uint64_t sp;    /* see DW_WIRE_HAS */
};

/* Waits for a mutex that are alike, together. */
struct dw_wire_waits {
	uint64_t n, waited_ns, longest_ns;
};

/* A thread's state. */
struct dw_wire_thread {
	struct dw_wire_contended contended[DW_WIRE_CONTENDED_MAX];
	uint64_t waits_for; /* the mutex; 0: none that is known */
	uint64_t waits_sp;
	uint64_t waits_how;                 /* enum dw_how */
	uint64_t waits_key;                 /* of what the wait is like */
	struct dw_wire_registers registers; /* when it made the call */
	uint64_t arguments[6];              /* of the call */
	uint64_t since_ns;                  /* when it made it */
	uint64_t seq;                       /* counts its calls that can block */
	uint64_t held; /* of the locks that it was seen taking: a hash that forgets their order */
	uint64_t slept_ns; /* it has waited on words since its last event */
	uint64_t tried;    /* the lock of its last attempt whose result was not seen; 0: none */
	uint32_t call;     /* number of the system call that it is in, and 1; 0: in none */
	uint32_t pid;
	uint32_t inside;  /* its number in its own namespace of processes, by which locks know it */
	uint32_t depth;   /* how many locks it was seen taking, and not letting go */
	uint32_t n_idles; /* idle points that it has reached */
	uint32_t watched; /* the collector wants to know of its calls */
	uint32_t answers; /* its idle points are wanted one by one */
	uint32_t n_over;  /* waits on words that came to their end: were not just interrupted */
	uint8_t tried_what;
	uint8_t tried_in;  /* in how many handlers */
	uint8_t tried_got; /* enum dw_wire_got, as what has tried it returned */
	uint8_t n_onces;
	uint8_t n_handlers;
	uint8_t kicks; /* others, since its last idle point: its sleeps may be for their answers */
	uint8_t restarts; /* its call is made again if no handler of a signal comes first */
	uint64_t spins;   /* the spin lock that it has tried to take, and will again */
	struct dw_wire_once onces[DW_WIRE_ONCES_MAX];
	struct dw_wire_handler handlers[DW_WIRE_HANDLERS_MAX];
};

/*
 * An instruction that makes system calls, and how far above the stack pointer the return address
 * of its function lies there: the function is the C library's, and who called that is what tells
 * one call from another. The collector finds it out when it sees the first stack.
 */
struct dw_wire_place {
	uint64_t ip, pid;
};

/* In place of the distance: it has none, or that could not be found out. */
#define DW_WIRE_NO_RETURN UINT32_MAX

/* What the BPF programs know of a system call, by its number. */
struct dw_wire_call {
	uint16_t number;  /* of DW_CALLS; 0: it is of no interest */
	uint16_t flags;   /* enum dw_wire_call_flag */
	uint16_t timeout; /* 1 + index of the argument that limits its time; 0: none does */
};

enum dw_wire_call_flag {
	DW_WIRE_SLEEPS = 1,    /* no event can end it */
	DW_WIRE_IDLE = 2,      /* what follows it is a new activity */
	DW_WIRE_MS = 4,        /* its time limit is a number, not a pointer */
	DW_WIRE_FUTEX = 8,     /* of interest if it waits */
	DW_WIRE_KICK = 16,     /* sends a signal to a thread: the second argument, or the third */
	DW_WIRE_KVM = 32,      /* runs a guest, if its request is that */
	DW_WIRE_DONTWAIT = 64, /* has flags that say whether it may wait, its fourth argument */
	DW_WIRE_POLLS = 128,   /* sleeps if its second argument, a count, is 0 */
	DW_WIRE_SELECTS = 256, /* the same of its first */
	DW_WIRE_MAPS = 512,    /* may map code of a file: its third argument, and its fifth */
	DW_WIRE_COUNTS = 1024, /* waits for so many events as its second argument says */
	DW_WIRE_RING =
	    2048, /* the same of its third, if its flags, the fourth, say that it waits */
};

/* Why an event is missing; an index of the counters. */
enum dw_wire_loss {
	DW_WIRE_LOSS_RING,    /* the ring buffer was full */
	DW_WIRE_LOSS_THREADS, /* more threads than states are kept for */
	DW_WIRE_LOSS_PAGES,   /* more pages have things than are known: freeing them is not told */
	DW_WIRE_LOSS_DEPTH,   /* a thread had more mutexes that were waited for than are kept */
	DW_WIRE_LOSS_STACK,   /* there was no room for the stack: it may come with a later event */
	DW_WIRE_LOSS_MAX
};

/* Locks that are of interest by themselves: each wait for a condition looks at them all. */
#define DW_WIRE_ONLY_MAX 8

/* What the collector says of a thread: a program of its own sets that in the thread's state. */
struct dw_wire_watch {
	uint32_t pid, tid;
	uint32_t inside;  /* see dw_wire_thread */
	uint32_t watched; /* likewise */
};

/* Mutexes of a process that are known, as somebody has waited for them; a power of two. */
#define DW_WIRE_WAITED_MAX 16

/* A process that is attached to. */
struct dw_wire_target {
	uint64_t only_locks[DW_WIRE_ONLY_MAX]; /* see dw_wire_cookie::lock; 0: not that many */
	uint64_t losses[DW_WIRE_LOSS_MAX];
	uint32_t follows;  /* so are those that it makes */
	uint32_t n_waited; /* counts the entries below, the oldest of which are overwritten */
	uint64_t waited[DW_WIRE_WAITED_MAX];
};

/* In place of a lock's number: whichever of them it is. */
#define DW_WIRE_ANY_LOCK 0xff

/* What a uprobe says: its cookie. */
struct dw_wire_cookie {
	uint8_t kind;   /* enum dw_event_kind */
	uint8_t lock;   /* 1 + index of the one of dw_wire_target::only_locks; 0: any thing */
	uint8_t what;   /* enum dw_thing_kind */
	uint8_t how;    /* enum dw_how */
	uint8_t object; /* 1 + index of the argument that is the thing; 0: none */
	uint8_t other;  /* 1 + index of the argument that is event.other */
	uint16_t call;  /* of a named call: its number */
};
_Static_assert(sizeof(struct dw_wire_cookie) == 8, "it is a cookie");
