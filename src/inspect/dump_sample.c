/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What sample(1) of macOS prints: of each thread a tree of calls, from the outside in, with the
 * number of samples that had the call.
 *
 *   Call graph:
 *     712 Thread_8161975   DispatchQueue_1: com.apple.main-thread  (serial)
 *     + 712 main  (in qemu-system-aarch64) + 12  [0x102a4c00c]  main.c:48
 *     +   400 f  (in qemu-system-aarch64) + 96  [0x102a4c0f0,0x102a4c104]  f.c:3
 *     +   ! 400 __psynch_mutexwait  (in libsystem_kernel.dylib) + 8  [0x18c2d]
 *     +   312 g  (in qemu-system-aarch64) + 8  [0x102a4c2f0]  g.c:7
 *     712 Thread_8161980: CPU 0/HVF
 *
 * How far the number stands to the right tells how deep the call is. What a call's own calls do
 * not account for are samples of a stack that ends with it.
 */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/dump_gather.h"

#include <errno.h>
#include <string.h>

/* A call on the way from the outside to the line that is being read. */
struct call {
	size_t column;
	uint64_t n_samples;
	uint64_t n_inner; /* of the calls that it makes */
	struct dw_dump_frame frame;
};

struct reader {
	struct dw_gather *gather;
	struct dw_dump_lines lines;
	bool in_graph;
	struct call calls[DW_DUMP_FRAMES_MAX];
	uint32_t n_calls;
};

/* A line of the tree. */
struct row {
	size_t column;
	uint64_t n_samples;
	struct dw_piece text;
};

static bool read_row(struct dw_piece line, struct row *ret)
{
	struct dw_piece rest = line;

	while (rest.n > 0 && strchr(" +!:|", rest.text[0]))
		rest = dw_piece_from(rest, 1);
	ret->column = line.n - rest.n;
	if (!dw_piece_decimal(&rest, &ret->n_samples) || ret->n_samples >= UINT32_MAX)
		return false;
	ret->text = dw_piece_trim(rest);
	return rest.n > 0 && rest.text[0] == ' ';
}

/* The stack that ends with the innermost call, if there were samples of it. */
static int end_call(struct reader *r)
{
	struct call *call = &r->calls[--r->n_calls];
	uint64_t n = call->n_samples > call->n_inner ? call->n_samples - call->n_inner : 0;
	int ret;

	if (n == 0)
		return 0;
	ret = dw_gather_begin(r->gather);
	for (uint32_t i = r->n_calls + 1; ret == 0 && i-- > 0;)
		dw_gather_frame(r->gather, &r->calls[i].frame);
	if (ret == 0)
		ret = dw_gather_end(r->gather, /* flags= */ 0, (uint32_t)n);
	return dw_pass(ret);
}

static int end_calls(struct reader *r, size_t column)
{
	int ret = 0;

	while (ret == 0 && r->n_calls > 0 && r->calls[r->n_calls - 1].column >= column)
		ret = end_call(r);
	return dw_pass(ret);
}

/* `Thread_8161980: CPU 0/HVF`, `Thread_8161975   DispatchQueue_1: com.apple.main-thread ...`. */
static int read_thread(struct reader *r, struct dw_piece text)
{
	struct dw_piece name = {0};
	uint64_t number = 0;
	int ret = end_calls(r, 0);

	dw_piece_decimal(&text, &number);
	if (dw_piece_skip(&text, ":"))
		name = text;
	else if (dw_piece_find(text, "com.apple.main-thread") != SIZE_MAX)
		name = (struct dw_piece){"main", 4};
	dw_gather_leave(r->gather);
	if (ret == 0)
		ret = dw_gather_thread(r->gather, 0, number < UINT32_MAX ? (uint32_t)number : 0, 0,
				       name);
	return dw_pass(ret);
}

/* What is between @open and @close in @text, behind which that goes on. */
static struct dw_piece take_between(struct dw_piece *text, const char *open, const char *close)
{
	size_t from = dw_piece_find(*text, open), to;
	struct dw_piece rest;

	if (from == SIZE_MAX)
		return (struct dw_piece){0};
	rest = dw_piece_from(*text, from + strlen(open));
	to = dw_piece_find(rest, close);
	if (to == SIZE_MAX)
		return (struct dw_piece){0};
	*text = dw_piece_from(rest, to + strlen(close));
	return (struct dw_piece){rest.text, to};
}

