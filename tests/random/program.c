/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The random program: threads that make and join threads, do things to locks, and wait for more.
 * usage: program SEED
 *
 * The seed decides what every thread does; when, the machine does.
 */
#include "program.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#define N_THREADS 32
#define N_STEPS 350
#define N_CHILDREN_FIRST 4

/* Nobody begins anything new after this. */
#define RUN_MS 3000

enum state {
	UNMADE,
	RUNNING, /* anybody may join it */
	JOINING,
	OVER,
};

struct child {
	pthread_t handle;
	atomic_int state; /* enum state */
	struct actor actor;
};

struct lock shared[N_SHARED];
struct box boxes[N_BOXES];

static struct child children[N_THREADS + 1];
static atomic_uint n_made;
static uint64_t seed;
static struct timespec deadline;

static void *run(void *argument);

static bool time_is_over(void)
{
	struct timespec now = after(CLOCK_MONOTONIC, 0);

	return now.tv_sec > deadline.tv_sec ||
	       (now.tv_sec == deadline.tv_sec && now.tv_nsec > deadline.tv_nsec);
}

static void actor_init(struct actor *actor, unsigned index)
{
	actor->index = index;
	actor->random = (seed * 1000 + index + 1) * UINT64_C(0x9e3779b97f4a7c15);
	for (unsigned i = 0; i < FAVOURITES; i++)
		actor->favourites[i] = random_below(actor, N_SHARED);
}

static void make_thread(void)
{
	unsigned index = atomic_fetch_add(&n_made, 1) + 1;
	struct child *child = &children[index];

	if (index > N_THREADS) {
		atomic_fetch_sub(&n_made, 1);
		return;
	}
	actor_init(&child->actor, index);
	check(pthread_create(&child->handle, NULL, run, &child->actor) == 0, "no thread");
	atomic_store(&child->state, RUNNING);
}

/* @joined is what a call that joins has said of @child. */
static void joined(struct child *child, int r)
{
	check(r == 0 || r == EBUSY || r == ETIMEDOUT, "a join went wrong");
	atomic_store(&child->state, r == 0 ? OVER : RUNNING);
}

/*
 * Only threads that were made later are joined, so no two wait for each other; and only who
 * holds nothing waits without a limit.
 */
static void join_thread(struct actor *actor)
{
	struct timespec time = after(CLOCK_REALTIME, 100);
	unsigned index = actor->index + 1 + random_below(actor, N_THREADS);
	struct child *child = index <= N_THREADS ? &children[index] : NULL;
	int state = RUNNING;

	if (!child || !atomic_compare_exchange_strong(&child->state, &state, JOINING))
		return;
	if (actor->n_held == 0 && random_below(actor, 2))
		joined(child, pthread_join(child->handle, NULL));
	else if (random_below(actor, 2))
		joined(child, pthread_tryjoin_np(child->handle, NULL));
	else
		joined(child, pthread_timedjoin_np(child->handle, NULL, &time));
}

static bool holds_any_of(const struct actor *actor, const struct box *box)
{
	for (unsigned i = 0; i < actor->n_held; i++)
		if (actor->held[i].lock >= box->locks &&
		    actor->held[i].lock < box->locks + BOX_LOCKS)
			return true;
	return false;
}

static void enter(struct actor *actor, unsigned i)
{
	if (!take(actor, &boxes[i].guard))
		return;
	atomic_fetch_add(&boxes[i].n_users, 1);
	actor->inside[i] = true;
	if (random_below(actor, 2))
		drop(actor, actor->n_held - 1);
}

static void leave(struct actor *actor, unsigned i)
{
	if (!actor->inside[i] || holds_any_of(actor, &boxes[i]))
		return;
	actor->inside[i] = false;
	atomic_fetch_sub(&boxes[i].n_users, 1);
}

static void box_fill(struct actor *actor, unsigned i)
{
	for (unsigned n = 0; n < BOX_LOCKS; n++)
		lock_init(&boxes[i].locks[n], random_below(actor, N_KINDS), RANK_BOX(i) + 1 + n,
			  random_below(actor, 2));
}

static void box_allocate(struct actor *actor, unsigned i)
{
	boxes[i].locks = malloc((BOX_LOCKS + random_below(actor, 3)) * sizeof(struct lock));
	check(boxes[i].locks != NULL, "no memory");
	box_fill(actor, i);
}

/*
 * The locks end in one of the ways in which programs end them: destroyed, freed with their
 * memory, or just made anew where they are.
 */
static void box_renew(struct actor *actor, unsigned i)
{
	struct box *box = &boxes[i];
	bool freed = random_below(actor, 2);

	for (unsigned n = 0; n < BOX_LOCKS; n++)
		if (random_below(actor, 2))
			lock_destroy(&box->locks[n]);
	if (!freed) {
		for (unsigned n = 0; n < BOX_LOCKS; n++)
			lock_init(&box->locks[n], random_below(actor, N_KINDS), RANK_BOX(i) + 1 + n,
				  true);
		return;
	}
	free(box->locks);
	box_allocate(actor, i);
}

