/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The facts: what one process told, as plain data.
 *
 * A chain is a node of a tree: "thread T, holding the chain `below`, took
 * `thing`". The path from a chain down to the root is what the thread held, in
 * order, when it took the last one. Every need between locks follows from the
 * chains: each thing further down a chain needs the chain's last thing.
 *
 * The reader of recordings fills this, and so does the replay of a story; the
 * analysis, the names and the renderers read it. All arrays are indexed by
 * number; index 0 is "none" and all zero. Whoever made the facts owns the memory,
 * and nothing in here changes once it is made, so any thread may read it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A place in the program: module number in the top 16 bits, offset in the module below. */
typedef uint64_t dw_place;

#define DW_PLACE_MODULE(place) ((uint32_t)((place) >> 48))
#define DW_PLACE_OFFSET(place) ((place) & ((UINT64_C(1) << 48) - 1))

/* A loaded file. Module 0 is "no file": there a place's offset is the address itself. */
struct dw_module {
	const char *path;
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

/* Runs of a thread's segments; see order.h of the analysis for what they are good for. */
struct dw_run {
	uint32_t from, to; /* both included */
	uint32_t next;     /* facts.runs index of the next, later run; 0 at the end */
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
};

enum dw_thread_flag {
	DW_THREAD_MAIN = 1,
	DW_THREAD_EXITED = 2,
	DW_THREAD_FOREIGN = 4, /* not seen being made */
	DW_THREAD_FORKED = 8,  /* continued from a parent process: what it held then is unknown */
};

struct dw_thing {
	uint64_t address;
	dw_place place; /* of its address: module 0 unless it is a variable of a module */
	uint32_t life;  /* counts the lives at this address, from 1 */
	uint32_t birth; /* stack of its init; 0 if that was not seen */
	uint32_t maker; /* thread number of who made it; 0 if not seen */
	uint16_t kind;  /* enum dw_thing_kind */
	uint16_t flags; /* enum dw_thing_flag */
};

struct dw_chain {
	uint32_t below;  /* chain number of what was held; 0: nothing */
	uint32_t thing;  /* thing number of what was taken */
	uint32_t thread; /* by whom */
	uint32_t stack;  /* where */
	uint32_t hint;   /* facts.hints index; 0 if none */
	uint32_t run;    /* facts.runs index: the segments it happened in */
	uint32_t depth;  /* locks on the path, this one included; at least 1 */
	uint32_t how;    /* enum dw_how */
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
#define DW_LOSSES(X)                                                                          \
	X(DW_LOSS_DISK, 0, "disk", "the disk was full")                                       \
	X(DW_LOSS_LIMIT, 1, "limit", "the recording reached its size limit")                  \
	X(DW_LOSS_MEMORY, 2, "memory", "no memory was to be had")                             \
	X(DW_LOSS_DEPTH, 3, "depth", "a thread held more locks than can be tracked")          \
	X(DW_LOSS_THINGS, 4, "things", "more locks than can be told apart")                   \
	X(DW_LOSS_SIGNAL, 5, "signal", "a signal handler locked while a fact was being told") \
	X(DW_LOSS_ENDING, 6, "ending", "a thread locked after it had ended")                  \
	X(DW_LOSS_DAMAGED, 7, "damaged", "records of the file were damaged")                  \
	X(DW_LOSS_SEALED, 8, "sealed", "a seccomp filter left no way to get more room")

enum dw_loss {
#define X(name, value, text, words) name = value,
	DW_LOSSES(X)
#undef X
	    DW_LOSS_MAX = 16 /* room in the recording's header */
};

struct dw_facts {
	const struct dw_module *modules;
	const struct dw_hint *hints;
	const struct dw_stack *stacks;
	const struct dw_run *runs;
	const struct dw_told_thread *threads;
	const struct dw_thing *things;
	const struct dw_chain *chains; /* a chain's `below` has a smaller number */
	const struct dw_joined *joins;
	const struct dw_misuse *misuses;
	const struct dw_told_slot *slots;

	/* How many entries each array has, the "none" at index 0 included. */
	uint32_t n_modules, n_hints, n_stacks, n_runs, n_threads, n_things, n_chains, n_joins,
	    n_misuses, n_slots;

	const char *program; /* path of the executable */
	uint32_t pid;
	uint64_t losses[DW_LOSS_MAX]; /* how often, by enum dw_loss */
	uint64_t short_stacks;        /* stacks with DW_STACK_SHORT */
	uint32_t truncated;           /* 1: the file ends before what its header promises */
};
