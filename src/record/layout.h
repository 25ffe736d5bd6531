/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recording: how facts lie in the file that the traced program maps.
 *
 * A file is a header of DW_REC_HEADER_SIZE bytes and then chunks of
 * DW_REC_CHUNK_SIZE bytes or a multiple of it. One thread at a time appends records to a chunk.
 * A record is a multiple of 8 bytes and begins with a dw_rec_head; its kind is
 * written last, so a record is either whole or not there: kind 0 ends a chunk,
 * whatever is behind it. An unwritten chunk is a hole, which reads as zero.
 *
 * Records refer to each other by id: the offset in the file divided by 8; 0 is
 * none. A reference always goes to a record that was complete when it was made.
 *
 * Numbers are in the byte order and word size of the machine that wrote them
 * (both are told by `magic` and `word_bits`). Kinds are only ever appended, and
 * records only grow at their end; a reader skips kinds that it does not know and
 * ignores bytes that it does not expect. The version changes only when an old
 * reader would be wrong, not merely ignorant.
 *
 * docs/recording.md describes the same for people; a test compares the two.
 */
#pragma once

#include "model/event.h"
#include "model/facts.h"
#include "model/picture.h"

#include <stdint.h>

#define DW_REC_MAGIC UINT64_C(0x0a6472576461650d) /* "\readWrd\n" on a little-endian machine */
#define DW_REC_VERSION 1

/* Two pages: counters, and room for the longest path a kernel takes. */
#define DW_REC_HEADER_SIZE 8192

/* Some hundred facts. Threads that tell nothing have none. */
#define DW_REC_CHUNK_SIZE 16384

#define DW_REC_PROGRAM_MAX 4096

/* The header. All counters are written by the traced program while it runs. */
struct dw_rec_header {
	uint64_t magic;
	uint32_t version;
	uint32_t header_size;   /* bytes before the first chunk */
	uint32_t word_bits;     /* 64 */
	uint32_t flags;         /* enum dw_rec_flag */
	uint64_t used;          /* bytes of the file given to header and chunks so far; atomic */
	uint64_t limit;         /* what `used` may grow to */
	uint64_t start_ns;      /* CLOCK_MONOTONIC when it was made */
	uint64_t start_real_ns; /* CLOCK_REALTIME then */
	uint32_t pid;
	uint32_t n_threads;           /* thread numbers given so far; atomic */
	uint64_t seq;                 /* events numbered so far; atomic */
	uint64_t losses[DW_LOSS_MAX]; /* by enum dw_loss; atomic */
	uint64_t short_stacks;        /* stacks with DW_STACK_SHORT; atomic */
	uint64_t n_locked; /* threads that took a lock at all; atomic. 0: nothing was seen */
	uint32_t n_chains; /* chains told so far; atomic */

	/* Functions of locks and waits that would be seen, but that the user has left out. */
	uint32_t n_left_out;
	char program[DW_REC_PROGRAM_MAX]; /* path of the executable, ends with NUL */
	uint32_t last_thread;             /* id of the latest thread's record; atomic */
	uint32_t monitor;                 /* process number of the monitor; 0: there was none */

	/*
	 * CLOCK_MONOTONIC until when the process was seen to run; 0: it was not. The monitor
	 * says so at each look, the program at its regular end. Atomic.
	 */
	uint64_t seen_ns;
	uint32_t last_beat; /* id of the latest DW_REC_BEAT; atomic */

	/* How often the monitor has seen that the process was stopped (SIGSTOP, a debugger);
	 * atomic. What was under way then took longer than it needed. */
	uint32_t n_stops;
};
_Static_assert(sizeof(struct dw_rec_header) <= DW_REC_HEADER_SIZE, "the header fits");

enum dw_rec_flag {
	DW_REC_EVENTS = 1,  /* every event is recorded, not only new facts */
	DW_REC_ENDED = 2,   /* the program came to its regular end */
	DW_REC_LEFT = 4,    /* it ended by itself in another way, or runs another program */
	DW_REC_WATCHED = 8, /* the monitor came to its regular end */
	DW_REC_OUTSIDE =
	    16, /* it was made by another process, attached to the program while that ran */
	DW_REC_WAITS = 32, /* and only what had to be waited for was seen */
};