/* `name  (in library) + 12  [0x102a4c00c]  main.c:48`. */
static struct dw_gather_frame read_frame(struct dw_piece text)
{
	struct dw_gather_frame frame = {0};
	size_t end = dw_piece_find(text, "  (in ");
	struct dw_piece address, line;
	uint64_t number;

	frame.function = dw_piece_trim((struct dw_piece){text.text, end < text.n ? end : text.n});
	if (frame.function.n == 3 && memcmp(frame.function.text, "???", 3) == 0)
		frame.function.n = 0;
	frame.library = take_between(&text, "  (in ", ")");
	address = take_between(&text, "[", "]");
	dw_piece_hexadecimal(&address, &frame.address);
	text = dw_piece_trim(text);
	end = dw_piece_find(text, ":");
	if (end >= text.n || frame.library.n == 0)
		return frame;
	line = dw_piece_from(text, end + 1);
	if (dw_piece_decimal(&line, &number) && number < UINT32_MAX) {
		frame.file = (struct dw_piece){text.text, end};
		frame.line = (uint32_t)number;
	}
	return frame;
}

static int read_call(struct reader *r, const struct row *row)
{
	struct dw_gather_frame frame = read_frame(row->text);
	struct call *call;
	int ret = end_calls(r, row->column);

	if (ret < 0)
		return dw_pass(ret);
	if (r->n_calls == DW_DUMP_FRAMES_MAX) {
		dw_gather_lose(r->gather);
		return 0;
	}
	if (r->n_calls > 0)
		r->calls[r->n_calls - 1].n_inner += row->n_samples;
	call = &r->calls[r->n_calls++];
	*call = (struct call){.column = row->column, .n_samples = row->n_samples};
	frame.at = r->lines.number;
	return dw_gather_copy(r->gather, &frame, &call->frame);
}

/* `Analysis of sampling qemu-system-aarch64 (pid 2415) every 1 millisecond`. */
static int read_head(struct reader *r, struct dw_piece line)
{
	uint64_t pid = 0, interval_ms = 0;
	size_t end;
	int ret = 0;

	if (!dw_piece_skip(&line, "Analysis of sampling "))
		return 0;
	end = dw_piece_find(line, " (pid ");
	if (end != SIZE_MAX) {
		ret = dw_gather_program(r->gather, (struct dw_piece){line.text, end});
		line = dw_piece_from(line, end + strlen(" (pid "));
		if (dw_piece_decimal(&line, &pid) && pid < UINT32_MAX)
			dw_gather_pid(r->gather, (uint32_t)pid);
	}
	end = dw_piece_find(line, "every ");
	if (end != SIZE_MAX) {
		line = dw_piece_from(line, end + strlen("every "));
		if (dw_piece_decimal(&line, &interval_ms) && interval_ms < UINT32_MAX)
			dw_gather_interval(r->gather, interval_ms * 1000000);
	}
	return dw_pass(ret);
}

static int read_line(struct reader *r, struct dw_piece line)
{
	struct dw_piece trimmed = dw_piece_trim(line);
	struct row row;
	int ret;

	if (dw_piece_skip(&trimmed, "Call graph:")) {
		r->in_graph = true;
		return 0;
	}
	if (!r->in_graph)
		return read_head(r, trimmed);
	if (!read_row(line, &row)) {
		r->in_graph = false;
		ret = end_calls(r, 0);
		dw_gather_leave(r->gather);
		return dw_pass(ret);
	}
	if (dw_piece_skip(&row.text, "Thread_"))
		return read_thread(r, row.text);
	return read_call(r, &row);
}

int dw_dump_read_sample(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size)
{
	struct reader *r = dw_arena_alloc(arena, sizeof(*r));
	struct dw_piece line;
	int error = 0;

	if (!r)
		return dw_raise(-ENOMEM);
	r->gather = dw_gather_new(arena, /* samples= */ true);
	if (!r->gather)
		return dw_raise(-ENOMEM);
	r->lines = (struct dw_dump_lines){.text = text, .size = size};
	while (error == 0 && dw_dump_line_next(&r->lines, &line))
		error = read_line(r, line);
	error = error < 0 ? error : end_calls(r, 0);
	error = error < 0 ? error : dw_gather_done(r->gather, ret);
	return dw_pass(error);
}
