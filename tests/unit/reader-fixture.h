/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A recording and what the reader makes of it, for the tests of the reader. */
#pragma once

#include "record/reader.h"
#include "recording.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MEMORY_MAX ((size_t)64 << 20)

struct fixture {
	struct recording recording;
	struct dw_reader *reader;
	const struct dw_facts *facts;
};

static inline int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){0};
	recording_init(&fixture.recording);
	*state = &fixture;
	return 0;
}

static inline int tear_down(void **state)
{
	struct fixture *f = *state;

	dw_reader_free(f->reader);
	recording_done(&f->recording);
	return 0;
}

static inline int answer(struct fixture *f, size_t size)
{
	f->reader = dw_reader_free(f->reader);
	return dw_reader_open_memory(&f->reader, f->recording.data, size, MEMORY_MAX);
}

static inline const struct dw_facts *read_back(struct fixture *f)
{
	assert_int_equal(answer(f, f->recording.size), 0);
	f->facts = dw_reader_facts(f->reader);
	return f->facts;
}

static inline uint64_t damaged(const struct fixture *f)
{
	return f->facts->losses[DW_LOSS_DAMAGED];
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