/* The numbers are part of the format: never renumber, only append. */
#define DW_REC_KINDS(X)                  \
	X(DW_REC_MODULE, 1, "module")    \
	X(DW_REC_STACK, 2, "stack")      \
	X(DW_REC_HINT, 3, "hint")        \
	X(DW_REC_THREAD, 4, "thread")    \
	X(DW_REC_SLOT, 5, "slot")        \
	X(DW_REC_THING, 6, "thing")      \
	X(DW_REC_CHAIN, 7, "chain")      \
	X(DW_REC_AGAIN, 8, "again")      \
	X(DW_REC_JOINED, 9, "joined")    \
	X(DW_REC_MISUSE, 10, "misuse")   \
	X(DW_REC_EVENT, 11, "event")     \
	X(DW_REC_POST, 12, "post")       \
	X(DW_REC_NAME, 13, "name")       \
	X(DW_REC_FOUND, 14, "found")     \
	X(DW_REC_SILENCE, 15, "silence") \
	X(DW_REC_SIGNAL, 16, "signal")   \
	X(DW_REC_BEAT, 17, "beat")

enum dw_rec_kind {
#define X(name, value, text) name = value,
	DW_REC_KINDS(X)
#undef X
};

struct dw_rec_head {
	uint16_t kind; /* enum dw_rec_kind; 0: no record here (yet) */
	uint16_t reserved;
	uint32_t size; /* bytes of the whole record, this head included; a multiple of 8 */
};
_Static_assert(sizeof(struct dw_rec_head) == 8, "wire format");

/* A loaded file. Places name it by `number`. */
struct dw_rec_module {
	struct dw_rec_head head;
	uint64_t start, end, bias; /* see struct dw_module */
	uint32_t number;           /* from 1 */
	uint32_t build_id_size;
	uint8_t build_id[32];
	char path[]; /* ends with NUL */
};
_Static_assert(sizeof(struct dw_rec_module) == 72, "wire format");

struct dw_rec_stack {
	struct dw_rec_head head;
	uint32_t n_frames;
	uint32_t flags;    /* enum dw_stack_flag */
	uint64_t frames[]; /* dw_place */
};
_Static_assert(sizeof(struct dw_rec_stack) == 16, "wire format");

struct dw_rec_hint {
	struct dw_rec_head head;
	uint32_t line;
	uint32_t reserved;
	char file[]; /* ends with NUL */
};
_Static_assert(sizeof(struct dw_rec_hint) == 16, "wire format");

#define DW_REC_NAME_SIZE 16 /* the kernel's TASK_COMM_LEN */

struct dw_rec_thread {
	struct dw_rec_head head;
	uint64_t born_ns;
	uint64_t start; /* dw_place of the start routine; 0 if not known */
	uint32_t number;
	uint32_t tid;
	uint32_t parent; /* thread number */
	uint32_t parent_segment;
	uint32_t stack; /* id */
	uint32_t flags; /* enum dw_thread_flag */
	uint32_t slot;  /* id of the slot in use */
	uint32_t reserved;
	char name[DW_REC_NAME_SIZE]; /* ends with NUL; empty: none */
	uint32_t before;             /* id of the record of the thread that came before; 0: none */
	uint32_t reserved2;
};
_Static_assert(sizeof(struct dw_rec_thread) == 80, "wire format");

/* The picture of one thread. `slot.max` + 2 entries fit in the record. */
struct dw_rec_slot {
	struct dw_rec_head head;
	struct dw_slot slot;
};
_Static_assert(sizeof(struct dw_rec_slot) == 72, "wire format");

struct dw_rec_thing {
	struct dw_rec_head head;
	uint64_t address;
	uint64_t place;
	uint32_t life;
	uint32_t birth; /* id of a stack */
	uint32_t maker; /* thread number */
	uint16_t
	    kind; /* enum dw_thing_kind; 0: the record is not in use (its lock was never taken) */
	uint16_t flags; /* enum dw_thing_flag */
};
_Static_assert(sizeof(struct dw_rec_thing) == 40, "wire format");

struct dw_rec_chain {
	struct dw_rec_head head;
	uint32_t below;    /* id of a chain */
	uint32_t thing;    /* id */
	uint32_t thread;   /* number */
	uint32_t stack;    /* id */
	uint32_t hint;     /* id */
	uint32_t how;      /* enum dw_how */
	uint32_t from, to; /* the first run of segments in which it happened, both included */
	uint32_t
	    again; /* id of the latest DW_REC_AGAIN of this chain; 0: that run is the only one */
	uint32_t order; /* counts all threads' chains, from 1, as they were told */

	/* See struct dw_origin; `woken_by` is an id. */
	uint32_t woken_by;
	uint32_t exit;
	uint64_t address;

	/* See struct dw_chain. The thread writes the first three, the monitor the last. */
	uint32_t n_waits;
	uint32_t reserved;
	uint64_t waited_ns;
	uint64_t longest_ns;
	uint64_t held_ns;
};
_Static_assert(sizeof(struct dw_rec_chain) == 96, "wire format");

