/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What gdb prints.
 *
 *   Thread 7 (Thread 0x7fffeb400640 (LWP 23108) "CPU 3/TCG"):     a thread begins; its name is
 *   [Switching to thread 7 (Thread 0x7fffeb400640 (LWP 23108))]   printed only by newer ones
 *   * 7    Thread 0x7fffeb400640 (LWP 23108) "CPU 3/TCG" f (x=1) at f.c:3     `info threads`
 *   #1  0x00005555561e3918 in f (a=0x7ffff3013eb0, b=...) at ../util/f.c:94   a frame; no address
 *   #2  0x00007ffff5b26850 in clone3 () from /lib/libc.so.6                  where it is inlined
 *
 * A frame goes over as many lines as it takes: gdb breaks them between arguments, mail programs at
 * any blank. It is at its end where its brackets are closed and its place is whole.
 */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/dump_gather.h"

#include <errno.h>
#include <string.h>

/* A frame's text. Arguments that are strings are cut by gdb long before. */
#define RECORD_MAX ((size_t)16 << 10)

/* Lines that a frame may go over. */
#define RECORD_LINES_MAX 256

enum record { NO_RECORD, FRAME, ROW };

struct reader {
	struct dw_gather *gather;
	struct dw_dump_lines lines;
	enum record record;
	char text[RECORD_MAX];
	size_t n;
	uint32_t n_lines;
	uint32_t at;           /* line where the record began */
	bool cut;              /* the stack has more frames than are here */
	struct dw_piece asked; /* what the user had printed last; empty: nothing */
};

/* A frame, without its number, as far as it is there. */
struct parts {
	struct dw_gather_frame frame;
	bool whole; /* nothing of it can be missing but its place */
	bool has_place;
};

/* `at FILE:LINE`, or `from LIBRARY`; some print a library behind `at`, too. */
static bool read_place(struct dw_piece rest, struct dw_gather_frame *frame)
{
	bool is_library = dw_piece_skip(&rest, "from ");
	const char *colon;
	uint64_t line = 0;

	if (!is_library && !dw_piece_skip(&rest, "at "))
		return false;
	colon = is_library ? NULL : memrchr(rest.text, ':', rest.n);
	if (colon) {
		struct dw_piece digits = dw_piece_from(rest, (size_t)(colon + 1 - rest.text));

		if (dw_piece_decimal(&digits, &line) && digits.n == 0 && line < UINT32_MAX)
			rest.n = (size_t)(colon - rest.text);
		else
			line = 0;
	}
	frame->line = (uint32_t)line;
	*(line ? &frame->file : &frame->library) = rest;
	return rest.n > 0;
}

static struct parts read_call(struct dw_piece text)
{
	struct parts parts = {0};
	size_t open, close;
	struct dw_piece rest;

	if (dw_piece_hexadecimal(&text, &parts.frame.address)) {
		text = dw_piece_trim(text);
		dw_piece_skip(&text, "in ");
	}
	parts.frame.function = text;
	if (text.n > 0 && text.text[0] == '<' && memchr(text.text, '>', text.n)) {
		parts.whole = true; /* <signal handler called> */
		return parts;
	}
	open = dw_piece_arguments(text, /* blank= */ true);
	if (open == SIZE_MAX)
		return parts;
	parts.frame.function = dw_piece_trim((struct dw_piece){text.text, open});
	close = dw_piece_closing(text, open);
	if (close == SIZE_MAX)
		return parts;
	parts.frame.args = (struct dw_piece){text.text + open + 1, close - open - 1};
	rest = dw_piece_trim(dw_piece_from(text, close + 1));
	parts.has_place = read_place(rest, &parts.frame);
	parts.whole = parts.has_place || rest.n == 0;
	return parts;
}

struct target {
	struct dw_piece name;
	uint64_t handle, tid;
};

/* `Thread 0x7fffeb400640 (LWP 23108) "name"`, `LWP 23108 "name"`, `process 23108`. */
static struct target read_target(struct dw_piece *text)
{
	struct target target = {0};

	if (dw_piece_skip(text, "Thread ") && dw_piece_hexadecimal(text, &target.handle)) {
		*text = dw_piece_trim(*text);
		if (dw_piece_skip(text, "(LWP ") && dw_piece_decimal(text, &target.tid))
			dw_piece_skip(text, ")");
	} else if (dw_piece_skip(text, "LWP ") || dw_piece_skip(text, "process ")) {
		dw_piece_decimal(text, &target.tid);
	}
	*text = dw_piece_trim(*text);
	dw_piece_quoted(text, &target.name);
	return target;
}

