/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analysis/stall.h"

#include "base/error.h"

#include <errno.h>
#include <string.h>

/* A path that is being followed. */
struct path {
	struct dw_found_leg *legs; /* room for all threads */
	uint32_t n;
	uint32_t flags; /* enum dw_found_flag */
	uint32_t round; /* search::on_path */
};

struct search {
	const struct dw_waits *waits;
	const struct dw_facts *facts;
	const bool *in_ring;
	struct dw_arena *arena;
	uint64_t stall_ns;
	struct path path;
	uint32_t *on_path;  /* by thread: the round in which it was on the path */
	uint32_t *of_last;  /* by thread: the found whose path ends with it, plus 1 */
	uint32_t *longest;  /* by node: the thread that waits longest for it; 0: none too long */
	uint64_t *slept_ns; /* by node: for so long all who wait for it have not run */
	bool *waiter_slept; /* by node: one who waits for it has not run for too long */
	struct dw_found *founds;
	uint32_t n_founds;
};

static void *array(struct search *s, uint32_t n, size_t size)
{
	return dw_arena_alloc(s->arena, (size_t)(n + 1) * size);
}

static int search_init(struct search *s)
{
	uint32_t n_threads = s->waits->n_threads, n_nodes = s->waits->n_nodes;

	s->path.legs = array(s, n_threads, sizeof(*s->path.legs));
	s->on_path = array(s, n_threads, sizeof(*s->on_path));
	s->of_last = array(s, n_threads, sizeof(*s->of_last));
	s->longest = array(s, n_nodes, sizeof(*s->longest));
	s->slept_ns = array(s, n_nodes, sizeof(*s->slept_ns));
	s->waiter_slept = array(s, n_nodes, sizeof(*s->waiter_slept));
	s->founds = array(s, n_threads, sizeof(*s->founds));
	if (!s->path.legs || !s->on_path || !s->of_last || !s->longest || !s->slept_ns ||
	    !s->waiter_slept || !s->founds)
		return dw_raise(-ENOMEM);
	return 0;
}

static const struct dw_waiter *waiter_of(const struct search *s, uint32_t thread)
{
	return &s->waits->waiters[thread];
}

static const struct dw_wait *wait_of(const struct search *s, uint32_t thread)
{
	return &waiter_of(s, thread)->waits[DW_WAIT_OWN];
}

/* A thread that has ended makes none any more. */
static bool makes_progress(const struct search *s, uint32_t thread)
{
	if (s->facts->threads[thread].flags & DW_THREAD_EXITED)
		return false;
	return s->waits->now->looks[thread].still_ns < s->stall_ns &&
	       waiter_of(s, thread)->span_ns < s->stall_ns;
}

/* It waits for a lock, and not just for a limited time. */
static bool waits_for_lock(const struct search *s, uint32_t thread)
{
	const struct dw_waiter *waiter = waiter_of(s, thread);
	const struct dw_wait *wait = wait_of(s, thread);

	return wait->address && dw_wait_is_any_lock(wait) &&
	       (waiter->polls || !(wait->how & (DW_TRY | DW_TIMED)));
}

static void note_waiters(struct search *s)
{
	for (uint32_t i = 0; i < s->waits->n_nodes; i++)
		s->slept_ns[i] = UINT64_MAX;
	for (uint32_t t = 1; t < s->waits->n_threads; t++) {
		uint64_t still_ns = s->waits->now->looks[t].still_ns, *slept_ns;
		uint32_t *longest;

		if (!waits_for_lock(s, t))
			continue;
		longest = &s->longest[wait_of(s, t)->node];
		slept_ns = &s->slept_ns[wait_of(s, t)->node];
		*slept_ns = still_ns < *slept_ns ? still_ns : *slept_ns;
		if (still_ns >= s->stall_ns)
			s->waiter_slept[wait_of(s, t)->node] = true;
		if (waiter_of(s, t)->span_ns < s->stall_ns)
			continue;
		if (!*longest || waiter_of(s, t)->span_ns > waiter_of(s, *longest)->span_ns)
			*longest = t;
	}
}

static void add_leg(struct search *s, uint32_t thread, const struct dw_giver *gives, bool waits)
{
	const struct dw_wait *wait = wait_of(s, thread);

	s->on_path[thread] = s->path.round;
	s->path.legs[s->path.n++] = (struct dw_found_leg){
	    .thread = thread,
	    .holds = gives ? gives->holds : 0,
	    .post = gives ? gives->post : 0,
	    .needs = waits ? wait->chain : 0,
	    .thing = waits ? wait->thing : 0,
	};
}

/* The holder to be shown: one that makes no progress, if there is any; NULL: none is known. */
static const struct dw_giver *holder_of(const struct search *s, const struct dw_wait *wait)
{
	const struct dw_giver *chosen = NULL;

	for (uint32_t g = dw_waits_first_giver(s->waits, wait); g != DW_WAIT_NONE;
	     g = dw_waits_next_giver(s->waits, wait, g)) {
		const struct dw_giver *giver = &s->waits->givers[g];

		if (!chosen || (chosen->gone && !giver->gone) ||
		    (makes_progress(s, chosen->thread) && !makes_progress(s, giver->thread)))
			chosen = giver;
	}
	return chosen;
}

