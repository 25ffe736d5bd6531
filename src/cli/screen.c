/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/screen.h"

#include "base/error.h"
#include "cli/view.h"
#include "render/board.h"

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

struct shown {
	struct dw_view *view;
	char *text; /* the board, as it is written; NULL: none yet */
	int top;    /* the line that is shown first, behind the heading */
	char status[128];
};

/* The heading, a line for people, stays where it is; so does the status at the bottom. */
#define FIXED_LINES 2

static int write_board(struct shown *shown)
{
	const struct dw_board *board = dw_view_board(shown->view);
	char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	if (!board)
		return 0;
	out = open_memstream(&text, &size);
	if (!out)
		return dw_raise(-ENOMEM);
	r = dw_board_write(out, board, (unsigned)COLS);
	if (fclose(out) != 0 && r == 0)
		r = dw_raise(-ENOMEM);
	if (r < 0) {
		free(text);
		return dw_pass(r);
	}
	free(shown->text);
	shown->text = text;
	return 0;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* Those below are drawn later: curses would go on there with a line that is too long. */
static void draw_line(int row, const char *line)
{
	mvaddnstr(row, 0, line, (int)strcspn(line, "\n"));
	move(row + 1, 0);
	clrtobot();
}

static int count_lines(const char *text)
{
	int n = 0;

	for (; *text; text = next_line(text))
		n++;
	return n;
}

static void keep_in_range(struct shown *shown)
{
	int last = count_lines(shown->text) - 1 - (LINES - FIXED_LINES);

	shown->top = shown->top > last ? last : shown->top;
	shown->top = shown->top < 0 ? 0 : shown->top;
}

static void draw_body(const struct shown *shown)
{
	const char *line = next_line(shown->text);

	for (int i = 0; i < shown->top; i++)
		line = next_line(line);
	for (int row = 1; *line && row < LINES - 1; row++, line = next_line(line))
		draw_line(row, line);
}

static void draw(struct shown *shown)
{
	erase();
	if (shown->text) {
		keep_in_range(shown);
		attron(A_BOLD);
		draw_line(0, shown->text);
		attroff(A_BOLD);
		draw_body(shown);
	}
	attron(A_REVERSE);
	mvaddnstr(LINES - 1, 0, shown->status, COLS - 1);
	attroff(A_REVERSE);
	refresh();
}

/* What cannot be read now is said, and the last board stays. Return: 0, or -ENOMEM. */
static int look(struct shown *shown, unsigned delay_ms)
{
	int r = dw_view_look(shown->view);

	if (r == -ENOMEM)
		return dw_pass(r);
	if (r != 0)
		snprintf(shown->status, sizeof(shown->status), " as it was: %s   q quits ",
			 dw_view_reason(shown->view, r));
	else
		snprintf(shown->status, sizeof(shown->status),
			 " q quits   up, down: scroll   space: look now   every %u.%u s ",
			 delay_ms / 1000, delay_ms % 1000 / 100);
	r = write_board(shown);
	return r < 0 ? dw_pass(r) : 0;
}

enum course { WAIT, LOOK, REWRITE, QUIT };

static enum course obey(struct shown *shown, int key)
{
	switch (key) {
	case ERR:
	case ' ':
		return LOOK;
	case 'q':
	case 3: /* the interrupt key, where it is passed on */
		return QUIT;
	case KEY_RESIZE:
		return REWRITE;
	case KEY_UP:
		shown->top--;
		return WAIT;
	case KEY_DOWN:
		shown->top++;
		return WAIT;
	case KEY_PPAGE:
		shown->top -= LINES - FIXED_LINES;
		return WAIT;
	case KEY_NPAGE:
		shown->top += LINES - FIXED_LINES;
		return WAIT;
	default:
		return WAIT;
	}
}

static int show(struct shown *shown, unsigned delay_ms)
{
	enum course course = LOOK;
	int r = 0;

	while (r == 0 && course != QUIT) {
		if (course == LOOK)
			r = look(shown, delay_ms);
		else if (course == REWRITE)
			r = write_board(shown);
		if (r < 0)
			break;
		draw(shown);
		timeout((int)delay_ms);
		course = obey(shown, getch());
	}
	return r < 0 ? dw_pass(r) : 0;
}

/* One on which the cursor cannot be moved, or that is not known, cannot. */
static bool can_be_drawn_on(void)
{
	int known;

	return setupterm(NULL, STDOUT_FILENO, &known) == OK && cursor_address;
}

int dw_screen_show(struct dw_view *view, unsigned delay_ms)
{
	struct shown shown = {.view = view};
	SCREEN *screen;
	int r;

	setlocale(LC_CTYPE, "");
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return DW_SCREEN_NONE;
	if (!can_be_drawn_on())
		return DW_SCREEN_NONE;
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return DW_SCREEN_NONE;
	set_term(screen);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	r = show(&shown, delay_ms);
	endwin();
	delscreen(screen);
	free(shown.text);
	return r < 0 ? dw_pass(r) : 0;
}
