/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts: what one process told, as plain data.
 *
 * A chain is a node of a tree: "thread T, holding the chain `below`, took, or waited for,
 * `thing`". The path from a chain down to the root is what the thread held, in
 * order, when it took the last one. Every need of locks follows from the chains: each thing
 * further down a chain needs the chain's last thing. The needs of other things follow from
 * the posts.
 *
 * The reader of recordings fills this, and so does the replay of a story; the
 * analysis, the names and the renderers read it. All arrays are indexed by
 * number; index 0 is "none" and all zero. Whoever made the facts owns the memory,
 * and nothing in here changes once it is made, so any thread may read it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A place in the program: module number in the top 16 bits, offset in the module below. */
typedef uint64_t dw_place;

#define DW_PLACE_MODULE(place) ((uint32_t)((place) >> 48))
#define DW_PLACE_OFFSET(place) ((place) & ((UINT64_C(1) << 48) - 1))

/*
 * The place of a frame that somebody has named (a debugger's text): this module, and the
 * offset is an index of facts.frames.
 */
#define DW_MODULE_TOLD UINT16_MAX
#define DW_PLACE_TOLD(index) ((dw_place)DW_MODULE_TOLD << 48 | (index))

/* A frame of which there is a name instead of an address. Members not known are NULL or 0. */
struct dw_told_frame {
	const char *function;
	const char *file;
	const char *module; /* base name of the file that the code is in */
	uint32_t line;
};

/* A loaded file. Module 0 is "no file": there a place's offset is the address itself. */
struct dw_module {
	const char *path;        /* as the process had it */
	const char *file;        /* where it can be opened; NULL: at `path` */
	uint64_t start;          /* lowest mapped address; offsets of places count from here */
	uint64_t end;            /* first address behind it */
	uint64_t bias;           /* what was added to the addresses in the file; offset + start -
				  * bias is the address in the file's own terms */
	const uint8_t *build_id; /* NULL if it has none */
	uint32_t build_id_size;  /* bytes */
};

/* Where a lock was taken, as the program itself said it (QEMU passes __FILE__, __LINE__). */
struct dw_hint {
	const char *file; /* NULL: there is none */
	uint32_t line;
};

/* A stack, innermost frame first; frames are return addresses, the probe's own left out. */
struct dw_stack {
	const dw_place *frames;
	uint32_t n_frames;
	uint32_t flags; /* enum dw_stack_flag */
};

enum dw_stack_flag {
	DW_STACK_SHORT = 1, /* the stack could not be unwound here: the site is all there is */
	DW_STACK_CUT = 2,   /* deeper than can be recorded: the outer frames are missing */
};

/*
 * Why a stack that was unwound from outside ends before the outermost frame:
 *
 *   generated  it is in generated code that nobody describes
 *   file       in a file that cannot be read, or is not the one that ran
 *   table      in code for which its file has no table for unwinding
 *   memory     the stack's memory cannot be read there
 *   register   a register would be needed that is not known, or the table is odd
 *   nowhere    what should be a return address leads to no code
 */
#define DW_STACK_END_KINDS(X)            \
	X(DW_END_GENERATED, "generated") \
	X(DW_END_FILE, "file")           \
	X(DW_END_TABLE, "table")         \
	X(DW_END_MEMORY, "memory")       \
	X(DW_END_REGISTER, "register")   \
	X(DW_END_NOWHERE, "nowhere")

enum dw_stack_end {
	DW_END_NONE, /* it does not, or that is not known */
#define X(name, word) name,
	DW_STACK_END_KINDS(X)
#undef X
};

/* The end among a stack's flags, where there is room beside enum dw_stack_flag. */
#define DW_STACK_END_SHIFT 8
#define DW_STACK_END(flags) ((enum dw_stack_end)((flags) >> DW_STACK_END_SHIFT & 0xff))
#define DW_STACK_ENDS(end) ((uint32_t)(end) << DW_STACK_END_SHIFT)

/* Runs of a thread's segments; see order.h of the analysis for what they are good for. */
struct dw_run {
	uint32_t from, to; /* both included */
	uint32_t next;     /* facts.runs index of the next, later run; 0 at the end */
};

