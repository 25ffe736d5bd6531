/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ELF images in a process's memory, that are in no file: those that makers of code at run
 * time register for debuggers.
 *
 * The process's word is not believed: its lists may loop, and what they lead to may be anything.
 *
 * Single-threaded. Memory is the arena's.
 */
#pragma once

#include "base/arena.h"
#include "inspect/arch.h"

#include <libelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code, and the image that describes it. */
struct dw_image {
	uint64_t start, end; /* of the code */
	void *bytes;         /* for elf_memory() */
	size_t size;
};

/* Images that are looked at; QEMU registers one. */
#define DW_IMAGES_MAX 64

/* The address of the list of images, that the file @elf exports, less its bias; 0: none. */
uint64_t dw_image_list(Elf *elf);

/*
 * The images of the list at @address, which is dw_image_list() with the bias added.
 *
 * Return: how many of @ret (room for DW_IMAGES_MAX) were filled.
 */
uint32_t dw_images_read(struct dw_arena *arena, dw_read_function *read, void *context,
			uint64_t address, struct dw_image *ret);
