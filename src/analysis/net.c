/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/net.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "analysis/need.h"
#include "base/hash.h"

struct net {
	struct dw_arena *arena;
	struct dw_net_need *needs;
	uint32_t n, room;
	struct dw_index index; /* by both ends */
};

static bool same_ends(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_net_need *a = &((const struct net *)context)->needs[item], *b = wanted;

	return a->from == b->from && a->to == b->to;
}

static int add(struct net *net, struct dw_net_need need)
{
	uint64_t hash = dw_hash(need.from, need.to);
	uint32_t known = dw_index_find(&net->index, hash, same_ends, net, &need);
	int r;

	if (need.from == need.to)
		return 0;
	if (known != DW_INDEX_NONE) {
		net->needs[known].n_seen++;
		return 0;
	}
	r = dw_array_room(net->arena, (void **)&net->needs, net->n, &net->room, sizeof(need));
	if (r == 0)
		r = dw_index_add(&net->index, net->arena, hash, net->n);
	if (r < 0)
		return dw_pass(r);
	need.n_seen = 1;
	net->needs[net->n++] = need;
	return 0;
}

static int add_chain(struct net *net, const struct dw_facts *facts, uint32_t chain)
{
	const struct dw_chain *chains = facts->chains;
	int r = 0;

	if (!dw_need_is_made(facts, chain))
		return 0;
	for (uint32_t a = chains[chain].below; a && r == 0; a = chains[a].below)
		r = add(net, (struct dw_net_need){.from = chains[a].thing,
						  .to = chains[chain].thing,
						  .holds = a,
						  .needs = chain});
	return r < 0 ? dw_pass(r) : 0;
}

static int add_post(struct net *net, const struct dw_facts *facts, uint32_t post)
{
	const struct dw_post *p = &facts->posts[post];
	int r = 0;

	if (dw_need_is_given(facts, post))
		r = add(net, (struct dw_net_need){.from = p->thing,
						  .to = facts->chains[p->chain].thing,
						  .needs = p->chain,
						  .post = post});
	return r < 0 ? dw_pass(r) : 0;
}

int dw_net(const struct dw_facts *facts, struct dw_arena *arena, struct dw_net_need **ret,
	   uint32_t *ret_n)
{
	struct net net = {.arena = arena};
	int r = 0;

	for (uint32_t i = 1; i < facts->n_chains && r == 0; i++)
		r = add_chain(&net, facts, i);
	for (uint32_t i = 1; i < facts->n_posts && r == 0; i++)
		r = add_post(&net, facts, i);
	if (r < 0)
		return dw_pass(r);
	*ret = net.needs;
	*ret_n = net.n;
	return 0;
}
