/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Things, and the tree of chains with the segments they happened in. */
#include "record/load.h"

#include "base/error.h"

#include <errno.h>

/* As deep as the tracker lets a chain become, see SLOT_MAX_LAST there. */
#define CHAIN_DEPTH_MAX 65536

/* A record without a kind is in reserve; that something refers to it shows as damage there. */
static bool load_thing(struct dw_load *load, struct dw_thing *ret, uint32_t i)
{
	struct dw_rec_thing record;

	dw_load_record(load, DW_REC_THING, i, &record, sizeof(record));
	if (!dw_load_thing_kind_known(record.kind)) {
		load->damaged += record.kind != 0;
		return false;
	}
	if (!dw_load_address(load, record.kind, record.address))
		return false;
	ret->address = record.address;
	ret->place = dw_load_place(load, record.place);
	ret->life = record.life;
	ret->birth = dw_load_optional(load, DW_REC_STACK, record.birth);
	ret->maker = dw_load_optional_thread(load, record.maker);
	ret->kind = record.kind;
	ret->flags = record.flags & DW_LOAD_THING_FLAGS;
	return true;
}

int dw_load_things(struct dw_load *load)
{
	struct dw_load_index *index = &load->kinds[DW_REC_THING];
	struct dw_thing *things = dw_load_array(load, index->n, sizeof(*things));
	const uint32_t *order = dw_load_order_of_things(load);
	uint32_t n = 1;

	if (!things || !order)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < index->n; i++)
		if (load_thing(load, &things[n], order[i]))
			index->numbers[order[i]] = n++;
	load->facts->things = things;
	load->facts->n_things = n;
	return 0;
}

/* The last one of a thing counts. */
int dw_load_names(struct dw_load *load)
{
	struct dw_thing *things = (struct dw_thing *)load->facts->things;

	for (uint32_t i = 0; i < load->kinds[DW_REC_NAME].n; i++) {
		struct dw_rec_name record;
		uint32_t at, thing;
		int r;

		dw_load_record(load, DW_REC_NAME, i, &record, sizeof(record));
		at = dw_load_position(load, DW_REC_THING, record.thing);
		thing = at == UINT32_MAX ? 0 : load->kinds[DW_REC_THING].numbers[at];
		load->damaged += at == UINT32_MAX;
		if (!thing)
			continue; /* it has a name, and was never taken */
		r = dw_load_text(load, DW_REC_NAME, i, sizeof(record), &things[thing].name);
		if (r < 0)
			return dw_pass(r);
		load->damaged += r > 0;
	}
	return 0;
}

/* A chain's place in the tree. */
enum state {
	NEW,
	ON_PATH, /* on the path that is being followed: to meet it again is a loop */
	DONE,    /* it has its number, or none */
};

struct tree {
	struct dw_load *load;
	struct dw_load_index *index;
	uint8_t *states; /* enum state, by position */
	uint32_t *path;  /* positions, the top of the chain first */
	uint32_t *tails; /* by chain number: its last run */
	struct dw_chain *chains;
	struct dw_run *runs;
	uint32_t n_chains, n_runs;
};

static int tree_init(struct tree *tree, struct dw_load *load)
{
	uint32_t n = load->kinds[DW_REC_CHAIN].n;

	tree->load = load;
	tree->index = &load->kinds[DW_REC_CHAIN];
	tree->states = dw_load_array(load, n, sizeof(*tree->states));
	tree->path = dw_load_array(load, n, sizeof(*tree->path));
	tree->tails = dw_load_array(load, n, sizeof(*tree->tails));
	tree->chains = dw_load_array(load, n, sizeof(*tree->chains));
	tree->runs = dw_arena_alloc(load->arena, ((size_t)n + load->kinds[DW_REC_AGAIN].n + 1) *
						     sizeof(*tree->runs));
	tree->n_chains = 1;
	tree->n_runs = 1;
	if (!tree->states || !tree->path || !tree->tails || !tree->chains || !tree->runs)
		return dw_raise(-ENOMEM);
	return 0;
}

static void add_run(struct tree *tree, uint32_t chain, uint32_t from, uint32_t to)
{
	uint32_t run = tree->n_runs++;

	tree->runs[run] = (struct dw_run){.from = from, .to = to};
	if (tree->tails[chain])
		tree->runs[tree->tails[chain]].next = run;
	else
		tree->chains[chain].run = run;
	tree->tails[chain] = run;
}

/* The numbers grow while they are read, so they need not fit together. */
static void load_measures(struct dw_chain *ret, const struct dw_rec_chain *record)
{
	ret->n_waits = record->n_waits;
	ret->waited_ns = record->waited_ns;
	ret->longest_ns = record->longest_ns;
	ret->held_ns = record->held_ns;
}

