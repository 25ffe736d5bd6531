/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim's state inside the traced program.
 *
 * There is one struct shim a process and one struct shim_thread a thread. They lie in
 * memory that the kernel wipes in a forked child (MADV_WIPEONFORK), so a child, however it
 * was made, finds a shim that has not started, and starts one of its own: it never writes
 * into its parent's recording.
 *
 * What may happen in here: no malloc, stdio, exit, assert, thread or signal handler of
 * ours; nothing that waits for another thread of the program. errno is kept. What cannot be
 * done is skipped and counted in the recording.
 */
#pragma once

#include "base/cleanup.h"
#include "model/thread.h"
#include "record/writer.h"
#include "shim/delay.h"
#include "shim/map.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHIM_TLS __thread __attribute__((tls_model("initial-exec")))

#define shim_likely(x) __builtin_expect(!!(x), 1)
#define shim_unlikely(x) __builtin_expect(!!(x), 0)

/* What the user may set, in DEADWATCH_OPTIONS. */
struct shim_settings {
	char record_path[4096]; /* empty: the default */
	uint64_t record_limit;  /* bytes */
	char options[8192];     /* all of DEADWATCH_OPTIONS, as they were at the start */
	bool monitor;
	bool events;
	bool stacks;        /* false: just sites */
	bool stacks_always; /* with events: a stack for each, not only for new facts */
	struct shim_delays delays;
	char
	    calls[1024]; /* functions that can block: NAME+NAME; "off": none, not even known ones */
};

/* Threads that take locks which others let go; see shim_handed_over(). */
#define SHIM_HANDED_MAX 64

/* Loaded files that are told apart; QEMU with a desktop's libraries has 250. */
#define SHIM_MODULES_MAX 4096

struct shim_module {
	uint64_t start, end;
	const void *link_map;
	uint64_t path_hash;
	uint32_t unloads; /* value of shim_unloads when it was last found to be still this file */
	uint32_t number;  /* 0: this entry is not filled yet */
};

/* What call frame information says of an address; see unwind.c. */
struct shim_row {
	uint64_t key; /* 0: free */
	uint64_t word;
};

/* The number of an entry whose file was unloaded: it may serve another. */
#define SHIM_MODULE_UNLOADED UINT32_MAX

/* A stack that was told, by the addresses of its frames. */
struct shim_told_stack {
	uint64_t hash; /* of the addresses, and of shim_unloads; 0: free */
	uint64_t id;
};

/* A lock that was let go by a thread that did not take it, and who had taken it. */
struct shim_handed {
	uint64_t address;
	uint32_t tid;
};

/* Threads that can be found by their number, and by the kernel's; powers of two. */
#define SHIM_NUMBERS 65536
#define SHIM_TIDS 65536

/* Chunks that ended threads left unfinished, for the next threads. */
#define SHIM_SPARE_CURSORS 64

struct shim {
	uint32_t state;     /* enum shim_state; 0 after a fork */
	uint32_t recording; /* the same, of the recording */
	bool monitor_started;
	struct dw_writer writer;
	struct shim_settings settings;
	/* Address of a lock -> id of its thing record, and what thing.c says with it; without a
	 * record, the number of its next life << 32. */
	struct shim_map things;
	struct shim_map threads; /* pthread_t -> number of the thread | its record << 32 */
	uint32_t *numbers; /* ids of threads' records, each at its number modulo SHIM_NUMBERS */
	uint32_t *tids;    /* the same by a hash of the kernel's number; see roll.c */
	struct shim_row *rows;
	struct shim_told_stack *addresses; /* told stacks, as they were met */
	uint64_t *stacks; /* the same by places: hash in the high half, id in the low */
	uint64_t *hints;  /* told hints, likewise */
	struct shim_module modules[SHIM_MODULES_MAX];
	uint32_t n_modules, last_module;
	struct shim_region *region; /* the one that memory is taken from; see pool.c */
	void *spare[32];            /* memory given back, by the power of two of its size */
	uint32_t spare_busy[32];
	struct shim_handed handed[SHIM_HANDED_MAX];
	uint64_t n_handed;
	uint64_t spare_cursors[SHIM_SPARE_CURSORS]; /* where ended threads stopped: end << 32 | at,
						       as ids */
	char name[16];                              /* the program's, as the kernel has it */
};

