/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small core file: two threads, two mapped files, some memory. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CORE_FILE_SIZE 4096
#define CORE_FILE_PID 4711
#define CORE_FILE_SIGNAL 6
#define CORE_FILE_PROGRAM "/usr/bin/sample"
#define CORE_FILE_LIBRARY "/usr/lib/libsample.so.1 (deleted)"

/* Where things are mapped. The memory's bytes are 0, 1, 2 ... */
#define CORE_FILE_CODE UINT64_C(0x400000)
#define CORE_FILE_LIBRARY_CODE UINT64_C(0x700000)
#define CORE_FILE_MEMORY UINT64_C(0x800000)
#define CORE_FILE_MEMORY_SIZE 256

/* The main thread waits in futex() at CORE_FILE_MEMORY; the other one runs. */
#define CORE_FILE_CALL 202

/* Fills @ret. Return: the bytes that were needed. */
size_t core_file_make(uint8_t ret[CORE_FILE_SIZE]);
