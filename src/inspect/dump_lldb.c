/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What lldb prints.
 *
 *   * thread #1, queue = 'com.apple.main-thread', stop reason = signal SIGSTOP
 *     thread #7, name = 'CPU 3/HVF'
 *       frame #0: 0x00000001875f19c8 libsystem_kernel.dylib`__psynch_mutexwait + 8
 *     * frame #1: 0x0000000102a4c0f0 qemu`f(s=0x0000000103200000) at f.c:3:9 [opt]
 *       frame #2: 0x0000000102a4c0f0 qemu`g [inlined] at g.c:7:3
 */
#include "base/error.h"
#include "inspect/dump_gather.h"

#include <errno.h>
#include <string.h>

struct reader {
	struct dw_gather *gather;
	struct dw_dump_lines lines;
};

/* What follows @key in @line; nothing if that is not there. */
static struct dw_piece behind(struct dw_piece line, const char *key)
{
	size_t found = dw_piece_find(line, key);

	return found == SIZE_MAX ? (struct dw_piece){0} : dw_piece_from(line, found + strlen(key));
}

/* As far as @end is not met; all of it if it is not. */
static struct dw_piece before(struct dw_piece text, const char *end)
{
	size_t found = dw_piece_find(text, end);

	return (struct dw_piece){text.text, found < text.n ? found : text.n};
}

/* `thread #7, name = 'CPU 3/HVF'`; older ones say `tid = 0x5a44`. */
static int read_thread(struct reader *r, struct dw_piece line)
{
	struct dw_piece name = before(behind(line, "name = '"), "'");
	struct dw_piece number = behind(line, "tid = ");
	uint64_t id = 0, tid = 0;
	int ret = dw_gather_end(r->gather, /* flags= */ 0, /* n_samples= */ 1);

	dw_piece_decimal(&line, &id);
	if (!dw_piece_hexadecimal(&number, &tid))
		dw_piece_decimal(&number, &tid);
	if (name.n == 0 && dw_piece_find(line, "com.apple.main-thread") != SIZE_MAX)
		name = (struct dw_piece){"main", 4};
	if (ret == 0)
		ret = dw_gather_thread(r->gather, id < UINT32_MAX ? (uint32_t)id : 0,
				       tid < UINT32_MAX ? (uint32_t)tid : 0, 0, name);
	return dw_pass(ret);
}

/* `f.c:3:9 [opt]`. */
static void read_place(struct dw_piece place, struct dw_gather_frame *frame)
{
	struct dw_piece line = behind(place, ":");
	uint64_t number;

	if (!dw_piece_decimal(&line, &number) || number >= UINT32_MAX)
		return;
	frame->file = before(place, ":");
	frame->line = (uint32_t)number;
}

/* `0x0000000102a4c0f0 qemu`f(s=0x0000000103200000) at f.c:3:9 [opt]`. */
static struct dw_gather_frame parse_frame(struct dw_piece text)
{
	struct dw_gather_frame frame = {0};
	struct dw_piece call;
	size_t open, close;

	dw_piece_hexadecimal(&text, &frame.address);
	text = dw_piece_trim(text);
	call = behind(text, "`");
	frame.library = call.n ? before(text, "`") : (struct dw_piece){0};
	call = call.n ? call : text;
	read_place(behind(call, " at "), &frame);
	call = dw_piece_trim(before(before(before(call, " at "), " + "), " ["));
	open = dw_piece_arguments(call, /* blank= */ false);
	close = open < call.n ? dw_piece_closing(call, open) : SIZE_MAX;
	frame.function = (struct dw_piece){call.text, open < call.n ? open : call.n};
	if (close != SIZE_MAX)
		frame.args = (struct dw_piece){call.text + open + 1, close - open - 1};
	return frame;
}

static int read_frame(struct reader *r, struct dw_piece line)
{
	struct dw_gather_frame frame;
	struct dw_dump_frame copied;
	uint64_t number = 0;
	int ret = 0;

	if (!dw_piece_decimal(&line, &number) || !dw_piece_skip(&line, ":"))
		return 0;
	if (number == 0) {
		ret = dw_gather_end(r->gather, /* flags= */ 0, /* n_samples= */ 1);
		ret = ret < 0 ? ret : dw_gather_begin(r->gather);
	}
	if (ret < 0 || number != dw_gather_depth(r->gather))
		return dw_pass(ret);
	frame = parse_frame(line);
	frame.at = r->lines.number;
	ret = dw_gather_copy(r->gather, &frame, &copied);
	if (ret == 0)
		dw_gather_frame(r->gather, &copied);
	return dw_pass(ret);
}

static int read_line(struct reader *r, struct dw_piece line)
{
	line = dw_piece_trim(line);
	dw_piece_skip(&line, "(lldb)");
	dw_piece_skip(&line, "*");
	if (dw_piece_skip(&line, "thread #"))
		return read_thread(r, line);
	return dw_piece_skip(&line, "frame #") ? read_frame(r, line) : 0;
}

int dw_dump_read_lldb(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size)
{
	struct reader r = {.gather = dw_gather_new(arena, /* samples= */ false),
			   .lines = {.text = text, .size = size}};
	struct dw_piece line;
	int error = 0;

	if (!r.gather)
		return dw_raise(-ENOMEM);
	while (error == 0 && dw_dump_line_next(&r.lines, &line))
		error = read_line(&r, line);
	error = error < 0 ? error : dw_gather_end(r.gather, /* flags= */ 0, /* n_samples= */ 1);
	error = error < 0 ? error : dw_gather_done(r.gather, ret);
	return dw_pass(error);
}