/*
 * Of facts that were put together from several runs, where create and join cannot be compared:
 * the threads that lived, or could, when something was told. A run's `from` is its number.
 */
struct dw_company {
	const uint32_t *threads; /* sorted */
	uint32_t n;
};

struct dw_told_thread {
	const char *name;    /* NULL if it never had one */
	uint64_t born_ns;    /* CLOCK_MONOTONIC */
	uint32_t tid;        /* the kernel's number */
	uint32_t parent;     /* thread number; 0: not known (the main thread, foreign threads) */
	uint32_t parent_run; /* the parent's segment in which it was made */
	uint32_t stack;      /* where it was made */
	dw_place start;      /* start routine; 0 if not known */
	uint32_t flags;      /* enum dw_thread_flag */
	uint32_t slot;       /* facts.slots index: the last picture; 0 if none */
	uint32_t now;        /* where it is at the moment that the facts are of; 0: not known */
};

enum dw_thread_flag {
	DW_THREAD_MAIN = 1,
	DW_THREAD_EXITED = 2,
	DW_THREAD_FOREIGN = 4, /* not seen being made, or, says a profile, not by the program */
	DW_THREAD_FORKED = 8,  /* continued from a parent process: what it held then is unknown */
	DW_THREAD_VCPU = 16,   /* it has run a guest */
};

struct dw_thing {
	uint64_t address;
	dw_place place;   /* of its address: module 0 unless it is a variable of a module */
	uint32_t life;    /* counts the lives at this address, from 1 */
	uint32_t birth;   /* stack of its init; 0 if that was not seen */
	uint32_t maker;   /* thread number of who made it; 0 if not seen */
	uint16_t kind;    /* enum dw_thing_kind */
	uint16_t flags;   /* enum dw_thing_flag */
	const char *name; /* what the program or a profile calls it; NULL if neither does */
};

/*
 * What was going on when a chain was told: what the thread's activity began with. An
 * activity is what a thread does between two idle points: returns from running a guest,
 * from waiting for events (ppoll, epoll_wait, select), from a wait for a condition, a
 * semaphore or a barrier; or its start.
 */
struct dw_origin {
	uint32_t woken_by; /* thing number of what it had waited for; 0: of something else */
	uint32_t exit;     /* the guest's exit, KVM_EXIT_... of linux/kvm.h, plus 1; 0: none */
	uint64_t address;  /* of the guest's access: physical for MMIO, the port for PIO; else 0 */
};

/* Signals that there are: a set of them fits in a word, whose bit 0 is signal 1. */
#define DW_SIGNALS 64

/*
 * With DW_WAITS the last thing was not taken but waited for: a condition, an ending, an
 * answer, a call. Nothing builds on such a chain.
 */
struct dw_chain {
	uint32_t below;          /* chain number of what was held; 0: nothing */
	uint32_t thing;          /* thing number of what was taken, or waited for */
	uint32_t thread;         /* by whom */
	uint32_t stack;          /* where */
	uint32_t hint;           /* facts.hints index; 0 if none */
	uint32_t run;            /* facts.runs index: the segments it happened in */
	uint32_t depth;          /* things on the path, this one included; at least 1 */
	uint32_t how;            /* enum dw_how */
	struct dw_origin origin; /* of the first time */

	/* Waits that were measured: those for locks that were found taken, and all others. */
	uint32_t n_waits;
	uint64_t waited_ns;  /* in all */
	uint64_t longest_ns; /* at most */
	uint64_t held_ns;    /* the longest time that it was seen held while others waited */

	/*
	 * Of a lock that was taken: in a handler of this signal; else (0) while these signals had
	 * handlers and were not blocked, so that they could come.
	 */
	uint32_t handler;
	uint64_t exposed;

	/* Added by profiles, a bit for each: pauses that it happened in, and threads of its kind
	 * are paused in. What one chain pauses and another is paused in cannot be at once. */
	uint16_t pauses, paused;
};

/*
 * A thread gave a thing that others wait for: it posted a condition or semaphore, arrived
 * at a barrier, ended, reached an idle point. In the same activity it had taken a lock
 * before. So the thing needs that lock: it is not given before the lock is.
 */
