/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/confirm.h"

#include "base/error.h"
#include "base/hash.h"
#include "cli/command.h"
#include "cli/launch.h"
#include "cli/target.h"
#include "record/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* What one recording may take; see MEMORY_MAX of the collection. */
#define MEMORY_MAX ((size_t)2 << 30)

/* In the runs after the first few, a leg is passed by so many times less one. */
#define SKIPS 4

/* And threads are kept for up to so many times as long. */
#define STRETCH 3

/* Where nobody was seen to give what is waited for, the deadlock is told as a stall, after this. */
#define STALL_MS 1500

#define OPTIONS_SIZE (192 + 56 * DW_CONFIRM_LEGS_MAX)

static uint64_t dice(const struct dw_confirm *confirm, unsigned run, uint32_t leg)
{
	return dw_hash(dw_hash(dw_hash(1, confirm->seed), run), leg) >> 32;
}

/* Which leg is entered when threads are in all others: in the second run the first, and so on. */
static unsigned last_of(const struct dw_confirm *confirm, unsigned run)
{
	if (run <= confirm->n_legs + 1)
		return run - 1;
	return (unsigned)(dice(confirm, run, UINT32_MAX - 1) % (confirm->n_legs + 1));
}

/* In the first runs nothing is left to chance. */
static void write_options(const struct dw_confirm *confirm, unsigned run, char ret[OPTIONS_SIZE])
{
	bool varies = run > confirm->n_legs + 1;
	unsigned stretch = varies ? 1 + (unsigned)(dice(confirm, run, UINT32_MAX) % STRETCH) : 1;
	int n = snprintf(
	    ret, OPTIONS_SIZE,
	    "events=0:monitor=1:halt_on_deadlock=1:halt_on_stall=1:stall_ms=%u:delay=%u/%u",
	    STALL_MS, confirm->delay_ms * stretch, last_of(confirm, run));

	for (uint32_t i = 0; i < confirm->n_legs; i++) {
		const struct dw_leg_spots *leg = &confirm->legs[i];

		n += snprintf(ret + n, OPTIONS_SIZE - (size_t)n, "+%" PRIx64 "/%" PRIx64 "/%x",
			      leg->holds, leg->signal ? 0 : leg->needs,
			      varies ? (unsigned)(dice(confirm, run, i) % SKIPS) : 0);
	}
}

/* One of the deadlocks that were seen; the one that is looked for, if it is among them. */
static int judge(struct dw_confirm *confirm, const struct dw_facts *facts)
{
	int answer = DW_CONFIRM_OPEN;

	for (uint32_t i = 0; i < confirm->n_legs; i++)
		if (!confirm->reached[i])
			confirm->reached[i] = dw_spots_reached(facts, &confirm->legs[i]);
	for (uint32_t i = 1; i < facts->n_founds; i++) {
		if (dw_spots_closed(facts, &facts->founds[i], confirm->legs, confirm->n_legs))
			return DW_CONFIRM_CLOSED;
		if (facts->founds[i].verdict == DW_FOUND_DEADLOCK)
			answer = DW_CONFIRM_OTHER;
	}
	return answer;
}

static int judge_recording(struct dw_confirm *confirm, const char *path)
{
	dw_auto(reader) reader = NULL;
	int r = dw_reader_open(&reader, path, MEMORY_MAX);

	if (r != 0)
		return r < 0 ? dw_pass(r) : DW_CONFIRM_OPEN;
	return judge(confirm, dw_reader_facts(reader));
}

static int judge_all(struct dw_confirm *confirm, struct dw_target *target)
{
	int answer = DW_CONFIRM_OPEN;
	int r = dw_target_collect(target);

	for (size_t i = 0; r >= 0 && dw_target_recording(target, i); i++) {
		r = judge_recording(confirm, dw_target_recording(target, i));
		if (r == DW_CONFIRM_CLOSED)
			return r;
		answer = r == DW_CONFIRM_OTHER ? r : answer;
	}
	return r < 0 ? dw_pass(r) : answer;
}

int dw_confirm_run(struct dw_confirm *confirm, unsigned run, int *ret_exit)
{
	dw_auto(target) target = NULL;
	char options[OPTIONS_SIZE];
	struct dw_launch launch = {
	    .argv = confirm->argv,
	    .library = confirm->tracing->library,
	    .calls = confirm->tracing->calls,
	    .more = options,
	    .limit_s = confirm->limit_s,
	};
	int status, r = dw_target_new(&target, NULL);

	if (r != 0) {
		*ret_exit = DW_EXIT_FAILED;
		return r < 0 ? dw_pass(r) : DW_CONFIRM_STOPPED;
	}
	launch.record_path = dw_target_path(target);
	write_options(confirm, run, options);
	r = dw_launch(&launch, &status);
	if (r > 0) {
		*ret_exit = dw_tracing_refuse(confirm->argv[0], r);
		return DW_CONFIRM_STOPPED;
	}
	if (r == 0)
		r = judge_all(confirm, target);
	return r < 0 ? dw_pass(r) : r;
}
