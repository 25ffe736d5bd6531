/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts made by hand, for tests of what is said about them.
 *
 * Places are named by the functions and variables of sample-qemu.c, which is loaded just
 * to ask where in the file they are. Everything is static: one test at a time.
 */
#pragma once

#include "analysis/finding.h"
#include "model/event.h"
#include "model/facts.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SAMPLE_LIBRARY SAMPLE_DIR "/sample-library.so"

#define SAMPLE_MAX 64
#define SAMPLE_FRAMES 16
#define SAMPLE_LEGS 8

static struct {
	struct dw_module modules[3];
	struct dw_hint hints[SAMPLE_MAX];
	struct dw_stack stacks[SAMPLE_MAX];
	dw_place frames[SAMPLE_MAX][SAMPLE_FRAMES];
	struct dw_run runs[2];
	struct dw_told_thread threads[SAMPLE_MAX];
	struct dw_thing things[SAMPLE_MAX];
	struct dw_chain chains[SAMPLE_MAX];
	struct dw_misuse misuses[SAMPLE_MAX];
	struct dw_post posts[SAMPLE_MAX];
	struct dw_found founds[SAMPLE_MAX];
	struct dw_found_leg found_legs[SAMPLE_MAX][SAMPLE_LEGS];
	struct dw_facts facts;
} sample;

/* Begins anew, with the sample's file loaded at @start. */
static inline void sample_begin(uint64_t start)
{
	memset(&sample, 0, sizeof(sample));
	sample.modules[1] = (struct dw_module){
	    .path = SAMPLE_QEMU, .start = start, .end = start + (1 << 20), .bias = start};
	/* The same file under another name: a library beside it. */
	if (symlink(SAMPLE_QEMU, SAMPLE_LIBRARY) < 0 && errno != EEXIST)
		fail_msg("cannot make %s", SAMPLE_LIBRARY);
	sample.modules[2] = sample.modules[1];
	sample.modules[2].path = SAMPLE_LIBRARY;
	sample.facts = (struct dw_facts){
	    .modules = sample.modules,
	    .hints = sample.hints,
	    .stacks = sample.stacks,
	    .runs = sample.runs,
	    .threads = sample.threads,
	    .things = sample.things,
	    .chains = sample.chains,
	    .misuses = sample.misuses,
	    .posts = sample.posts,
	    .founds = sample.founds,
	    .n_modules = 3,
	    .n_hints = 1,
	    .n_stacks = 1,
	    .n_runs = 1,
	    .n_threads = 1,
	    .n_things = 1,
	    .n_chains = 1,
	    .n_joins = 1,
	    .n_misuses = 1,
	    .n_slots = 1,
	    .n_posts = 1,
	    .n_founds = 1,
	    .program = "/usr/bin/qemu-system-x86_64",
	    .pid = 4711,
	};
}

/* Where the function or variable @name is. */
static inline dw_place sample_place(const char *name)
{
	void *loaded = dlopen(SAMPLE_QEMU, RTLD_NOW | RTLD_LOCAL);
	char *address = loaded ? dlsym(loaded, name) : NULL;
	Dl_info info;

	if (!address || !dladdr(address, &info))
		fail_msg("sample-qemu.c has no %s", name);
	return UINT64_C(1) << 48 | (uint64_t)(address - (char *)info.dli_fbase);
}

/* A stack of functions, the names separated by spaces, innermost first. */
static inline uint32_t sample_stack(const char *names)
{
	uint32_t number = sample.facts.n_stacks++;
	struct dw_stack *stack = &sample.stacks[number];
	char *copy = strdup(names), *rest = copy, *name;

	stack->frames = sample.frames[number];
	while ((name = strsep(&rest, " ")))
		/* One byte into the function, as a return address behind its first byte. */
		sample.frames[number][stack->n_frames++] = sample_place(name) + 1;
	free(copy);
	return number;
}

/* The @n innermost functions of @stack are the library's. */
static inline void sample_in_library(uint32_t stack, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		sample.frames[stack][i] += UINT64_C(1) << 48;
}

static inline uint32_t sample_hint(const char *file, uint32_t line)
{
	sample.hints[sample.facts.n_hints] = (struct dw_hint){file, line};
	return sample.facts.n_hints++;
}

static inline uint32_t sample_thread(const char *name, const char *start, uint32_t flags)
{
	uint32_t number = sample.facts.n_threads++;

	sample.threads[number] = (struct dw_told_thread){
	    .name = name,
	    .tid = 4710 + number,
	    .start = start ? sample_place(start) : 0,
	    .flags = flags,
	};
	return number;
}

static inline uint32_t sample_thing(const char *variable, uint32_t birth, uint32_t flags)
{
	uint32_t number = sample.facts.n_things++;

	sample.things[number] = (struct dw_thing){
	    .address = sample.modules[1].start + number * 64,
	    .place = variable ? sample_place(variable) : 0,
	    .life = 1,
	    .birth = birth,
	    .kind = DW_MUTEX,
	    .flags = (uint16_t)flags,
	};
	return number;
}

static inline uint32_t sample_chain(uint32_t thread, uint32_t below, uint32_t thing, uint32_t stack,
				    uint32_t hint, uint32_t how)
{
	uint32_t number = sample.facts.n_chains++;

	sample.chains[number] = (struct dw_chain){
	    .below = below,
	    .thing = thing,
	    .thread = thread,
	    .stack = stack,
	    .hint = hint,
	    .depth = below ? sample.chains[below].depth + 1 : 1,
	    .how = how,
	};
	return number;
}

/* A thing that is no lock; @number as dw_thing_address() wants it, or 0: it has an address. */
static inline uint32_t sample_other(enum dw_thing_kind kind, uint32_t number)
{
	uint32_t thing = sample_thing(NULL, 0, 0);

	sample.things[thing].kind = (uint16_t)kind;
	if (number)
		sample.things[thing].address = dw_thing_address(kind, number);
	return thing;
}

/* @thread gives @thing at @stack, after it took what @chain ends with. */
static inline uint32_t sample_post(uint32_t thread, uint32_t thing, const char *stack,
				   uint32_t chain)
{
	uint32_t number = sample.facts.n_posts++;

	sample.posts[number] = (struct dw_post){
	    .thread = thread, .thing = thing, .chain = chain, .stack = sample_stack(stack)};
	return number;
}

/* A leg of @thread, which took @held at @held_stack and then wanted @needed at @needed_stack. */
static inline struct dw_leg sample_leg(uint32_t thread, uint32_t held, const char *held_stack,
				       uint32_t needed, const char *needed_stack)
{
	uint32_t holds = sample_chain(thread, 0, held, sample_stack(held_stack), 0, 0);
	uint32_t needs = sample_chain(thread, holds, needed, sample_stack(needed_stack), 0, 0);

	return (struct dw_leg){.thread = thread, .holds = holds, .needs = needs};
}