/*
 * Of those who were seen giving it. One who waits for a lock, an ending or an answer itself is
 * worth following if none of the others could give it any sooner.
 */
static const struct dw_giver *poster_of(struct search *s, const struct dw_wait *wait)
{
	const struct dw_giver *chosen = NULL;
	uint32_t first = dw_waits_first_giver(s->waits, wait);
	bool lives = false;

	for (uint32_t g = first; g != DW_WAIT_NONE; g = dw_waits_next_giver(s->waits, wait, g)) {
		const struct dw_giver *giver = &s->waits->givers[g];
		const struct dw_wait *own = wait_of(s, giver->thread);

		if (giver->gone)
			continue;
		lives = true;
		if (makes_progress(s, giver->thread) || !own->address ||
		    (!dw_wait_is_any_lock(own) && !dw_wait_is_for_thread(own)))
			return NULL;
		chosen = chosen ? chosen : giver;
	}
	if (!lives && wait->what != DW_CALL)
		s->path.flags |= first == DW_WAIT_NONE ? DW_FOUND_NO_POSTER : DW_FOUND_POSTERS_GONE;
	if (chosen)
		s->path.flags |= DW_FOUND_INFERRED;
	return chosen;
}

static const struct dw_giver *giver_of(struct search *s, const struct dw_wait *wait)
{
	if (dw_wait_is_lock(wait) || dw_wait_is_for_thread(wait))
		return holder_of(s, wait);
	if (!wait->at_lock)
		return poster_of(s, wait);
	s->path.flags |= DW_FOUND_UNSEEN;
	return NULL;
}

enum course { FOLLOW, END, NO_STALL };

/* Whether @thread waits for what is no lock, if only at this moment. */
static bool is_in_call(const struct search *s, uint32_t thread)
{
	const struct dw_wait *own = wait_of(s, thread);

	return own->address && !dw_wait_is_lock(own);
}

/* Whether @thread was on a processor for too long since @waiter waits for what @wait is for. */
static bool ran_too_long(const struct search *s, const struct dw_wait *wait, uint32_t waiter,
			 uint32_t thread)
{
	const struct dw_now *now = s->waits->now;
	const struct dw_rans *rans = now->looks[thread].rans;
	uint64_t for_ns = waiter_of(s, waiter)->span_ns;

	if (dw_wait_is_lock(wait) && s->slept_ns[wait->node] < for_ns)
		for_ns = s->slept_ns[wait->node];
	for_ns = for_ns < now->now_ns ? for_ns : now->now_ns;
	return !rans || dw_rans_since(rans, now->now_ns - for_ns) >= s->stall_ns;
}

/* The path ends with @thread, which may have run. Return: whether it stalls. */
static enum course end_at(struct search *s, const struct dw_wait *wait, uint32_t waiter,
			  uint32_t thread)
{
	if (waiter_of(s, thread)->polls)
		s->path.flags |= DW_FOUND_POLLING;
	if (!makes_progress(s, thread))
		return END;
	/* Somebody could have had the lock meanwhile, unless all who want it have slept. */
	if (dw_wait_is_lock(wait) && s->slept_ns[wait->node] < s->stall_ns)
		return NO_STALL;
	/* Its waits end, and it goes on; or that is not known yet, and will be. */
	if (is_in_call(s, thread))
		return NO_STALL;
	/* Others may have had the processors all the while. */
	if (!ran_too_long(s, wait, waiter, thread))
		return NO_STALL;
	s->path.flags |= DW_FOUND_RUNNING;
	return END;
}

/*
 * What becomes of the path that goes on from @waiter, which waits by @wait, by what @gives: to its
 * thread, which is added.
 */
static enum course step(struct search *s, const struct dw_wait *wait, uint32_t waiter,
			const struct dw_giver *gives)
{
	uint32_t thread = gives->thread;
	bool waits = wait_of(s, thread)->address && !makes_progress(s, thread);

	if (s->in_ring[thread] || s->on_path[thread] == s->path.round)
		return NO_STALL;
	add_leg(s, thread, gives, waits);
	if (!waits)
		return end_at(s, wait, waiter, thread);
	if (waiter_of(s, thread)->polls)
		s->path.flags |= DW_FOUND_POLLING;
	return FOLLOW;
}

/* Follows @wait of @waiter, which is not on the path, up to its end. Return: whether it stalls. */
static bool follow(struct search *s, const struct dw_wait *wait, uint32_t waiter)
{
	enum course course = FOLLOW;

	while (course == FOLLOW) {
		const struct dw_giver *gives = giver_of(s, wait);

		/*
		 * Nobody may have it just now, and whoever wants it be woken again and again. Who
		 * waits on a word of its own begins a new wait whenever it is woken by another.
		 */
		if (!gives)
			return !dw_wait_is_any_lock(wait) || wait->at_lock ||
			       s->waiter_slept[wait->node];
		course = step(s, wait, waiter, gives);
		waiter = gives->thread;
		wait = wait_of(s, waiter);
	}
	return course == END;
}