enum shim_state { SHIM_WIPED, SHIM_STARTING, SHIM_STARTED, SHIM_OFF };

/* What `open` of a tracked thread is. */
enum shim_open {
	SHIM_PLAIN = 1,   /* facts are told */
	SHIM_EVENTS = 2,  /* and every event is recorded */
	SHIM_DELAYS = 8,  /* and threads are kept where a cycle might close; see delay.h */
	SHIM_CALLING = 4, /* with these: in a system call, where only handlers of signals run */
};

/* Records of locks that ended their life without being taken, to be used again. */
#define SHIM_SPARE_THINGS 32

/* Frames, the shim's own among them, of a stack that is known again; nearly all have fewer. */
#define SHIM_LATEST_MAX 40

/*
 * A thread's latest stack. One that begins at the same place, and has the same return addresses
 * at the same places, is the same.
 */
struct shim_latest {
	uint64_t top;     /* where it began */
	uint64_t unloads; /* see shim_unloads */
	uint32_t id;      /* 0: none */
	uint32_t n;
	struct shim_return {
		const uint64_t *at;
		uint64_t to;
	} returns[SHIM_LATEST_MAX];
};

/*
 * First locks in a row of which a thread had told all: it is not about to tell much that is new.
 * What it tells all the same is told with the lock held, where the loader may not be asked for new
 * files.
 */
#define SHIM_SETTLED 64

struct shim_thread {
	struct dw_thread thread; /* first: the tracker hands it back to the teller */
	uint64_t hint_site;      /* what the program said about the call it makes; 0: nothing */
	uint32_t settled;        /* first locks since it last told a chain; SHIM_SETTLED at most */
	const char *hint_file;
	uint32_t hint_line;
	uint32_t locked;  /* it has taken a lock */
	uint32_t record;  /* id of its record */
	uint32_t tid;     /* the kernel's number */
	uint32_t entered; /* it runs */
	struct dw_writer_cursor cursor;
	uint64_t n_handed;   /* of shim->handed, how many were looked at */
	uintptr_t stack_top; /* of the stack that telling runs on */
	struct shim_latest latest;
	struct shim_latest
	    outside;          /* the latest that was looked at and is in no handler; `id` is 1 */
	uint32_t event_stack; /* told since the last event; 0: none */
	bool interrupted;     /* the stack that was told last is a handler's */
	uint32_t signal;      /* whose handler that is; 0: not known */
	uint32_t masked; /* the stack at which the mask was asked for; 0: it may be another now */
	uint64_t mask;   /* of signals, there */
	uint32_t parent, parent_segment, birth; /* see struct dw_rec_thread */
	uint32_t woken_what; /* enum dw_thing_kind of what the activity began with */
	uint32_t exit;       /* of the guest, that it began with; see struct dw_origin */
	uint64_t exit_address;
	uint64_t waiting_at;        /* address of the struct shim_wait under way, see wait.c */
	struct shim_within *within; /* what the program has announced; NULL: nothing so far */
	uint32_t rounds; /* of thread-specific destructors that were waited for at the end */
	uint32_t n_spare_things;
	uint32_t spare_things[SHIM_SPARE_THINGS];
	void *(*start)(void *); /* what the program wants run, until the thread runs it */
	int (*start_c11)(void *);
	void *start_argument;
	char inherited[DW_REC_NAME_SIZE]; /* the name of its maker, which it has until it gets its
					     own */
};

struct shim_once;
struct shim_within;

extern struct shim *shim;

/*
 * What each thread has of its own. Of exactly this size: the loader rounds the memory that all
 * libraries' together take up to 64 bytes, and gives what is over to libraries that the program
 * loads later; so with 64 bytes more of it, what is over is the same.
 */
