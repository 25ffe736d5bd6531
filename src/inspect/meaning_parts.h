/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the meaning share. meaning.c goes by the functions on a stack, meaning_call.c
 * knows calls, meaning_lock.c which lock is waited for and meaning_condition.c which condition,
 * meaning_owner.c who has a lock.
 *
 * Internal to the meaning.
 */
#pragma once

#include "inspect/meaning.h"

/* glibc's simple lock: somebody has it, and others wait. */
#define DW_MEANING_LOCKED_WITH_WAITERS 2

/* A function in which threads wait. */
struct dw_meaning_row {
	const char *function; /* the beginning of its plain name */
	uint8_t kind;         /* enum dw_thing_kind */
	uint8_t how;          /* enum dw_how */
};

/* @function without what C libraries put before the names of their functions. */
const char *dw_meaning_plain(const char *function);

/* Whether the system call is known, and there is none: the thread runs. */
bool dw_meaning_runs(const struct dw_asleep *asleep);

/* Whether it is known to be in the system call that waits on a word. */
bool dw_meaning_is_futex(const struct dw_asleep *asleep);

/* The argument called @name of one of the wrappers' frames. Return: whether it is known. */
bool dw_meaning_argument(const struct dw_asleep *asleep, const char *name, uint64_t *ret);

/* Whether the arguments are those of the system call that waits on a word, begun again or not. */
bool dw_meaning_has_arguments(const struct dw_asleep *asleep);

/* What that call was asked for: FUTEX_WAIT and its kin, without flags. */
unsigned dw_meaning_operation(const struct dw_asleep *asleep);

/* Whether it waits in musl, which has functions of its own in the frames before @site. */
bool dw_meaning_is_musl(const struct dw_asleep *asleep, uint32_t site);

/* Reads the thread's memory. Return: whether it can be read. */
bool dw_meaning_read(const struct dw_asleep *asleep, uint64_t address, void *ret, size_t n);
bool dw_meaning_read_word(const struct dw_asleep *asleep, uint64_t address, uint32_t *ret);

/* Fills which mutex is waited for, and where it says who has it. */
void dw_meaning_mutex(const struct dw_asleep *asleep, struct dw_meaning *ret);

/* Fills which condition is waited for; or its mutex, where that is what the thread takes again. */
void dw_meaning_condition(const struct dw_asleep *asleep, struct dw_meaning *ret);

/* Fills which of glibc's conditions it is whose @word is waited on, and its mutex. Return: whether
 * there is one. */
bool dw_meaning_find_condition(const struct dw_asleep *asleep, uint64_t word,
			       struct dw_meaning *ret);

/* Fills what is known of a wait in the function of @row. */
void dw_meaning_lock(const struct dw_asleep *asleep, const struct dw_meaning_row *row,
		     struct dw_meaning *ret);

/* The address of the word that is waited on, and whether it is so for a limited time. */
void dw_meaning_word(const struct dw_asleep *asleep, struct dw_meaning *ret);

/* A wait on a word in a function without a name: what the word itself looks like. */
void dw_meaning_nameless(const struct dw_asleep *asleep, struct dw_meaning *ret);

/* A call that can block. Return: whether it is in one. */
bool dw_meaning_call(const struct dw_asleep *asleep, struct dw_meaning *ret);
