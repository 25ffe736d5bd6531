/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/delay.h"

#include "model/spot.h"
#include "shim/real.h"
#include "shim/wait.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

/* Who comes to a spot again and again is not kept for ever. */
#define TIMES_MAX 20

/*
 * When threads have met, all are left alone for so long: if that was it, they are stuck now, and
 * are to be seen so, also who waits by asking again and again.
 */
#define LEFT_ALONE_NS UINT64_C(4000000000)

/* Threads that have met linger for that part of the time for which they are kept. */
#define LINGER 10

/* How often threads that are kept look whether the others have come. */
#define STEP_NS 500000

/* A number of base @base at *@at, behind which *@at points then. */
static uint64_t read_number(const char **at, const char *end, unsigned base)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t number = 0;

	for (; *at < end; (*at)++) {
		const char *digit = memchr(digits, **at, base);

		if (!digit)
			break;
		number = number * base + (uint64_t)(digit - digits);
	}
	return number;
}

static bool skip(const char **at, const char *end, char expected)
{
	if (*at == end || **at != expected)
		return false;
	(*at)++;
	return true;
}

void shim_delays_read(struct shim_delays *delays, const char *text, size_t n)
{
	const char *end = text + n;
	struct shim_delays read = {.limit_ms = (uint32_t)read_number(&text, end, 10)};

	if (skip(&text, end, '/'))
		read.last = (uint32_t)read_number(&text, end, 10);
	while (skip(&text, end, '+') && read.n < SHIM_DELAYS_MAX) {
		struct shim_delay *leg = &read.legs[read.n++];

		leg->holds = read_number(&text, end, 16);
		if (!skip(&text, end, '/'))
			return;
		leg->needs = read_number(&text, end, 16);
		if (!skip(&text, end, '/'))
			return;
		leg->skips = (uint32_t)read_number(&text, end, 16);
	}
	if (read.last <= read.n)
		*delays = read;
}

static uint64_t path_hash(uint32_t module)
{
	uint32_t n = __atomic_load_n(&shim->n_modules, __ATOMIC_RELAXED);

	for (uint32_t i = 0; module && i < n && i < SHIM_MODULES_MAX; i++)
		if (__atomic_load_n(&shim->modules[i].number, __ATOMIC_ACQUIRE) == module)
			return shim->modules[i].path_hash;
	return 0;
}

static uint64_t spot_of_stack(uint32_t id)
{
	const struct dw_rec_stack *stack = dw_writer_record(&shim->writer, id);
	uint64_t spot = 1;

	for (uint32_t i = 0; id && i < stack->n_frames && i < DW_SPOT_FRAMES; i++)
		spot = dw_spot_add_frame(spot, path_hash(DW_PLACE_MODULE(stack->frames[i])),
					 DW_PLACE_OFFSET(stack->frames[i]));
	return spot;
}

static uint64_t spot_here(struct shim_thread *t, uint64_t caller)
{
	return t->hint_site ? dw_spot_of_hint(t->hint_file, t->hint_line)
			    : spot_of_stack(shim_stack(t, caller));
}

/* 0: it was not told. */
static uint64_t spot_of_chain(uint32_t id)
{
	const struct dw_rec_chain *chain;
	const struct dw_rec_hint *hint;

	if (!id || id == DW_CHAIN_LOST)
		return 0;
	chain = dw_writer_record(&shim->writer, id);
	hint = dw_writer_record(&shim->writer, chain->hint);
	return chain->hint ? dw_spot_of_hint(hint->file, hint->line) : spot_of_stack(chain->stack);
}

static bool holds_from(const struct shim_thread *t, uint64_t spot)
{
	const struct dw_slot *slot = t->thread.slot;

	for (uint32_t i = 1; i <= slot->top; i++)
		if (spot_of_chain(slot->held[i].chain) == spot)
			return true;
	return false;
}

/* Whether threads are in all legs but the one of that number, from 1; 0: in all. */
static bool is_everywhere_but(const struct shim_delays *delays, uint32_t number)
{
	for (uint32_t i = 0; i < delays->n; i++)
		if (i + 1 != number && !__atomic_load_n(&delays->legs[i].here, __ATOMIC_SEQ_CST))
			return false;
	return true;
}

static void sleep_a_step(void)
{
	struct timespec step = {.tv_nsec = STEP_NS};

	shim_real.syscall(SYS_nanosleep, (long)&step, 0, 0, 0, 0, 0);
}

static void sleep_until(uint64_t ns)
{
	while (dw_writer_now_ns() < ns)
		sleep_a_step();
}

/*
 * Who comes last sets all the others free, a little later: others may have to queue behind them,
 * as writers between readers.
 */