struct shim_tls {
	/* One that has not begun, has ended or cannot be told, has a shared one, never open. */
	struct shim_thread *self;
	bool own_work; /* it does work of the shim, and has not begun: its calls are not the
			  program's */
	bool missed;   /* it made a call that was not tracked: it may hold what we do not know of */
	struct shim_once *once;      /* what it does once, under way; see interpose_once.c */
	struct shim_thread *vforked; /* `self` for after the child that now runs as this thread */
	uint64_t vfork_return;       /* where vfork() returns to */
	char room[24];
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct shim_tls) == 64, "the slack of static TLS stays as it is");

extern SHIM_TLS struct shim_tls shim_tls;
extern struct shim_thread shim_gone, shim_deaf;

#define shim_self shim_tls.self

/*
 * Counts the lives of locks by a hash of their address; a lock's told chains end with its life.
 * Neighbours share a counter, as their lives mostly end together; so all of them fit into a
 * processor's first cache, where each acquisition looks one up.
 */
#define SHIM_LIVES 4096
extern uint32_t shim_lives[SHIM_LIVES];

static inline uint32_t *shim_life(uint64_t address)
{
	return &shim_lives[address >> 6 & (SHIM_LIVES - 1)];
}

/*
 * Readies the process and this thread, for a call that returns to @caller.
 * Return: the thread's state, which is open now; NULL: this call is not tracked.
 */
struct shim_thread *shim_begin(uint64_t caller);

/* The state of this thread, if calls are tracked now, or can be; else NULL. */
static inline struct shim_thread *shim_tracked(uint64_t caller)
{
	struct shim_thread *t = shim_self;

	return shim_likely(t->thread.open) ? t : shim_begin(caller);
}

/* The process has begun, so far as it can. Return: whether it has. */
bool shim_process(void);

/* thread.c: the state of a thread that is not begun yet; NULL: none. */
struct shim_thread *shim_thread_new(void);
void shim_thread_free(struct shim_thread *t);

/* This thread is @t from now on: writes its record. Return: whether that could be told. */
bool shim_thread_enter(struct shim_thread *t, unsigned flags);

/* The thread with @record is called @name. */
/* What the kernel calls the calling thread; empty where it must not be asked. */
void shim_thread_ask_name(char name[DW_REC_NAME_SIZE]);
void shim_thread_set_name(uint32_t record, const char *name);

/* roll.c: the living threads. Values of handles: the number, and the record << 32. */
void shim_roll_add(uint32_t record);
void shim_roll_add_handle(pthread_t handle, uint32_t number, uint32_t record);
void shim_roll_remove_handle(pthread_t handle, uint32_t number);

/* 0: not known. */
uint64_t shim_roll_find_handle(pthread_t handle);
uint32_t shim_roll_find_tid(uint32_t tid); /* its number */

/* The slot of thread @number; NULL: it is not known, has none, or has ended. */
struct dw_slot *shim_roll_slot(uint32_t number);

/*
 * SHIM_OWN_WORK(t): what the rest of the scope does is the shim's own work, and what that calls is
 * not tracked as the program's.
 */
struct shim_own_work {
	struct shim_thread *t;
	uint32_t open;
};

static inline struct shim_own_work shim_own_work_begin(struct shim_thread *t)
{
	struct shim_own_work work = {t, t->thread.open};

	t->thread.open = 0;
	return work;
}

static inline void shim_own_work_end(struct shim_own_work *work)
{
	work->t->thread.open = work->open;
}

#define SHIM_OWN_WORK(t)                                                                       \
	__attribute__((unused)) dw_cleanup(shim_own_work_end) struct shim_own_work own_work_ = \
	    shim_own_work_begin(t)

static inline void shim_lost(enum dw_loss loss)
{
	dw_writer_lost(&shim->writer, loss);
}

/* pool.c: memory that never comes from malloc. Zeroed; NULL: there is none. */
int shim_pool_init(void);
void shim_pool_reset(void); /* its first region is free again: a fork has wiped it */
void shim_pool_seal(void);  /* no system call any more: what is accessible has to do */
void *shim_pool_get(size_t size);
void shim_pool_put(void *memory, size_t size);

/* The path of the recording; empty: it is not known. */
const char *shim_recording_path(void);

/* settings.c */
void shim_settings_read(struct shim_settings *settings);

