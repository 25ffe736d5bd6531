/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/heartbeat.h"

#include <stdlib.h>
#include <string.h>

/* A time of more digits is a mistake: nine of them are eleven days, if they are ms. */
#define DIGITS_MAX 9

static const struct {
	const char *word;
	uint64_t ns;
} units[] = {
    {"ms", 1000000},
    {"s", 1000000000},
    {"min", 60000000000},
};
#define N_UNITS (sizeof(units) / sizeof(units[0]))

struct dw_heartbeat dw_heartbeat_make(uint64_t threshold_ns, uint64_t late_ns)
{
	return (struct dw_heartbeat){.threshold_ns = threshold_ns, .late_ns = late_ns};
}

static size_t n_kept(const struct dw_heartbeat *heartbeat)
{
	return heartbeat->n_intervals < DW_HEARTBEAT_INTERVALS_MAX ? heartbeat->n_intervals
								   : DW_HEARTBEAT_INTERVALS_MAX;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

uint64_t dw_heartbeat_usual_ns(const struct dw_heartbeat *heartbeat)
{
	uint64_t sorted[DW_HEARTBEAT_INTERVALS_MAX];
	size_t n = n_kept(heartbeat);

	if (n < DW_HEARTBEAT_INTERVALS_MIN)
		return 0;
	memcpy(sorted, heartbeat->intervals_ns, n * sizeof(sorted[0]));
	qsort(sorted, n, sizeof(sorted[0]), compare);
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/*
 * @n beats were seen after a time without any. What was before the very first ones is no
 * interval, nor is what was not counted as a whole; and a silence is no part of the habit.
 */
static enum dw_heartbeat_answer beat(struct dw_heartbeat *heartbeat, uint64_t n)
{
	bool was_silent = heartbeat->is_silent;

	if (heartbeat->n_beats && !was_silent && !heartbeat->has_gap)
		heartbeat->intervals_ns[heartbeat->n_intervals++ % DW_HEARTBEAT_INTERVALS_MAX] =
		    heartbeat->quiet_ns / n;
	heartbeat->n_beats += n;
	heartbeat->quiet_ns = 0;
	heartbeat->is_silent = false;
	heartbeat->has_gap = false;
	return was_silent ? DW_HEARTBEAT_BACK : DW_HEARTBEAT_SAME;
}

static enum dw_heartbeat_answer judge(struct dw_heartbeat *heartbeat)
{
	uint64_t usual_ns = dw_heartbeat_usual_ns(heartbeat);

	if (heartbeat->is_silent || usual_ns == 0 ||
	    heartbeat->quiet_ns <= heartbeat->threshold_ns ||
	    heartbeat->quiet_ns / DW_HEARTBEAT_MISSED_MIN <= usual_ns)
		return DW_HEARTBEAT_SAME;
	heartbeat->is_silent = true;
	return DW_HEARTBEAT_STOPPED;
}

enum dw_heartbeat_answer dw_heartbeat_look(struct dw_heartbeat *heartbeat,
					   const struct dw_heartbeat_look *look)
{
	uint64_t before_ns = heartbeat->time_ns;
	uint64_t n = look->count - heartbeat->count;

	heartbeat->time_ns = look->time_ns;
	heartbeat->count = look->count;
	if (before_ns == 0)
		return DW_HEARTBEAT_SAME;
	if (look->whole && look->time_ns - before_ns < heartbeat->late_ns)
		heartbeat->quiet_ns += look->time_ns - before_ns;
	else
		heartbeat->has_gap = true;
	return n ? beat(heartbeat, n) : judge(heartbeat);
}

/* Return: the value of a unit that is @n bytes at @word; 0: it is none. */
static uint64_t unit_of(const char *word, size_t n)
{
	for (size_t i = 0; i < N_UNITS; i++)
		if (strlen(units[i].word) == n && !memcmp(units[i].word, word, n))
			return units[i].ns;
	return 0;
}

static uint64_t read_time(const char *text, size_t n)
{
	uint64_t number = 0;
	size_t digits = 0;

	for (; digits < n && text[digits] >= '0' && text[digits] <= '9'; digits++)
		if (digits < DIGITS_MAX)
			number = number * 10 + (uint64_t)(text[digits] - '0');
	return digits > DIGITS_MAX ? 0 : number * unit_of(text + digits, n - digits);
}

bool dw_heartbeat_read(const char *text, size_t n, struct dw_heartbeat_wish *ret)
{
	const char *sign = memchr(text, '=', n);
	struct dw_heartbeat_wish wish = {.function = text};

	if (!sign || sign == text)
		return false;
	wish.function_size = (size_t)(sign - text);
	wish.threshold_ns = read_time(sign + 1, n - wish.function_size - 1);
	if (wish.threshold_ns == 0)
		return false;
	*ret = wish;
	return true;
}