static void use_box(struct actor *actor)
{
	unsigned i = random_below(actor, N_BOXES), n_mine = actor->inside[i];
	struct box *box = &boxes[i];
	bool guarded = false;

	for (unsigned n = 0; n < actor->n_held; n++)
		guarded |= actor->held[n].lock == &box->guard;
	if (guarded && atomic_load(&box->n_users) == n_mine && !holds_any_of(actor, box))
		box_renew(actor, i);
	else if (!actor->inside[i])
		enter(actor, i);
	else if (random_below(actor, 4))
		take(actor, &box->locks[random_below(actor, BOX_LOCKS)]);
	else
		leave(actor, i);
}

/* Locks that nobody else knows, on top of what is held; some are still alive at the end. */
static void use_private(struct actor *actor, struct lock *locks, unsigned n)
{
	unsigned n_held = actor->n_held;

	for (unsigned i = 0; i < n; i++)
		lock_init(&locks[i], random_below(actor, N_KINDS), RANK_PRIVATE + i,
			  random_below(actor, 2));
	for (unsigned i = 0; i < 2 * n; i++)
		take(actor, &locks[random_below(actor, n)]);
	while (actor->n_held > n_held)
		drop(actor, n_held + random_below(actor, actor->n_held - n_held));
	for (unsigned i = 0; i < n; i++)
		if (random_below(actor, 2))
			lock_destroy(&locks[i]);
}

static void use_new_locks(struct actor *actor)
{
	unsigned n = 1 + random_below(actor, 3);
	struct lock on_stack[3], *locks;

	if (random_below(actor, 2)) {
		use_private(actor, on_stack, n);
		return;
	}
	locks = malloc(n * sizeof(*locks));
	check(locks != NULL, "no memory");
	use_private(actor, locks, n);
	free(locks);
}

static void take_shared(struct actor *actor)
{
	unsigned i = random_below(actor, 4) ? actor->favourites[random_below(actor, FAVOURITES)]
					    : random_below(actor, N_SHARED);

	take(actor, &shared[i]);
}

/* The last, mostly: so chains that remain are there, but do not crowd out the others. */
static void drop_any(struct actor *actor)
{
	if (actor->n_held)
		drop(actor, random_below(actor, 4) ? actor->n_held - 1
						   : random_below(actor, actor->n_held));
}

static void step(struct actor *actor)
{
	unsigned dice = random_below(actor, 100);

	if (dice < 35)
		take_shared(actor);
	else if (dice < 70 || actor->n_held > 6)
		drop_any(actor);
	else if (dice < 82)
		use_box(actor);
	else if (dice < 86)
		use_new_locks(actor);
	else if (dice < 90 && actor->n_held)
		wait_for_signal(actor, random_below(actor, actor->n_held));
	else if (dice < 93)
		post(actor);
	else if (dice < 96)
		wait_for_other(actor);
	else if (dice < 97)
		make_thread();
	else
		join_thread(actor);
}

static void act(struct actor *actor)
{
	for (unsigned i = 0; i < N_STEPS && !time_is_over(); i++)
		step(actor);
	while (actor->n_held)
		drop_any(actor);
	for (unsigned i = 0; i < N_BOXES; i++)
		leave(actor, i);
}

static void *run(void *argument)
{
	act(argument);
	return NULL;
}

/* When all that were made so far are over, whatever they made has been counted. */
static void join_the_rest(void)
{
	for (unsigned i = 1; i <= atomic_load(&n_made) && i <= N_THREADS; i++) {
		struct child *child = &children[i];

		while (atomic_load(&child->state) != OVER) {
			int state = RUNNING;

			if (atomic_compare_exchange_strong(&child->state, &state, JOINING))
				joined(child, pthread_join(child->handle, NULL));
			else
				usleep(100);
		}
	}
}

int main(int argc, char **argv)
{
	static struct actor actor;

	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	deadline = after(CLOCK_MONOTONIC, RUN_MS * 1000);
	actor_init(&actor, 0);
	for (unsigned i = 0; i < N_SHARED; i++)
		lock_init(&shared[i], random_below(&actor, N_KINDS), i, random_below(&actor, 2));
	waited_init();
	for (unsigned i = 0; i < N_BOXES; i++) {
		lock_init(&boxes[i].guard, NORMAL, RANK_BOX(i), true);
		box_allocate(&actor, i);
	}
	for (unsigned i = 0; i < N_CHILDREN_FIRST; i++)
		make_thread();
	act(&actor);
	join_the_rest();
	return 0;
}