/* place.c: what loaded file an address is in. */
dw_place shim_place(struct shim_thread *t, uint64_t address);

/* Files were unloaded, and the locks that were their variables with them. */
void shim_modules_unloaded(struct shim_thread *t, uint64_t caller);

/* Whether @address is in the shim's own file. */
bool shim_is_ours(uint64_t address);

/* Whether a call that returns to @caller is the shim's, or the loader's on its behalf. */
bool shim_is_own_call(uint64_t caller);

/* unwind.c */

/*
 * Tells this thread's stack from the frame outwards that @caller, a return address, is in.
 * Return: its id; 0: it could not be told.
 */
uint32_t shim_stack(struct shim_thread *t, uint64_t caller);

/*
 * A place in a signal handler, or in what that calls, is another site than the same one outside: so
 * what is taken there is told, even if it was before. Sets this bit in @taking's site if it is one.
 */
#define SHIM_IN_HANDLER (UINT64_C(1) << 63)
void shim_mark_handler(struct shim_thread *t, struct dw_taking *taking);

/* Files that the program has unloaded: what was at an address may be something else now. */
extern uint32_t shim_unloads;

/* How many told stacks and hints, and rows of call frames, are remembered; powers of two. */
#define SHIM_ROWS 16384
#define SHIM_STACKS 65536
#define SHIM_HINTS 8192

/* tell.c */
extern const struct dw_teller shim_teller;

/* thing.c: the record of the lock at @address in its present life. Return: its id; 0: lost. */
uint32_t shim_thing(struct shim_thread *t, uint64_t address, enum dw_thing_kind kind);

/*
 * The record of the latest life of the thing at @address, be that over or not; it may be one in
 * reserve (kind 0), to which only names may refer. 0: none.
 */
uint32_t shim_thing_latest(uint64_t address);

/* The same if it was told; if not, it is told now as one of @kind (0: that is not known). */
uint32_t shim_thing_told(struct shim_thread *t, uint64_t address, enum dw_thing_kind kind);

/* Lives of locks. */
void shim_thing_init(struct shim_thread *t, uint64_t address, uint64_t caller);
void shim_thing_destroy(struct shim_thread *t, uint64_t address, uint64_t caller);

/* The C library refused to destroy the mutex at @address: it is held. */
void shim_busy_destroyed(struct shim_thread *t, uint64_t address, uint64_t caller);

/* The record of the thing at @address that may be given a name; a life begins if none is. 0: lost.
 */
uint32_t shim_thing_to_name(struct shim_thread *t, uint64_t address, uint64_t caller);

/* annotate.c: at the end of a thread. */
void shim_within_free(struct shim_thread *t);

/* QEMU has said that the lock at @address is the BQL. */
void shim_thing_is_bql(uint64_t address);

/* The locks in freed memory. */
void shim_memory_freed(struct shim_thread *t, uint64_t from, uint64_t to, uint64_t caller);

/* Whether a lock that was told may lie within; cheap, and may say yes wrongly. */
bool shim_memory_watched(uint64_t from, uint64_t to);

/* Another thread than the one that took @address, with kernel number @tid, lets it go. */
void shim_handed_over(uint64_t address, uint32_t tid);

/* wait.c: the time, or 0 where it must not be asked for. */
uint64_t shim_now_ns(void);

/* A wait that was told as @chain, and has lasted since @since_ns, is over. Neither may be known. */
void shim_measured(uint32_t chain, uint64_t since_ns);

/* @t has asked in vain whether it may go on, and will ask again. */
void shim_polled(struct shim_thread *t);

/* event.c: records an event; its stack is the last one that was told, if the event was news. */
void shim_event(struct shim_thread *t, enum dw_event_kind kind, const struct dw_taking *taking,
		uint64_t other, int result);

/*
 * qemu.c: hooks that QEMU itself has for its lock calls. They come off when QEMU's
 * `sync-profile` is switched; refresh puts them back on when that is over.
 */
void shim_qemu_init(void);
void shim_qemu_refresh(void);
bool shim_qemu_is_bql(uint64_t address);

/* thread.c, memory.c */
void shim_thread_init(void);
void shim_memory_init(void);