static int enter_thread(struct reader *r, uint64_t id, const struct target *target)
{
	return dw_gather_thread(r->gather, id < UINT32_MAX ? (uint32_t)id : 0,
				target->tid < UINT32_MAX ? (uint32_t)target->tid : 0,
				target->handle, target->name);
}

static int end_stack(struct reader *r)
{
	uint32_t flags = r->cut ? DW_DUMP_CUT : 0;

	r->cut = false;
	return dw_gather_end(r->gather, flags, /* n_samples= */ 1);
}

static int add_frame(struct reader *r, const struct parts *parts)
{
	struct dw_gather_frame frame = parts->frame;
	struct dw_dump_frame copied;
	int ret;

	frame.at = r->at;
	if (frame.function.n == 2 && memcmp(frame.function.text, "??", 2) == 0)
		frame.function.n = 0;
	r->cut = r->cut || !parts->whole;
	ret = dw_gather_copy(r->gather, &frame, &copied);
	if (ret == 0)
		dw_gather_frame(r->gather, &copied);
	return dw_pass(ret);
}

/* `#12 ...`: the next one, or the first one of another stack; anything else is no frame. */
static int close_frame(struct reader *r, struct dw_piece text)
{
	uint64_t number = 0;
	int ret = 0;
	struct parts parts;

	text = dw_piece_from(text, 1);
	dw_piece_decimal(&text, &number);
	if (number == 0) {
		ret = end_stack(r);
		if (ret == 0)
			ret = dw_gather_begin(r->gather);
	}
	if (ret < 0)
		return dw_pass(ret);
	if (number != dw_gather_depth(r->gather))
		return 0;
	parts = read_call(dw_piece_trim(text));
	return add_frame(r, &parts);
}

/* Goes on behind the thread of a row `* 7    Thread ... "name" f (x=1) ...`, to the call. */
static struct target read_row(struct dw_piece *row, uint64_t *ret_id)
{
	dw_piece_skip(row, "*");
	dw_piece_decimal(row, ret_id);
	*row = dw_piece_trim(*row);
	return read_target(row);
}

/* A thread that runs has no frame: `(running)`. */
static bool has_call(struct dw_piece behind_thread)
{
	return behind_thread.n > 0 && behind_thread.text[0] != '(';
}

/* Only the innermost frame is in it. */
static int close_row(struct reader *r, struct dw_piece text)
{
	uint64_t id = 0;
	struct target target = read_row(&text, &id);
	struct parts parts;
	int ret = end_stack(r);

	if (ret == 0)
		ret = enter_thread(r, id, &target);
	if (ret < 0 || !has_call(text))
		return dw_pass(ret);
	ret = dw_gather_begin(r->gather);
	parts = read_call(text);
	if (ret == 0)
		ret = add_frame(r, &parts);
	r->cut = true;
	if (ret == 0)
		ret = end_stack(r);
	dw_gather_leave(r->gather);
	return dw_pass(ret);
}

static int close_record(struct reader *r)
{
	enum record record = r->record;
	struct dw_piece text = {r->text, r->n};

	r->record = NO_RECORD;
	if (record == FRAME)
		return close_frame(r, text);
	return record == ROW ? close_row(r, text) : 0;
}

static void append(struct reader *r, struct dw_piece line)
{
	size_t room = RECORD_MAX - r->n;
	size_t n = line.n + 1 < room ? line.n + 1 : room;

	if (n == 0)
		return;
	r->text[r->n] = ' ';
	memcpy(r->text + r->n + 1, line.text, n - 1);
	r->n += n;
	r->n_lines++;
}

static int open_record(struct reader *r, enum record record, struct dw_piece line)
{
	int ret = close_record(r);

	r->record = record;
	r->n = 0;
	r->n_lines = 0;
	r->at = r->lines.number;
	append(r, line);
	/* The blank in front is none of the line's. */
	memmove(r->text, r->text + 1, --r->n);
	return dw_pass(ret);
}

