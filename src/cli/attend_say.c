/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/attend_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a terminal would obey is not shown. */
static void say_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	fputs(" (", stderr);
	for (const char *c = slash ? slash + 1 : name; *c; c++)
		fputc(*c > ' ' && *c < 0x7f ? *c : '?', stderr);
	fputc(')', stderr);
}

void dw_attend_say_attached(const struct dw_attending *a, const struct dw_attended *process)
{
	fprintf(stderr, "deadwatch: attached to process %d", process->pid);
	say_name(dw_collector_writer(a->collector, process->index)->header->program);
	fputc('\n', stderr);
}

void dw_attend_say_unseen(const struct dw_attending *a)
{
	const char *call;

	for (size_t i = 0; (call = dw_collector_unseen(a->collector, i)); i++)
		fprintf(stderr,
			"deadwatch: no file has the call '%s' so far; those that are loaded later "
			"are looked into as well\n",
			call);
}

static void say_missed(const struct dw_attending *a)
{
	if (!a->n_unseen)
		return;
	fprintf(stderr,
		"deadwatch: %" PRIu64 " process%s ended before %s could be attached to, and what "
		"%s did was not seen: %s%d",
		a->n_unseen, a->n_unseen > 1 ? "es" : "", a->n_unseen > 1 ? "they" : "it",
		a->n_unseen > 1 ? "they" : "it", a->n_unseen > 1 ? "the first is " : "", a->unseen);
	if (*a->unseen_name)
		say_name(a->unseen_name);
	fputc('\n', stderr);
}

static void say_killed(const struct dw_attending *a)
{
	struct dw_collector_counts counts;

	dw_collector_counts(a->collector, &counts);
	for (uint32_t i = 0; i < counts.n_processes; i++) {
		const struct dw_rec_header *header = dw_collector_writer(a->collector, i)->header;
		int signal = (int)dw_collector_killed_by(a->collector, i);

		if (!signal)
			continue;
		fprintf(stderr, "deadwatch: process %u", header->pid);
		say_name(header->program);
		fprintf(stderr,
			" was ended by signal %d (%s); what else it would have done is not known\n",
			signal, strsignal(signal));
	}
}

void dw_attend_say_ends(const struct dw_attending *a)
{
	say_killed(a);
	say_missed(a);
}
