/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One finding in words: its title, its legs side by side, what is known beyond them. */
#include "base/arena.h"
#include "base/error.h"
#include "render/block.h"
#include "render/say.h"

#include <errno.h>
#include <inttypes.h>

/* The words of one finding: some hundred frames of a few hundred bytes; C++ names are longer. */
#define FINDING_MEMORY_MAX ((size_t)64 << 20)

static void tell_cycle(struct dw_telling *telling, const struct dw_finding *finding)
{
	dw_block_legs(telling, finding);
	dw_tell_legs(telling, finding);
	if (finding->found)
		dw_tell_found(telling, finding);
	if (finding->excuse)
		dw_tell(telling, DW_STYLE_PLAIN, "\n  excuse: %s: %s\n",
			dw_excuse_word(finding->excuse), dw_say_excuse(telling, finding));
}

static void tell_title(struct dw_telling *telling, const struct dw_finding *finding)
{
	bool calm = finding->excuse || finding->verdict == DW_HAZARD;

	dw_tell(telling, calm ? DW_STYLE_BOLD : DW_STYLE_ALARM,
		"%s: ", dw_say_verdict(telling, finding));
	dw_tell(telling, DW_STYLE_BOLD, "%s\n", dw_say_chain(telling, finding));
}

/* How often and how long a lock was held so, as far as that was measured. */
static void tell_hazard(struct dw_telling *telling, const struct dw_finding *finding)
{
	const char *waits = dw_say_waits(telling, finding);

	dw_block_legs(telling, finding);
	if (waits[0])
		dw_tell(telling, DW_STYLE_PLAIN, "\n  %s\n", waits);
}

static void tell_misuse(struct dw_telling *telling, const struct dw_misuse *misuse)
{
	dw_block_misuse(telling, misuse);
	dw_tell_misuse(telling, misuse);
}

static void tell_body(struct dw_telling *telling, const struct dw_finding *finding)
{
	if (finding->verdict == DW_MISUSE)
		tell_misuse(telling, &telling->process->facts->misuses[finding->misuse]);
	else if (finding->verdict == DW_HAZARD)
		tell_hazard(telling, finding);
	else
		tell_cycle(telling, finding);
}

/* Legs of different recordings were never seen in one run. */
static void tell_paths(struct dw_telling *telling, const struct dw_reported *reported)
{
	if (!reported->leg_paths)
		return;
	dw_tell(telling, DW_STYLE_PLAIN, "\n  seen in different runs:\n");
	for (uint32_t i = 0; i < reported->finding->n_legs; i++)
		dw_tell(telling, DW_STYLE_PLAIN, "    %s in '%s'\n",
			dw_tell_thread(telling, reported->finding->legs[i].thread),
			dw_tell_name(telling, reported->leg_paths[i]));
}

/* The fingerprint comes last: it is for copying, not for reading. */
void dw_tell_finding(struct dw_telling *telling, const struct dw_reported *reported)
{
	const struct dw_finding *finding = reported->finding;
	const char *span = dw_say_span(telling, finding);

	tell_title(telling, finding);
	if (span[0])
		dw_tell(telling, DW_STYLE_PLAIN, "  %s\n", span);
	if (reported->standing && !reported->leg_paths)
		dw_tell(telling, DW_STYLE_PLAIN, "  in %s, '%s'\n", dw_tell_process(telling),
			dw_tell_name(telling, telling->process->path));
	else if (telling->is_one_of)
		dw_tell(telling, DW_STYLE_PLAIN, "  in %s\n", dw_tell_process(telling));
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	tell_body(telling, finding);
	tell_paths(telling, reported);
	dw_tell(telling, DW_STYLE_PLAIN, "\n");
	if (reported->n_recordings > 1)
		dw_tell(telling, DW_STYLE_PLAIN, "  found in %" PRIu32 " recordings\n",
			reported->n_recordings);
	if (reported->occurrences > 1)
		dw_tell(telling, DW_STYLE_PLAIN, "  found %" PRIu32 " times\n",
			reported->occurrences);
	dw_tell(telling, DW_STYLE_DIM, "  fingerprint %s", reported->fingerprint);
	dw_tell(telling, DW_STYLE_PLAIN, "\n\n");
}

int dw_tell_finding_alone(struct dw_telling telling, const struct dw_reported *reported)
{
	int r = dw_arena_new(&telling.arena, FINDING_MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	dw_tell_finding(&telling, reported);
	dw_arena_free(telling.arena);
	return telling.full ? dw_raise(-ENOMEM) : 0;
}