static void wait_for_others(struct shim_delays *delays, struct shim_delay *leg)
{
	uint32_t met = __atomic_load_n(&delays->met, __ATOMIC_SEQ_CST);
	uint64_t until_ns = dw_writer_now_ns() + delays->limit_ms * UINT64_C(1000000);

	__atomic_add_fetch(&leg->here, 1, __ATOMIC_SEQ_CST);
	if (is_everywhere_but(delays, 0)) {
		__atomic_store_n(&delays->met_ns, dw_writer_now_ns(), __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&delays->met, 1, __ATOMIC_SEQ_CST);
	}
	while (__atomic_load_n(&delays->met, __ATOMIC_SEQ_CST) == met &&
	       dw_writer_now_ns() < until_ns)
		sleep_a_step();
	if (__atomic_load_n(&delays->met, __ATOMIC_SEQ_CST) != met)
		sleep_until(__atomic_load_n(&delays->met_ns, __ATOMIC_SEQ_CST) +
			    delays->limit_ms * UINT64_C(1000000) / LINGER);
	__atomic_sub_fetch(&leg->here, 1, __ATOMIC_SEQ_CST);
}

/* Where something is needed: by the stack of now, and by that with which it was told. */
struct here {
	uint64_t now, told;
};

static bool is_in(const struct shim_thread *t, const struct shim_delay *leg,
		  const struct here *here)
{
	return leg->needs && (leg->needs == here->now || leg->needs == here->told) &&
	       (!leg->holds || holds_from(t, leg->holds));
}

static bool have_just_met(const struct shim_delays *delays)
{
	uint64_t met_ns = __atomic_load_n(&delays->met_ns, __ATOMIC_SEQ_CST);

	return met_ns && dw_writer_now_ns() - met_ns < LEFT_ALONE_NS;
}

/* Counts that a thread came to @leg. Return: whether it is to be kept this time. */
static bool is_due(struct shim_delay *leg)
{
	uint32_t n = __atomic_fetch_add(&leg->n, 1, __ATOMIC_SEQ_CST);

	return n >= leg->skips && n - leg->skips < TIMES_MAX;
}

/* The thread is about to take what the leg holds that is to be entered last. */
static bool is_before_last(const struct shim_delays *delays, const struct here *here)
{
	uint64_t holds = delays->last ? delays->legs[delays->last - 1].holds : 0;

	return holds && (holds == here->now || holds == here->told);
}

static void wait_to_be_last(struct shim_delays *delays)
{
	uint64_t until_ns = dw_writer_now_ns() + delays->limit_ms * UINT64_C(1000000);

	if (__atomic_fetch_add(&delays->n_last, 1, __ATOMIC_SEQ_CST) >= TIMES_MAX)
		return;
	while (!is_everywhere_but(delays, delays->last) && dw_writer_now_ns() < until_ns)
		sleep_a_step();
}

static void delay(struct shim_thread *t, uint64_t caller, uint32_t chain)
{
	struct shim_delays *delays = &shim->settings.delays;
	struct here here;

	if (have_just_met(delays))
		return;
	here.now = spot_here(t, caller);
	here.told = spot_of_chain(chain);
	if (is_before_last(delays, &here))
		wait_to_be_last(delays);
	for (uint32_t i = 0; i < delays->n; i++) {
		struct shim_delay *leg = &delays->legs[i];

		if (!is_in(t, leg, &here))
			continue;
		if (is_due(leg))
			wait_for_others(delays, leg);
		return;
	}
}

void shim_delay(struct shim_thread *t, uint64_t caller, uint32_t chain)
{
	int error = errno;

	SHIM_OWN_WORK(t);
	if (!shim->writer.sealed)
		delay(t, caller, chain);
	errno = error;
}

/* Whether what the thread has just taken is what a handler needs, and it is to be kept. */
static bool is_for_handler(struct shim_thread *t, uint64_t caller)
{
	struct shim_delays *delays = &shim->settings.delays;
	uint64_t here;

	SHIM_OWN_WORK(t);
	if (shim->writer.sealed)
		return false;
	here = spot_here(t, caller);
	for (uint32_t i = 0; i < delays->n; i++)
		if (!delays->legs[i].needs && delays->legs[i].holds == here)
			return is_due(&delays->legs[i]);
	return false;
}

/* What handlers do meanwhile is tracked, and nothing was said about their calls. */
static void await_signals(struct shim_thread *t)
{
	uint64_t limit_ns = shim->settings.delays.limit_ms * UINT64_C(1000000);
	uint32_t open = shim_calling(t);

	t->hint_site = 0;
	sleep_until(dw_writer_now_ns() + limit_ns);
	shim_called(t, open);
}

void shim_delay_holder(struct shim_thread *t, uint64_t caller)
{
	int error = errno;

	if (is_for_handler(t, caller))
		await_signals(t);
	errno = error;
}
