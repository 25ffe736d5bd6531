/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that is attached to, as its recording has it: threads with their trackers, things,
 * loaded files, stacks. What the trackers tell goes into a recording of the very kind that the
 * shim makes, so whatever reads those reads this.
 *
 * Internal to the collector. Single-threaded.
 */
#pragma once

#include "attach/wire.h"
#include "base/arena.h"
#include "inspect/frames.h"
#include "inspect/map.h"
#include "inspect/task.h"
#include "inspect/unwind.h"
#include "model/thread.h"
#include "record/numbering.h"
#include "record/writer.h"
#include "symbol/symbol.h"

#include <sys/types.h>

/* Calls with a name within each other, and what the innermost one does. */
#define DW_ATTACHED_WAITS_MAX 4

/* A wait under way, for what is no lock. */
struct dw_attached_wait {
	struct dw_waiting waiting;
	struct dw_taking taking;
	struct dw_taking mutex; /* to be had again afterwards; thing 0: none */
	uint64_t since_ns;
	uint64_t sp;       /* of a call that has a name: where the stack was */
	uint64_t slept_ns; /* the same: how long it was seen sleeping */
	bool releases;     /* the same: its waits are those for conditions that are made in it */
	uint32_t joins;    /* of an ending: the thread's number; 0: not known */
};

/* What a thread was about to do when it was last seen. */
struct dw_attached_doing {
	struct dw_taking wants; /* thing 0: no lock */
	bool deeper;            /* which it holds already, and may take again */
	uint64_t wants_ns;
	uint32_t first_wait; /* its waits begin there; those before were interrupted */
	uint64_t exposed;    /* signals that could come then */
	uint32_t signal;     /* in whose handler it was; 0: in none */
};

struct dw_attached_thread {
	struct dw_thread thread; /* first: the teller gets this */
	struct dw_attached *process;
	pid_t tid;
	pid_t inside;    /* its number in its own namespace of processes */
	uint32_t record; /* id */
	bool ended;
	bool locked; /* it was seen taking a lock */

	struct dw_attached_doing doing;
	struct dw_attached_doing interrupted[DW_WIRE_HANDLERS_MAX]; /* by handlers of signals */
	uint32_t n_interrupted;
	uint64_t makes;  /* the start routine of the thread that it makes; 0: not known */
	uint32_t making; /* id of the stack where it does */
	uint32_t ending; /* id of the stack where it ends by itself; 0: not known */
	bool watched;    /* its calls are told */
	bool pictured;   /* that is known from a picture */
	bool slept;      /* when the latest one began, it was in a wait on a word */
	uint32_t n_over; /* dw_wire_thread::n_over then */
	uint32_t n_has;  /* what it says that somebody has who waits; see DW_WIRE_HAS */
	struct dw_wire_contended has[DW_WIRE_CONTENDED_MAX];
	uint32_t n_joined; /* of dw_attached::ended */
	uint32_t n_waits;
	struct dw_attached_wait waits[DW_ATTACHED_WAITS_MAX];
};

/* An address at which there is a thing. */
struct dw_attached_thing {
	uint32_t record; /* id; 0: none was told yet of this life */
	uint32_t birth;  /* id of the stack of its init */
	uint32_t maker;
	uint32_t life;
	uint16_t kind;
};

/* Waits for a mutex that are alike; see dw_wire_thread::waits_key. */
struct dw_attached_waited {
	uint64_t key;
	uint32_t chain; /* id */
};

struct dw_attached {
	struct dw_writer writer;
	struct dw_writer_cursor cursor;
	pid_t pid;
	bool is_elsewhere;            /* it is in a namespace of processes that is not ours */
	char name[DW_TASK_NAME_SIZE]; /* the main thread's, when it was attached to */
	struct dw_arena *arena;
	struct dw_unwinder *unwinder;
	const struct dw_named *named;          /* calls that have a name */
	const struct dw_only *only;            /* what is probed; NULL: all */
	uint64_t only_locks[DW_WIRE_ONLY_MAX]; /* where those of `only` are; 0: not known */
	bool has_own_probes;        /* these are seen in functions of the program's own */
	bool has_left;              /* its process runs another program now */
	bool is_retired;            /* no more comes of it */
	unsigned killed_by;         /* the signal that has ended it; 0: none that is known */
	struct dw_symbols *symbols; /* of all processes */

	struct dw_attached_thread **threads; /* by number; entry 0 is none */
	uint32_t n_threads, threads_room;
	uint32_t *ended; /* numbers of the threads that have, in that order */
	uint32_t n_ended, ended_room;
	uint32_t *by_tid;            /* of the kernel's number: the thread's */
	struct dw_numbering handles; /* -> index of `by_handle` */
	uint32_t *by_handle;
	uint32_t by_handle_room;