struct dw_post {
	uint32_t thing;  /* thing number of what was given */
	uint32_t thread; /* by whom */
	uint32_t chain;  /* chain number of the lock; 0: it had taken none */
	uint32_t said;   /* thing number of what it gave in between, after it had last taken the
			  * lock: who has waited for that knows that it is past the lock; 0: none */
	uint32_t stack;  /* where it gave */
	uint32_t hint;   /* facts.hints index; 0 if none */

	/* Added by profiles: it was not seen giving, but in a function that completes a call. */
	bool is_completion;
};

/*
 * A deadlock or stall that the monitor found in the running process, and confirmed.
 *
 * Its legs come first, each holding what the one before needs; then those who wait for
 * something that a leg holds, or for the lock that DW_FOUND_UNSEEN is said of, and are no leg
 * themselves.
 */
struct dw_found {
	uint32_t verdict; /* DW_FOUND_DEADLOCK: the legs are a cycle; DW_FOUND_STALL: a path */
	uint32_t flags;   /* enum dw_found_flag */
	uint64_t time_ns; /* CLOCK_MONOTONIC of the second look */
	uint64_t span_ns; /* for how long it has been so, at least */
	const struct dw_found_leg *legs;
	uint32_t n_legs, n_waiters;

	/* The last leg reads or writes a socket or pipe: the process that has its other end. */
	const char *peer; /* its name; NULL: it is not known, or there is none */
	uint32_t peer_pid;
};

enum dw_found_verdict { DW_FOUND_DEADLOCK = 1, DW_FOUND_STALL = 2 };

enum dw_found_flag {
	DW_FOUND_INFERRED = 1,  /* that nobody else gives a condition is not known, just not seen */
	DW_FOUND_NO_POSTER = 2, /* nobody was ever seen giving what the last leg waits for */
	DW_FOUND_POSTERS_GONE = 4, /* all who were seen giving it have ended */
	DW_FOUND_POLLING = 8,  /* a leg does not sleep: it asks again and again, without progress */
	DW_FOUND_RUNNING = 16, /* the last leg does not wait at all, but runs */
	DW_FOUND_UNSEEN = 32,  /* the last leg waits for a lock whose holder cannot be seen */
	DW_FOUND_REFERENCE = 64, /* that a leg's thread holds a lock is inferred: the lock does not
				  * say so, but of all threads that one has its address */
	DW_FOUND_KICKED = 128,   /* that a leg waits for the answer of a thread is inferred: that
				  * one is woken again and again while it waits for a lock of the
				  * leg's, which asks again and again for something */
	DW_FOUND_COMPLETION = 256, /* that a leg gives what is waited for is inferred: a profile
				    * says so of a function that its thread was seen in */
};

struct dw_found_leg {
	uint32_t thread;
	uint32_t
	    holds; /* chain number: its last thing is held; 0: what it gives is `post`'s thing */
	uint32_t needs; /* chain number: its last thing is waited for; 0: see `thing` */
	uint32_t thing; /* thing number of what is waited for; 0: nothing is known to be */
	uint32_t post;  /* facts.posts index: how the thing that the leg before needs was seen to be
			 * given by this thread; 0: it holds that */
	uint32_t stack; /* where it is now; 0: it could not be read */
};

/*
 * The monitor was asked to say when a function that is to run again and again does not; and
 * that was so.
 */
struct dw_silence {
	const char *function;
	uint64_t time_ns;  /* CLOCK_MONOTONIC when it was first said */
	uint64_t quiet_ns; /* for so long it had not run at the last look, or when it ran again */
	uint64_t usual_ns; /* how far apart its runs used to be */
	uint64_t n_beats;  /* runs that were seen before */
	uint32_t flags;    /* enum dw_silence_flag */
};

enum dw_silence_flag {
	DW_SILENCE_OVER = 1, /* it ran again */
};

/* Thread `thread`, at its segment `segment` and ever after, has seen `other` end. */
struct dw_joined {
	uint32_t thread, segment, other;
	uint32_t reserved;
};

