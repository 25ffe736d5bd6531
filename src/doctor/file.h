/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the file of a program tells about how well deadwatch can look into it.
 *
 * Single-threaded.
 */
#pragma once

#include "symbol/symbol.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

enum dw_doctor_kind {
	DW_DOCTOR_DYNAMIC,   /* libraries can be preloaded */
	DW_DOCTOR_SCRIPT,    /* begins with #!: another program runs it */
	DW_DOCTOR_NO_ELF,    /* it is something else */
	DW_DOCTOR_WORD_SIZE, /* of another word size than ours */
	DW_DOCTOR_MACHINE,   /* for another processor */
	DW_DOCTOR_STATIC,    /* no loader, so no libraries */
	DW_DOCTOR_MUSL,      /* its loader is that of another C library than ours */
};

/* What QEMU exports that deadwatch makes use of, as bits. */
enum dw_doctor_qemu {
	DW_DOCTOR_QEMU = 1,      /* it is one */
	DW_DOCTOR_QEMU_LOCK = 2, /* the pointer that says where locks are taken */
	DW_DOCTOR_QEMU_BQL = 4,  /* the one that says which lock is the BQL */
	DW_DOCTOR_QEMU_JIT = 8,  /* what tells debuggers of generated code */
};

struct dw_doctor_file {
	char path[PATH_MAX];
	enum dw_doctor_kind kind;
	bool gains_privileges; /* when it is executed by us */
	bool has_rust;
	enum dw_symbols_quality symbols;
	unsigned qemu;
};

/* The file that execvp() would run as @name. Return: a descriptor, or -1. */
int dw_doctor_file_open(const char *name, char ret_path[PATH_MAX]);

/* Only what has to do with starting it: the members before `has_rust`, but not the path. */
void dw_doctor_file_judge(int fd, struct dw_doctor_file *ret);

/*
 * All of it, of the program that execvp() would find as @name. @build_id: of what runs, or NULL.
 *
 * Return: 0; -ENOENT: there is none; or another negative errno.
 */
int dw_doctor_file_look(const char *name, const uint8_t *build_id, uint32_t build_id_size,
			struct dw_doctor_file *ret);

/*
 * The minor version of glibc that the library @path is (@needs: that it needs, of another), as
 * far as its versions of symbols tell: 36 of GLIBC_2.36; 0: none is named.
 */
unsigned dw_doctor_file_glibc(const char *path, bool needs);