	struct dw_numbering addresses; /* -> index of `things` */
	struct dw_numbering pages;     /* where there is one that was told */
	struct dw_attached_thing *things;
	uint32_t things_room;

	struct dw_code code;
	bool has_mapped;                    /* what files are loaded may have changed */
	struct dw_attached_module *modules; /* by map */
	uint32_t n_modules;                 /* told so far */

	struct dw_numbering waited_keys; /* -> index of `waited` */
	struct dw_attached_waited *waited;
	uint32_t waited_room;

	struct dw_numbering touched; /* who was seen taking or letting go of what: hashes */
	struct dw_numbering stacks;  /* hash of who did what where -> index of `stack_ids` */
	uint32_t *stack_ids;
	uint32_t stacks_room;

	/* The event that is being told of; or, of a picture, the stack. NULL: neither. */
	const struct dw_wire_event *event;
	const struct dw_frames *frames;
	uint32_t stack; /* id of its stack; 0: not told yet */
	uint32_t n_lost;
	struct dw_wire_place learnt; /* for the probe to know; ip 0: nothing */
	uint32_t learnt_distance;
	bool every_taking; /* see collect.h */
	bool tells_giving; /* see dw_files_probe_giving() */
};

/*
 * Begins the recording of process @pid at @path. Its threads are not known yet.
 *
 * Return: 0, or a negative errno.
 */
int dw_attached_new(struct dw_attached **ret, pid_t pid, const char *path, unsigned flags);
struct dw_attached *dw_attached_free(struct dw_attached *process);

/* The living thread with the kernel's number @tid; NULL: there is none. */
struct dw_attached_thread *dw_attached_find(const struct dw_attached *process, pid_t tid);

/* The same by its number in its own namespace of processes. */
struct dw_attached_thread *dw_attached_find_inside(const struct dw_attached *process, pid_t inside);

/* As dw_attached_find(); one that is not known begins. NULL: no memory. */
struct dw_attached_thread *dw_attached_thread(struct dw_attached *process, pid_t tid,
					      unsigned flags,
					      const struct dw_attached_thread *parent);

/* Whether @address is that of a lock that is of interest by itself. */
bool dw_attached_is_only_lock(const struct dw_attached *process, uint64_t address);

/* It is called @name from now on. */
void dw_attached_name(struct dw_attached_thread *thread, const char *name);

/* It has ended. */
void dw_attached_end(struct dw_attached_thread *thread);

/* The number of the thread with @handle; 0: not known. */
uint32_t dw_attached_of_handle(const struct dw_attached *process, uint64_t handle);
void dw_attached_set_handle(struct dw_attached *process, uint64_t handle, uint32_t number);

/* thing.c: what is at @address. NULL: no memory. */
struct dw_attached_thing *dw_attached_thing(struct dw_attached *process, uint64_t address);

/* The record of what is at @address; a new one of @kind if it has none. Return: its id; 0: lost. */
uint32_t dw_attached_thing_told(struct dw_attached *process, uint64_t address, unsigned kind);

/* The lock at @address does not say who has it: see DW_THING_INFERRED. */
void dw_attached_thing_infer(struct dw_attached *process, uint64_t address);
bool dw_attached_thing_is_inferred(struct dw_attached *process, uint64_t address);

/* A life begins, or ends, at @address. */
void dw_attached_init(struct dw_attached_thread *thread, uint64_t address);
void dw_attached_destroy(struct dw_attached *process, uint64_t address);

/*
 * @thread frees the memory from @from to @to: what was told of there is no more. What may stay
 * there does, says @how (see DW_WIRE_STAYS), where the thread holds it, or anybody.
 */
void dw_attached_freed(struct dw_attached_thread *thread, uint64_t from, uint64_t to, unsigned how);

/* place.c: where @address is, in the recording's words. */
dw_place dw_attached_place(struct dw_attached *process, uint64_t address);

/* The chain @chain is what waits with @key add to. */
void dw_attached_set_waited(struct dw_attached *process, uint64_t key, uint32_t chain);

/* What files are loaded may have changed. Return: 0, or a negative errno. */
int dw_attached_read_maps(struct dw_attached *process);

/* stack.c: the stack of the event that is being told. Return: its id; 0: it is not known. */
uint32_t dw_attached_stack(struct dw_attached_thread *thread, const struct dw_taking *taking);

/* The same, of an event that has one. */
uint32_t dw_attached_event_stack(struct dw_attached *process);

/*
 * Who has made the system call that @event is about; the instruction itself, if that is not known.
 * What the probe has to learn to know it by itself is `learnt` then.
 */
uint64_t dw_attached_caller(struct dw_attached *process, const struct dw_wire_event *event);

/* teller.c */
extern const struct dw_teller dw_attached_teller;

DW_DEFINE_AUTO(attached)
