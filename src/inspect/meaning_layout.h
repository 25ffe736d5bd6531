/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where what is in a C library's locks: offsets in bytes. They are those that libraries are bound
 * to by what was linked with them: glibc's since 2.25, musl's since 1.1.
 *
 * Internal to the meaning.
 */
#pragma once

/* glibc: the mutex. */
#define GLIBC_MUTEX_OWNER 8
#define GLIBC_MUTEX_USERS 12
#define GLIBC_MUTEX_KIND 16
#define GLIBC_MUTEX_KIND_MAX 0x1ff /* all bits that a kind has ever had */

/* glibc: the words of a rwlock that are waited on, by their alignment to 8. */
#define GLIBC_RWLOCK_PHASE 8
#define GLIBC_RWLOCK_WRITERS 12
#define GLIBC_RWLOCK_READER_SHIFT 3 /* of the first word, which counts them */
#define GLIBC_RWLOCK_WRITER 24      /* the number of the thread that has it for writing */

/* musl: the mutex's word, behind its type; who waits for a condition does so on its own stack. */
#define MUSL_MUTEX_WORD 4
#define MUSL_THREAD_NUMBER 8  /* bytes before the word that a join waits on */
#define MUSL_MUTEX_TYPE_MAX 2 /* recursive: 1, with checks: 2 */
#define MUSL_OWNER_MASK 0x3fffffff
#define MUSL_WAITERS 0x80000000
#define MUSL_NORMAL 16 /* EBUSY: taken, by nobody in particular */
