/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a thread waits for, told by where it is: by the functions on its stack, and by the
 * system call that it is in, where that is known.
 *
 * All that is asked for but the functions is optional, so that a stack in a text will do.
 * Nothing is made up: what cannot be told is not.
 *
 * Pure: no memory, no state but the caller's.
 */
#pragma once

#include "model/event.h"
#include "symbol/names.h"

#include <stdbool.h>
#include <stdint.h>

/* What is known of a thread. */
struct dw_asleep {
	const struct dw_frame *frames; /* innermost first; DW_FRAME_RUNTIME and so on are set */
	uint32_t n_frames;
	long call;                 /* number of the system call; -1: in none, or not known */
	const uint64_t *arguments; /* the six of the call; NULL: not known */
	uint64_t sp;               /* 0: not known */
	const char *called;        /* by the first function that is no wrapper; NULL: not known */

	/* optional. Reads the process's memory, all or nothing. Return: whether it could be. */
	bool (*read)(void *context, uint64_t address, void *ret, size_t n);

	/*
	 * optional. The value of the argument called @name of frame @frame, for those who know
	 * (debuggers print them). Return: whether it is known.
	 */
	bool (*argument)(void *context, uint32_t frame, const char *name, uint64_t *ret);
	void *context;
};

/* Where a lock keeps who has it. */
enum dw_owner_place {
	DW_OWNER_NONE,         /* nobody wrote that down, or the kind of lock is not known */
	DW_OWNER_GLIBC_MUTEX,  /* __owner */
	DW_OWNER_GLIBC_RWLOCK, /* __cur_writer */
	DW_OWNER_MUSL_MUTEX,   /* _m_lock, of recursive and error-checking ones */
	DW_OWNER_GLIBC_FILE,   /* _lock->owner, if it is a FILE's: the thread's own block */
	DW_OWNER_PI_WORD,      /* the futex word itself, as the kernel wants it */
	DW_OWNER_RUST_RWLOCK,  /* nobody, but how many readers there are */
	DW_OWNER_MUSL_RWLOCK,  /* the same */
};

struct dw_meaning {
	uint8_t kind; /* enum dw_thing_kind; 0: it waits for nothing, or that cannot be told */
	uint8_t how;  /* enum dw_how */
	bool idles;   /* where threads are that have nothing to do: runs a guest, polls for ever */
	bool sleeps;  /* nothing but time ends it: who does it again and again polls */
	bool is_nameless; /* it waits on a word, and no function is known that says for what */

	/*
	 * Of the thing; 0: it cannot be told. Of a call dw_thing_address(DW_CALL, number of
	 * DW_CALLS). Of an ending see `tid`.
	 */
	uint64_t address;
	uint64_t mutex;    /* of a condition: the mutex that it needs again; 0: not known */
	uint64_t word;     /* of a mutex that is told by its memory alone: what is waited on */
	uint8_t otherwise; /* of such a one: what it is if no thread that lives has it */
	bool retakes;      /* the condition's wait is over: it takes the mutex, the `address` */
	uint32_t tid;  /* of an ending, or of a word that looks like it: the kernel's number of whom
			  it waits for; 0: not known */
	uint32_t site; /* index of the first frame that is no wrapper; n_frames: none */
	uint8_t owner; /* enum dw_owner_place of `address` */
	uint8_t mutex_owner; /* enum dw_owner_place of `mutex` */
};

struct dw_meaning dw_meaning_tell(const struct dw_asleep *asleep);

/* Whether it is in a function of the C library that reads from a FILE. */
bool dw_meaning_reads_file(const struct dw_asleep *asleep, const struct dw_meaning *meaning);

/*
 * Who holds the lock at @address: the kernel's number of the thread, as the lock itself says.
 * Return: 0 if nobody does, or it does not say, or cannot be read.
 */
uint32_t dw_meaning_owner(const struct dw_asleep *reader, enum dw_owner_place place,
			  uint64_t address);

/* How many readers have the lock at @address, as it says; 0: none, or it does not say. */
uint32_t dw_meaning_readers(const struct dw_asleep *reader, enum dw_owner_place place,
			    uint64_t address);