static bool is_frame(struct dw_piece line)
{
	uint64_t number;

	if (line.n < 3 || line.text[0] != '#')
		return false;
	line = dw_piece_from(line, 1);
	return dw_piece_decimal(&line, &number) && line.n > 0 && line.text[0] == ' ';
}

static bool is_row(struct dw_piece line)
{
	uint64_t id;

	dw_piece_skip(&line, "*");
	return dw_piece_decimal(&line, &id) && line.n > 2 && line.text[0] == ' ' &&
	       line.text[1] == ' ' &&
	       (dw_piece_skip(&line, "  ") &&
		(dw_piece_skip(&line, "Thread 0x") || dw_piece_skip(&line, "LWP ") ||
		 dw_piece_skip(&line, "process ")));
}

/* What of the record is a call. */
static struct dw_piece call_of_record(const struct reader *r)
{
	struct dw_piece text = {r->text, r->n};
	uint64_t number;

	if (r->record == ROW) {
		read_row(&text, &number);
		return text;
	}
	text = dw_piece_from(text, 1);
	dw_piece_decimal(&text, &number);
	return dw_piece_trim(text);
}

/* Whether @line goes on with the record that is being read. */
static bool continues(const struct reader *r, struct dw_piece line)
{
	struct dw_piece call;
	struct parts parts;

	if (r->record == NO_RECORD || line.n == 0 || r->cut || r->n_lines == RECORD_LINES_MAX)
		return false;
	call = call_of_record(r);
	if (!has_call(call))
		return false;
	parts = read_call(call);
	if (!parts.whole)
		return true;
	return !parts.has_place && (dw_piece_skip(&line, "at ") || dw_piece_skip(&line, "from "));
}

/* `thread 3`, as people put above what they paste. */
static bool is_caption(struct dw_piece line, uint64_t *ret)
{
	while (line.n > 0 && strchr("#*= ", line.text[0]))
		line = dw_piece_from(line, 1);
	while (line.n > 0 && strchr("*=: ", line.text[line.n - 1]))
		line.n--;
	return (dw_piece_skip(&line, "thread ") || dw_piece_skip(&line, "Thread ")) &&
	       dw_piece_decimal(&line, ret) && line.n == 0;
}

/* The variable of `bql.lock`, `*(QemuMutex *)&bql`. */
static struct dw_piece variable_of(struct dw_piece asked)
{
	const char *cast = memrchr(asked.text, ')', asked.n);
	size_t n = cast ? (size_t)(cast - asked.text) + 1 : 0;

	if (n < asked.n)
		asked = dw_piece_from(asked, n);
	while (asked.n > 0 && strchr("*&( ", asked.text[0]))
		asked = dw_piece_from(asked, 1);
	for (n = 0; n < asked.n && !strchr(".-[) ", asked.text[n]);)
		n++;
	return (struct dw_piece){asked.text, n};
}

/* What a lock says of who has it, if the user had it printed. */
static int read_owner(struct reader *r, struct dw_piece line)
{
	size_t found = dw_piece_find(line, "__owner = ");
	struct dw_piece asked = r->asked, name = {0};
	uint64_t tid = 0, address = 0;

	if (asked.n == 0 || found == SIZE_MAX)
		return 0;
	r->asked.n = 0;
	line = dw_piece_from(line, found + strlen("__owner = "));
	found = dw_piece_find(asked, "0x");
	if (found != SIZE_MAX) {
		asked = dw_piece_from(asked, found);
		dw_piece_hexadecimal(&asked, &address);
	} else {
		name = variable_of(asked);
	}
	if (!dw_piece_decimal(&line, &tid) || tid == 0 || tid >= UINT32_MAX)
		return 0;
	return dw_gather_owner(r->gather, name, address, (uint32_t)tid, r->lines.number);
}

/* What gdb says of the program when it begins. */
static int read_program(struct reader *r, struct dw_piece line)
{
	struct dw_piece name = {0};
	uint64_t pid = 0;

	if (dw_piece_skip(&line, "Attaching to process ")) {
		if (dw_piece_decimal(&line, &pid) && pid < UINT32_MAX)
			dw_gather_pid(r->gather, (uint32_t)pid);
		return 0;
	}
	if (dw_piece_skip(&line, "Core was generated by `")) {
		for (name.n = 0; name.n < line.n && !strchr(" '", line.text[name.n]);)
			name.n++;
		name.text = line.text;
		return dw_gather_program(r->gather, name);
	}
	return 0;
}

