/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What threads gave, and what the monitor found. */
#include "record/load.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

#define FOUND_FLAGS_KNOWN                                                                    \
	(DW_FOUND_INFERRED | DW_FOUND_NO_POSTER | DW_FOUND_POSTERS_GONE | DW_FOUND_POLLING | \
	 DW_FOUND_UNSEEN | DW_FOUND_RUNNING | DW_FOUND_REFERENCE | DW_FOUND_COMPLETION)

/* The number of the chain @id, which is of @thread; 0, counted as damage, if it is not. */
static uint32_t chain_of(struct dw_load *load, uint32_t id, uint32_t thread)
{
	uint32_t chain = dw_load_optional(load, DW_REC_CHAIN, id);

	if (!chain || load->facts->chains[chain].thread == thread)
		return chain;
	load->damaged++;
	return 0;
}

/* A post that has lost its chain would say that nothing is needed. */
static bool load_post(struct dw_load *load, struct dw_post *ret, uint32_t i)
{
	struct dw_rec_post record;

	dw_load_record(load, DW_REC_POST, i, &record, sizeof(record));
	ret->thread = dw_load_thread(load, record.thread);
	ret->thing = dw_load_number(load, DW_REC_THING, record.thing);
	ret->chain = chain_of(load, record.chain, record.thread);
	if (!ret->thread || !ret->thing || (record.chain && !ret->chain))
		return false; /* and counted */
	ret->said = dw_load_optional(load, DW_REC_THING, record.said);
	ret->stack = dw_load_optional(load, DW_REC_STACK, record.stack);
	ret->hint = dw_load_optional(load, DW_REC_HINT, record.hint);
	return true;
}

int dw_load_posts(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_POST];
	struct dw_post *posts = dw_load_array(load, index->n, sizeof(*posts));
	struct dw_post post = {0};
	uint32_t n = 1;

	if (!posts)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n; i++) {
		if (!load_post(load, &post, i))
			continue;
		posts[n] = post;
		index->numbers[i] = n++;
	}
	load->facts->posts = posts;
	load->facts->n_posts = n;
	return 0;
}

static uint32_t post_of(struct dw_load *load, uint32_t id, uint32_t thread)
{
	uint32_t post = dw_load_optional(load, DW_REC_POST, id);

	if (!post || load->facts->posts[post].thread == thread)
		return post;
	load->damaged++;
	return 0;
}

static bool load_leg(struct dw_load *load, struct dw_found_leg *ret,
		     const struct dw_rec_found_leg *record)
{
	*ret = (struct dw_found_leg){
	    .thread = dw_load_thread(load, record->thread),
	    .holds = chain_of(load, record->holds, record->thread),
	    .needs = chain_of(load, record->needs, record->thread),
	    .thing = dw_load_optional(load, DW_REC_THING, record->thing),
	    .post = post_of(load, record->post, record->thread),
	    .stack = dw_load_optional(load, DW_REC_STACK, record->stack),
	};
	return ret->thread != 0;
}

static bool is_sound(const struct dw_rec_found *record)
{
	uint64_t n = (uint64_t)record->n_legs + record->n_waiters;

	return (record->verdict == DW_FOUND_DEADLOCK || record->verdict == DW_FOUND_STALL) &&
	       record->n_legs > 0 &&
	       n <= (record->head.size - sizeof(*record)) / sizeof(*record->legs);
}

/* What was written before there was such a thing ends earlier. Return: 0, or -ENOMEM. */
static int load_peer(struct dw_load *load, struct dw_found *ret, uint32_t i,
		     const struct dw_rec_found *record)
{
	size_t at = sizeof(*record) +
		    ((size_t)ret->n_legs + ret->n_waiters) * sizeof(struct dw_rec_found_leg);
	struct dw_rec_peer peer;

	if (record->head.size - at < sizeof(peer))
		return 0;
	dw_load_behind(load, DW_REC_FOUND, i, at, &peer, sizeof(peer));
	if (!peer.name[0] || !memchr(peer.name, 0, sizeof(peer.name))) {
		load->damaged++;
		return 0;
	}
	ret->peer_pid = peer.pid;
	ret->peer = dw_arena_text(load->arena, peer.name, strlen(peer.name));
	return ret->peer ? 0 : dw_raise(-ENOMEM);
}

/* Return: 0; 1, with what is wrong counted, if it is left out; or -ENOMEM. */
static int load_found(struct dw_load *load, struct dw_found *ret, uint32_t i)
{
	struct dw_rec_found record;
	struct dw_found_leg *legs;
	uint32_t n;

	dw_load_record(load, DW_REC_FOUND, i, &record, sizeof(record));
	if (!is_sound(&record)) {
		load->damaged++;
		return 1;
	}
	n = record.n_legs + record.n_waiters;
	legs = dw_load_array(load, n, sizeof(*legs));
	if (!legs)
		return dw_raise(-ENOMEM);
	for (uint32_t leg = 0; leg < n; leg++) {
		struct dw_rec_found_leg behind;

		dw_load_behind(load, DW_REC_FOUND, i, sizeof(record) + leg * sizeof(behind),
			       &behind, sizeof(behind));
		if (!load_leg(load, &legs[leg], &behind))
			return 1;
	}
	*ret = (struct dw_found){
	    .verdict = record.verdict,
	    .flags = record.flags & FOUND_FLAGS_KNOWN,
	    .time_ns = record.time_ns,
	    .span_ns = record.span_ns,
	    .legs = legs,
	    .n_legs = record.n_legs,
	    .n_waiters = record.n_waiters,
	};
	return load_peer(load, ret, i, &record);
}

int dw_load_founds(struct dw_load *load)
{
	uint32_t n_records = load->kinds[DW_REC_FOUND].n, n = 1;
	struct dw_found *founds = dw_load_array(load, n_records, sizeof(*founds));

	if (!founds)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_records; i++) {
		int r = load_found(load, &founds[n], i);

		if (r < 0)
			return dw_pass(r);
		n += r == 0;
	}
	load->facts->founds = founds;
	load->facts->n_founds = n;
	return 0;
}

/* Return: 0; 1, with what is wrong counted, if it is left out; or -ENOMEM. */
static int load_silence(struct dw_load *load, struct dw_silence *ret, uint32_t i)
{
	struct dw_rec_silence record;
	int r;

	dw_load_record(load, DW_REC_SILENCE, i, &record, sizeof(record));
	*ret = (struct dw_silence){
	    .time_ns = record.time_ns,
	    .quiet_ns = record.quiet_ns,
	    .usual_ns = record.usual_ns,
	    .n_beats = record.n_beats,
	    .flags = record.flags & DW_SILENCE_OVER,
	};
	r = dw_load_text(load, DW_REC_SILENCE, i, sizeof(record), &ret->function);
	load->damaged += r > 0;
	return r < 0 ? dw_pass(r) : r;
}

int dw_load_silences(struct dw_load *load)
{
	uint32_t n_records = load->kinds[DW_REC_SILENCE].n, n = 1;
	struct dw_silence *silences = dw_load_array(load, n_records, sizeof(*silences));

	if (!silences)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n_records; i++) {
		int r = load_silence(load, &silences[n], i);

		if (r < 0)
			return dw_pass(r);
		n += r == 0;
	}
	load->facts->silences = silences;
	load->facts->n_silences = n;
	return 0;
}