/* Return: the number of the chain at @position, on top of chain number @below; 0: it is damaged. */
static uint32_t add_chain(struct tree *tree, uint32_t position, uint32_t below)
{
	struct dw_load *load = tree->load;
	const struct dw_chain *lower = &tree->chains[below];
	struct dw_rec_chain record;
	struct dw_chain chain = {0};

	dw_load_record(load, DW_REC_CHAIN, position, &record, sizeof(record));
	chain.below = below;
	chain.depth = lower->depth + 1;
	chain.how = record.how & DW_LOAD_HOWS;
	chain.thread = dw_load_thread(load, record.thread);
	chain.thing = dw_load_number(load, DW_REC_THING, record.thing);
	if (!chain.thread || !chain.thing)
		return 0; /* and counted */
	if (record.from == 0 || record.from > record.to || chain.depth > CHAIN_DEPTH_MAX ||
	    (below && lower->thread != chain.thread) || (lower->how & DW_WAITS)) {
		load->damaged++;
		return 0;
	}
	chain.stack = dw_load_optional(load, DW_REC_STACK, record.stack);
	chain.hint = dw_load_optional(load, DW_REC_HINT, record.hint);
	chain.origin.woken_by = dw_load_optional(load, DW_REC_THING, record.woken_by);
	chain.origin.exit = record.exit;
	chain.origin.address = record.address;
	load_measures(&chain, &record);
	if (record.again && dw_load_position(load, DW_REC_AGAIN, record.again) == UINT32_MAX)
		load->damaged++;
	tree->chains[tree->n_chains] = chain;
	add_run(tree, tree->n_chains, record.from, record.to);
	return tree->n_chains++;
}

/* Return: the position of the chain below the one at @position; UINT32_MAX: there is none. */
static uint32_t below_of(const struct tree *tree, uint32_t position, uint32_t *ret_id)
{
	struct dw_rec_chain record;

	dw_load_record(tree->load, DW_REC_CHAIN, position, &record, sizeof(record));
	*ret_id = record.below;
	return dw_load_position(tree->load, DW_REC_CHAIN, record.below);
}

/*
 * number(c): follow `below` from c to the root, or to a chain that has been done;
 * then back up, giving numbers. So a chain's number is higher than those below it,
 * and every chain is visited once. What is on a loop, or on top of a chain that is
 * left out, is left out.
 */
static void number_chain(struct tree *tree, uint32_t position)
{
	uint32_t n = 0, id = UINT32_MAX, number;
	bool sound;

	while (position != UINT32_MAX && tree->states[position] == NEW) {
		tree->states[position] = ON_PATH;
		tree->path[n++] = position;
		position = below_of(tree, position, &id);
	}
	number = position == UINT32_MAX ? 0 : tree->index->numbers[position];
	sound = number != 0 || id == 0;
	while (n > 0) {
		position = tree->path[--n];
		if (sound)
			number = add_chain(tree, position, number);
		else
			tree->load->damaged++;
		sound = sound && number != 0;
		tree->index->numbers[position] = sound ? number : 0;
		tree->states[position] = DONE;
	}
}

/*
 * A thread tells in the order of the file, so the runs of a chain are there in ascending
 * order. The list that a chain and its records of this kind make is for the writer, which
 * adds to its end; to go by it would lose all of it where just its end is missing.
 */
static void add_again(struct tree *tree, uint32_t position)
{
	struct dw_load *load = tree->load;
	struct dw_rec_again record;
	uint32_t chain;

	dw_load_record(load, DW_REC_AGAIN, position, &record, sizeof(record));
	if (record.before && dw_load_position(load, DW_REC_AGAIN, record.before) == UINT32_MAX)
		load->damaged++;
	chain = dw_load_number(load, DW_REC_CHAIN, record.chain);
	if (!chain)
		return; /* and counted */
	if (record.from > record.to || record.from <= tree->runs[tree->tails[chain]].to) {
		load->damaged++;
		return;
	}
	add_run(tree, chain, record.from, record.to);
}

/* The last one of a chain counts. */
static void load_signal(struct dw_load *load, struct dw_chain *chains, uint32_t i)
{
	struct dw_rec_signal record;
	uint32_t chain;

	dw_load_record(load, DW_REC_SIGNAL, i, &record, sizeof(record));
	chain = dw_load_number(load, DW_REC_CHAIN, record.chain);
	if (!chain)
		return; /* and counted */
	if (record.handler > DW_SIGNALS || (record.handler && record.exposed)) {
		load->damaged++;
		return;
	}
	chains[chain].handler = record.handler;
	chains[chain].exposed = record.exposed;
}

int dw_load_signals(struct dw_load *load)
{
	for (uint32_t i = 0; i < load->kinds[DW_REC_SIGNAL].n; i++)
		load_signal(load, (struct dw_chain *)load->facts->chains, i);
	return 0;
}

int dw_load_chains(struct dw_load *load)
{
	const uint32_t *order = dw_load_order_of_chains(load);
	struct tree tree;
	int r;

	if (!order)
		return dw_raise(-ENOMEM);
	r = tree_init(&tree, load);
	if (r < 0)
		return dw_pass(r);
	for (uint32_t i = 0; i < tree.index->n; i++)
		if (tree.states[order[i]] == NEW)
			number_chain(&tree, order[i]);
	for (uint32_t i = 0; i < load->kinds[DW_REC_AGAIN].n; i++)
		add_again(&tree, i);
	load->facts->chains = tree.chains;
	load->facts->n_chains = tree.n_chains;
	load->facts->runs = tree.runs;
	load->facts->n_runs = tree.n_runs;
	return 0;
}