/* A line that is no frame's. */
static int read_other(struct reader *r, struct dw_piece line)
{
	uint64_t id;
	int ret;

	if (dw_piece_skip(&line, "(More stack frames follow") ||
	    dw_piece_skip(&line, "Backtrace stopped:"))
		r->cut = true;
	/* A block that is opened belongs to its caption; one that is closed is over. */
	if ((line.n > 0 && line.text[0] == '#') ||
	    (dw_piece_skip(&line, "```") && dw_gather_depth(r->gather) != UINT32_MAX)) {
		ret = end_stack(r);
		dw_gather_leave(r->gather);
		if (ret < 0)
			return dw_pass(ret);
	}
	if (is_caption(line, &id)) {
		ret = end_stack(r);
		return ret < 0 ? ret : enter_thread(r, id, &(struct target){0});
	}
	ret = read_program(r, line);
	return ret < 0 ? ret : read_owner(r, line);
}

/* `p bql`: what was asked to be printed is told nowhere else. */
static void note_asked(struct reader *r, struct dw_piece command)
{
	if (dw_piece_skip(&command, "p ") || dw_piece_skip(&command, "print "))
		r->asked = command;
}

/*
 * What is printed behind a prompt at once where gdb reads from a pipe. A command stands behind the
 * prompt, or, with `set trace-commands on`, behind a plus.
 */
static struct dw_piece behind_prompt(struct reader *r, struct dw_piece line)
{
	struct dw_piece command = line;

	if (dw_piece_skip(&command, "+"))
		note_asked(r, command);
	while (dw_piece_skip(&line, "(gdb)"))
		note_asked(r, line);
	return line;
}

/*
 * A terminal that was full: what comes before is the beginning of a line.
 * Return: whether that is all there is, and nothing before.
 */
static bool cut_pager(struct reader *r, struct dw_piece *line)
{
	size_t found = dw_piece_find(*line, "--Type <RET> for more");

	if (found == SIZE_MAX)
		return false;
	if (dw_piece_find(dw_piece_from(*line, found), "paging--q") != SIZE_MAX)
		r->cut = true;
	line->n = found;
	return found == 0;
}

/* `Thread 7 (...):` and `[Switching to thread 7 (...)]`. */
static bool is_header(struct dw_piece line, uint64_t *ret_id, struct target *ret)
{
	if (!dw_piece_skip(&line, "Thread ") && !dw_piece_skip(&line, "[Switching to thread "))
		return false;
	if (!dw_piece_decimal(&line, ret_id))
		return false;
	line = dw_piece_trim(line);
	if (!dw_piece_skip(&line, "("))
		return false;
	*ret = read_target(&line);
	return true;
}

static int read_line(struct reader *r, struct dw_piece line)
{
	struct target target;
	uint64_t id;
	int ret;

	line = dw_piece_trim(behind_prompt(r, dw_piece_trim(line)));
	if (is_frame(line))
		return open_record(r, FRAME, line);
	if (is_row(line))
		return open_record(r, ROW, line);
	if (is_header(line, &id, &target)) {
		ret = close_record(r);
		ret = ret < 0 ? ret : end_stack(r);
		return ret < 0 ? ret : enter_thread(r, id, &target);
	}
	if (continues(r, line)) {
		append(r, line);
		return 0;
	}
	ret = close_record(r);
	return ret < 0 ? ret : read_other(r, line);
}

int dw_dump_read_gdb(struct dw_dump *ret, struct dw_arena *arena, const char *text, size_t size)
{
	struct reader *r = dw_arena_alloc(arena, sizeof(*r));
	struct dw_piece line;
	int error = 0;

	if (!r)
		return dw_raise(-ENOMEM);
	r->gather = dw_gather_new(arena, /* samples= */ false);
	if (!r->gather)
		return dw_raise(-ENOMEM);
	r->lines = (struct dw_dump_lines){.text = text, .size = size};
	while (error == 0 && dw_dump_line_next(&r->lines, &line)) {
		if (!cut_pager(r, &line))
			error = read_line(r, line);
	}
	error = error < 0 ? error : close_record(r);
	error = error < 0 ? error : end_stack(r);
	error = error < 0 ? error : dw_gather_done(r->gather, ret);
	return dw_pass(error);
}
