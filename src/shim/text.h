/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of calls: those that a profile has, and those that the program itself gives. A name has
 * a number, which its thing is made of; it is told once a recording.
 */
#pragma once

#include "shim/shim.h"

/* Names that are told apart; profiles have some hundred. A power of two. */
#define SHIM_TEXTS 1024

/* With the NUL at its end. */
#define SHIM_TEXT_SIZE 96

/*
 * The number of @text, which is copied if it is new. May be called by several threads at once.
 * Return: SHIM_TEXTS if it is too long, or there are too many.
 */
uint32_t shim_text(const char *text);

/* The same, but never a new one: SHIM_TEXTS if it is not known. */
uint32_t shim_text_find(const char *text);

/* The thing that stands for calls of that name. */
static inline uint64_t shim_text_thing(uint32_t number)
{
	return dw_thing_address(DW_CALL, DW_CALL_NAMED + number);
}

/* The thing of that name has been told: tells the name, unless that was done. */
void shim_text_tell(struct shim_thread *t, uint32_t number);

/* What has that name has happened. */
void shim_text_beat(struct shim_thread *t, uint32_t number);

/* The record @thing is called @text. */
void shim_name_thing(struct shim_thread *t, uint32_t thing, const char *text);
