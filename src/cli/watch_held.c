/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For how long locks were held, as those show who wait for them. */
#include "cli/watch_parts.h"

/* Locks that are waited for at once whose holders get to know it. */
#define WAITED_MAX 64

/* Locks that are waited for, by their address, and for how long nobody was woken. */
struct waited {
	uint64_t lock;
	uint64_t for_ns;
};

static uint32_t find_waited(const struct dw_watch *watch, uint64_t now_ns,
			    struct waited ret[WAITED_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < watch->n_threads; i++) {
		const struct dw_watched *thread = &watch->threads[i];
		uint64_t for_ns = thread->is_suspect ? dw_watched_still_ns(thread, now_ns) : 0;
		struct dw_glance at;
		uint32_t j = 0;

		if (!for_ns || !dw_watch_glance(watch, thread, &at) || !at.wants)
			continue;
		while (j < n && ret[j].lock != at.wants)
			j++;
		if (j == WAITED_MAX)
			continue;
		if (j == n)
			ret[n++] = (struct waited){.lock = at.wants};
		ret[j].for_ns = for_ns > ret[j].for_ns ? for_ns : ret[j].for_ns;
	}
	return n;
}

static void note_held(const struct dw_watch *watch, const struct dw_held *held,
		      const struct waited *waited, uint32_t n)
{
	const struct dw_rec_chain *found =
	    dw_writer_find(watch->writer, held->chain, DW_REC_CHAIN, sizeof(*found));
	struct dw_rec_chain *chain = (struct dw_rec_chain *)found;

	for (uint32_t i = 0; chain && i < n; i++)
		if (waited[i].lock == held->thing && waited[i].for_ns > chain->held_ns)
			chain->held_ns = waited[i].for_ns;
}

void dw_watch_note_held(const struct dw_watch *watch, uint64_t now_ns)
{
	struct waited waited[WAITED_MAX];
	uint32_t n = find_waited(watch, now_ns, waited);

	for (uint32_t i = 0; n > 0 && i < watch->n_threads; i++) {
		const struct dw_slot *slot = dw_watch_slot(watch, &watch->threads[i]);
		uint32_t top = slot ? slot->top : 0;

		for (uint32_t j = 1; j <= top && top <= slot->max; j++)
			note_held(watch, &slot->held[j], waited, n);
	}
}