struct dw_misuse {
	uint32_t kind;   /* enum dw_misuse_kind */
	uint32_t thread; /* who did it */
	uint32_t thing;
	uint32_t stack;  /* where */
	uint32_t hint;   /* facts.hints index; 0 if none */
	uint32_t chain;  /* chain of the lock as it was held; 0 if it was not */
	uint32_t holder; /* the thread that held it, if that was another; 0 if not known */
	uint32_t reserved;
};

/* What a thread held and waited for when it was last seen; see picture.h. */
struct dw_told_slot {
	const struct dw_slot *slot; /* validated: top <= max, and all of it readable */
};

/* Why something is missing. The numbers are part of the recording format. */
#define DW_LOSSES(X)                                                                           \
	X(DW_LOSS_DISK, 0, "disk", "the disk was full")                                        \
	X(DW_LOSS_LIMIT, 1, "limit", "the recording reached its size limit")                   \
	X(DW_LOSS_MEMORY, 2, "memory", "no memory was to be had")                              \
	X(DW_LOSS_DEPTH, 3, "depth", "a thread held more locks than can be tracked")           \
	X(DW_LOSS_THINGS, 4, "things", "more locks than can be told apart")                    \
	X(DW_LOSS_SIGNAL, 5, "signal", "a signal handler locked while a fact was being told")  \
	X(DW_LOSS_ENDING, 6, "ending", "a thread locked after it had ended")                   \
	X(DW_LOSS_DAMAGED, 7, "damaged", "records of the file were damaged")                   \
	X(DW_LOSS_SEALED, 8, "sealed", "a seccomp filter left no way to get more room")        \
	X(DW_LOSS_KICKS, 9, "kicks", "a thread kicked more others at once than are kept")      \
	X(DW_LOSS_EVENTS, 10, "events", "events came faster than they could be taken")         \
	X(DW_LOSS_THREADS, 11, "threads", "more threads than can be attached to")              \
	X(DW_LOSS_FUNCTIONS, 12, "functions", "a library loaded later could not be probed")    \
	X(DW_LOSS_SAID, 13, "said",                                                            \
	  "a file tells of locks, waits or calls (deadwatch/annotate.h), which only the shim " \
	  "hears")                                                                             \
	X(DW_LOSS_STRIPPED, 14, "stripped",                                                    \
	  "the C library is linked into the program, and its functions have no names there: "  \
	  "'attach' without --order sees locks that are waited for, a program that is not "    \
	  "stripped lets --order see all")                                                     \
	X(DW_LOSS_PROCESSES, 15, "processes",                                                  \
	  "a process that was made ended before it could be attached to, or could not be")

enum dw_loss {
#define X(name, value, text, words) name = value,
	DW_LOSSES(X)
#undef X
	    DW_LOSS_MAX = 16 /* room in the recording's header */
};

struct dw_facts {
	const struct dw_module *modules;
	const struct dw_told_frame *frames; /* of texts; else there are none */
	const struct dw_hint *hints;
	const struct dw_stack *stacks;
	const struct dw_run *runs;
	const struct dw_told_thread *threads;
	const struct dw_thing *things;
	const struct dw_chain *chains; /* a chain's `below` has a smaller number */
	const struct dw_joined *joins;
	const struct dw_misuse *misuses;
	const struct dw_told_slot *slots;
	const struct dw_post *posts;
	const struct dw_found *founds;
	const struct dw_silence *silences;
	const struct dw_company *companies; /* NULL, unless they are of several runs */

	/* How many entries each array has, the "none" at index 0 included. */
	uint32_t n_modules, n_frames, n_hints, n_stacks, n_runs, n_threads, n_things, n_chains,
	    n_joins, n_misuses, n_slots, n_posts, n_founds, n_silences, n_companies;

	const char *program; /* path of the executable */
	uint32_t pid;
	uint64_t losses[DW_LOSS_MAX]; /* how often, by enum dw_loss */
	uint64_t run_ns; /* for how long it was seen to run after the first fact; 0: not known */
	uint64_t short_stacks; /* stacks with DW_STACK_SHORT */
	uint64_t left_out;     /* functions that the user did not want to be seen */
	uint32_t truncated;    /* 1: the file ends before what its header promises */
};