/* A chain happened again, in segments that do not continue its run before. */
struct dw_rec_again {
	struct dw_rec_head head;
	uint32_t chain; /* id */
	uint32_t from, to;
	uint32_t
	    before; /* id of the DW_REC_AGAIN before this one; 0: the run in the chain itself */
};
_Static_assert(sizeof(struct dw_rec_again) == 24, "wire format");

struct dw_rec_joined {
	struct dw_rec_head head;
	uint32_t thread, segment, other; /* see struct dw_joined; thread numbers */
	uint32_t reserved;
};
_Static_assert(sizeof(struct dw_rec_joined) == 24, "wire format");

struct dw_rec_misuse {
	struct dw_rec_head head;
	uint32_t kind;   /* enum dw_misuse_kind */
	uint32_t thread; /* number */
	uint32_t thing;  /* id */
	uint32_t stack;  /* id */
	uint32_t hint;   /* id */
	uint32_t chain;  /* id */
	uint32_t holder; /* thread number */
	uint32_t reserved;
};
_Static_assert(sizeof(struct dw_rec_misuse) == 40, "wire format");

/* See struct dw_post. */
struct dw_rec_post {
	struct dw_rec_head head;
	uint32_t thing;  /* id */
	uint32_t thread; /* number */
	uint32_t chain;  /* id */
	uint32_t said;   /* id of a thing */
	uint32_t stack;  /* id */
	uint32_t hint;   /* id */
};
_Static_assert(sizeof(struct dw_rec_post) == 32, "wire format");

/* What the program or a profile calls a thing. The last one of a thing counts. */
struct dw_rec_name {
	struct dw_rec_head head;
	uint32_t thing; /* id */
	uint32_t reserved;
	char text[]; /* ends with NUL */
};
_Static_assert(sizeof(struct dw_rec_name) == 16, "wire format");

struct dw_rec_found_leg {
	uint32_t thread; /* number */
	uint32_t holds;  /* id of a chain */
	uint32_t needs;  /* id of a chain */
	uint32_t thing;  /* id */
	uint32_t post;   /* id */
	uint32_t stack;  /* id */
};

/* Behind the legs and waiters of what was found, if it is known: see struct dw_found. */
struct dw_rec_peer {
	uint32_t pid;
	uint32_t reserved;
	char name[DW_REC_NAME_SIZE]; /* ends with NUL */
};
_Static_assert(sizeof(struct dw_rec_peer) == 24, "wire format");

/*
 * See struct dw_found; the monitor writes it. `n_legs` + `n_waiters` entries follow, then, perhaps,
 * a dw_rec_peer.
 */
struct dw_rec_found {
	struct dw_rec_head head;
	uint64_t time_ns;
	uint64_t span_ns;
	uint32_t verdict; /* enum dw_found_verdict */
	uint32_t flags;   /* enum dw_found_flag */
	uint32_t n_legs;
	uint32_t n_waiters;
	struct dw_rec_found_leg legs[];
};
_Static_assert(sizeof(struct dw_rec_found) == 40, "wire format");

/* See struct dw_silence; the monitor writes it, and `quiet_ns` and `flags` at each look anew. */
struct dw_rec_silence {
	struct dw_rec_head head;
	uint64_t time_ns;
	uint64_t quiet_ns;
	uint64_t usual_ns;
	uint64_t n_beats;
	uint32_t flags; /* enum dw_silence_flag */
	uint32_t reserved;
	char function[]; /* ends with NUL */
};
_Static_assert(sizeof(struct dw_rec_silence) == 48, "wire format");

/* What signals have to do with a chain that took a lock; see struct dw_chain. */
struct dw_rec_signal {
	struct dw_rec_head head;
	uint32_t chain;   /* id */
	uint32_t handler; /* number of a signal */
	uint64_t exposed;
};
_Static_assert(sizeof(struct dw_rec_signal) == 24, "wire format");

/* How often the program has said that something has happened that is to happen again and again. */
struct dw_rec_beat {
	struct dw_rec_head head;
	uint64_t n;      /* atomic */
	uint32_t before; /* id of the DW_REC_BEAT that came before, of whatever name; 0: none */
	uint32_t reserved;
	char name[]; /* ends with NUL; several records may have the same */
};
_Static_assert(sizeof(struct dw_rec_beat) == 24, "wire format");

struct dw_rec_event {
	struct dw_rec_head head;
	struct dw_event event; /* `stack` is an id */
};
_Static_assert(sizeof(struct dw_rec_event) == 64, "wire format");