static void begin_path(struct search *s, uint32_t root)
{
	s->path.n = 0;
	s->path.flags = 0;
	s->path.round++;
	s->on_path[root] = s->path.round;
}

/* Whether the path says more than @found, which has the same end: longer, or it begins earlier. */
static bool says_more(const struct search *s, const struct dw_found *found)
{
	if (s->path.n != found->n_legs)
		return s->path.n > found->n_legs;
	return s->path.legs[0].holds && !found->legs[0].holds;
}

/* Of paths with one end, the one that says most is told. */
static int add_found(struct search *s, uint32_t root)
{
	struct dw_found_leg *legs;
	uint32_t *of_last = &s->of_last[s->path.legs[s->path.n - 1].thread];
	struct dw_found *found;

	if (*of_last && !says_more(s, &s->founds[*of_last - 1]))
		return 0;
	legs = dw_arena_alloc(s->arena, s->path.n * sizeof(*legs));
	if (!legs)
		return dw_raise(-ENOMEM);
	memcpy(legs, s->path.legs, s->path.n * sizeof(*legs));
	if (!*of_last)
		*of_last = ++s->n_founds;
	found = &s->founds[*of_last - 1];
	*found = (struct dw_found){
	    .verdict = DW_FOUND_STALL,
	    .flags = s->path.flags,
	    .time_ns = s->waits->now->now_ns,
	    .span_ns = waiter_of(s, root)->span_ns,
	    .legs = legs,
	    .n_legs = s->path.n,
	};
	return 0;
}

/* Too long a wait for a lock. */
static int find_at_lock(struct search *s, uint32_t root)
{
	begin_path(s, root);
	if (s->in_ring[root] || !follow(s, wait_of(s, root), root))
		return 0;
	if (s->path.n == 0)
		add_leg(s, root, NULL, true);
	return add_found(s, root);
}

/*
 * Who waits for a condition needs its mutex afterwards. That somebody holds it says nothing; but
 * if that one asks for something again and again, it may be what the first one keeps.
 */
static int find_at_retake(struct search *s, uint32_t root)
{
	const struct dw_waiter *waiter = waiter_of(s, root);
	const struct dw_wait *wait = &waiter->waits[DW_WAIT_RETAKE];
	const struct dw_giver *holder;

	if (!wait->address || makes_progress(s, root) || waiter->slot->top == 0)
		return 0;
	holder = holder_of(s, wait);
	if (!holder || !waiter_of(s, holder->thread)->polls || makes_progress(s, holder->thread))
		return 0;
	begin_path(s, root);
	return !s->in_ring[root] && follow(s, wait, root) ? add_found(s, root) : 0;
}

/*
 * Somebody asks again and again for the answer of a thread that waits on a word: if that is a
 * lock of the program's own making, who asks may well hold it. Others were not seen to let it go.
 */
static bool may_hold_word(const struct search *s, uint32_t root, const struct dw_wait *word)
{
	bool any = false, root_gave = false;

	for (uint32_t g = dw_waits_first_giver(s->waits, word); g != DW_WAIT_NONE;
	     g = dw_waits_next_giver(s->waits, word, g)) {
		any = true;
		root_gave = root_gave || s->waits->givers[g].thread == root;
	}
	return !any || root_gave;
}

static int find_at_answer(struct search *s, uint32_t root)
{
	const struct dw_wait *wait = wait_of(s, root), *word;
	const struct dw_giver *gives;

	if (!wait->address || wait->what != DW_ANSWER || s->in_ring[root] ||
	    makes_progress(s, root))
		return 0;
	gives = holder_of(s, wait);
	if (!gives || gives->gone || makes_progress(s, gives->thread))
		return 0;
	word = wait_of(s, gives->thread);
	if (!word->address || !dw_is_word(word->what) || !may_hold_word(s, root, word))
		return 0;
	begin_path(s, root);
	add_leg(s, root, NULL, true);
	s->path.flags |= DW_FOUND_POLLING;
	return follow(s, wait, root) ? add_found(s, root) : 0;
}

int dw_stalls_find(struct dw_stalls *ret, const struct dw_waits *waits, const bool *in_ring,
		   struct dw_arena *arena)
{
	struct search s = {
	    .waits = waits,
	    .facts = waits->now->facts,
	    .in_ring = in_ring,
	    .arena = arena,
	    .stall_ns = waits->now->stall_ns,
	};
	int r = search_init(&s);

	if (r < 0)
		return dw_pass(r);
	note_waiters(&s);
	for (uint32_t i = 0; r == 0 && i < waits->n_nodes; i++)
		if (s.longest[i])
			r = find_at_lock(&s, s.longest[i]);
	for (uint32_t t = 1; r == 0 && t < waits->n_threads; t++)
		r = find_at_answer(&s, t);
	for (uint32_t t = 1; r == 0 && t < waits->n_threads; t++)
		r = find_at_retake(&s, t);
	ret->founds = s.founds;
	ret->n = s.n_founds;
	return r < 0 ? dw_pass(r) : 0;
}
