/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of which one run does one half of something, and another the other half:
 *
 *   split WHAT 1|2|12
 *
 * What one half does is in the table below. The threads "one" and "two" live at the same time,
 * unless it is about that, and take turns, so nothing ever hangs.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t a = PTHREAD_MUTEX_INITIALIZER, b = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t reused;
static pthread_mutex_t waiting = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t r = PTHREAD_RWLOCK_INITIALIZER, s = PTHREAD_RWLOCK_INITIALIZER;

/* Who is at work. Not a lock or a condition: those would be an excuse. */
static volatile int turn;

static void await_turn(int wanted)
{
	while (turn != wanted)
		usleep(1000);
}

static void both(pthread_mutex_t *outer, pthread_mutex_t *inner)
{
	pthread_mutex_lock(outer);
	pthread_mutex_lock(inner);
	pthread_mutex_unlock(inner);
	pthread_mutex_unlock(outer);
}

static void a_b(void)
{
	both(&a, &b);
}

static void b_a(void)
{
	both(&b, &a);
}

static void gated(void (*deed)(void))
{
	pthread_mutex_lock(&gate);
	deed();
	pthread_mutex_unlock(&gate);
}

static void gated_a_b(void)
{
	gated(a_b);
}

static void gated_b_a(void)
{
	gated(b_a);
}

__attribute__((noinline)) static pthread_mutex_t *new_lock(void)
{
	pthread_mutex_t *lock = malloc(sizeof(*lock));

	pthread_mutex_init(lock, NULL);
	return lock;
}

static pthread_mutex_t *first_of_class, *second_of_class;

static void born_gated(void (*deed)(void))
{
	pthread_mutex_lock(first_of_class);
	deed();
	pthread_mutex_unlock(first_of_class);
}

static void born_gated_a_b(void)
{
	born_gated(a_b);
}

static void born_gated_b_a(void)
{
	born_gated(b_a);
}

static void class_x_y(void)
{
	both(first_of_class, second_of_class);
}

static void class_y_x(void)
{
	both(second_of_class, first_of_class);
}

static void a_x(void)
{
	both(&a, first_of_class);
}

static void x_a(void)
{
	both(first_of_class, &a);
}

static void y_a(void)
{
	both(second_of_class, &a);
}

/* Long enough for others to notice. */
static void a_sleeps(void)
{
	pthread_mutex_lock(&a);
	usleep(30000);
	pthread_mutex_unlock(&a);
}

static void try_b_a(void)
{
	pthread_mutex_lock(&b);
	if (pthread_mutex_trylock(&a) == 0)
		pthread_mutex_unlock(&a);
	pthread_mutex_unlock(&b);
}

static void read_both(pthread_rwlock_t *outer, pthread_rwlock_t *inner)
{
	pthread_rwlock_rdlock(outer);
	pthread_rwlock_rdlock(inner);
	pthread_rwlock_unlock(inner);
	pthread_rwlock_unlock(outer);
}

static void read_r_s(void)
{
	read_both(&r, &s);
}

static void read_s_r(void)
{
	read_both(&s, &r);
}

static void a_reused(void)
{
	both(&a, &reused);
	pthread_mutex_destroy(&reused);
	pthread_mutex_init(&reused, NULL);
	pthread_mutex_lock(&reused);
	pthread_mutex_unlock(&reused);
}

static void reused_a(void)
{
	both(&reused, &a);
}

/* Made without a call: nothing says what it is. */
static void unknown(bool is_outer)
{
	pthread_mutex_t *lock = calloc(1, sizeof(*lock));

	pthread_mutex_lock(lock);
	pthread_mutex_unlock(lock);
	both(is_outer ? lock : &a, is_outer ? &a : lock);
}

static void a_unknown(void)
{
	unknown(false);
}

static void unknown_a(void)
{
	unknown(true);
}

static int given;

static void waits(void)
{
	pthread_mutex_lock(&waiting);
	if (turn == 1)
		turn = 2;
	while (!given)
		pthread_cond_wait(&condition, &waiting);
	given--;
	pthread_mutex_unlock(&waiting);
}

/* Holding a, it waits for what thread "two" gives. */
static void a_waits(void)
{
	pthread_mutex_lock(&a);
	waits();
	pthread_mutex_unlock(&a);
}

static void gives(void)
{
	pthread_mutex_lock(&waiting);
	given++;
	pthread_cond_signal(&condition);
	pthread_mutex_unlock(&waiting);
}

static void gives_after_a(void)
{
	pthread_mutex_lock(&a);
	pthread_mutex_unlock(&a);
	gives();
}

/* Who does what in which half; "main" does it before it makes threads, or after they ended. */
static const struct row {
	const char *what;
	void (*one[2])(void), (*two[2])(void);
	void (*early[2])(void), (*late[2])(void), (*meanwhile[2])(void);
	bool without_two[2]; /* that half has no thread "two" */
	bool in_two_ways;    /* the lock of the second half was born elsewhere */
	bool is_pool;        /* the threads are of one kind */
} rows[] = {
    {"inversion", .one = {a_b}, .two = {NULL, b_a}},
    {"pool", .one = {a_b}, .two = {NULL, b_a}, .is_pool = true},
    {"pool-of-one", .one = {a_b}, .two = {NULL, b_a}, .is_pool = true, .without_two = {true}},
    {"one-thread", .one = {a_b, b_a}},
    {"main-thread", .meanwhile = {a_b, b_a}},
    {"gated", .one = {gated_a_b}, .two = {NULL, gated_b_a}},
    {"born-gate", .one = {born_gated_a_b}, .two = {NULL, born_gated_b_a}},
    {"instances-gate", .one = {born_gated_a_b}, .two = {NULL, born_gated_b_a}},
    {"early", .early = {a_b}, .two = {NULL, b_a}},
    {"late", .late = {a_b}, .two = {NULL, b_a}},
    {"absent", .one = {a_b}, .two = {NULL, b_a}, .without_two = {true}},
    {"instances", .one = {class_x_y}, .two = {NULL, class_y_x}},
    {"instances-of-one", .one = {a_x}, .two = {NULL, y_a}},
    {"born", .one = {a_x}, .two = {NULL, x_a}},
    {"born-elsewhere", .one = {a_x}, .two = {NULL, x_a}, .in_two_ways = true},
    {"try", .one = {a_b}, .two = {NULL, try_b_a}},
    {"readers", .one = {read_r_s}, .two = {NULL, read_s_r}},
    {"reused", .one = {a_reused}, .two = {NULL, reused_a}},
    {"unknown", .one = {a_unknown}, .two = {NULL, unknown_a}},
    {"sleep", .one = {a_sleeps}},
    {"condition", .one = {a_waits, waits}, .two = {gives, gives_after_a}},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row;
static bool does[2]; /* by half */

static void run(void (*const deeds[2])(void))
{
	for (int half = 0; half < 2; half++)
		if (does[half] && deeds[half])
			deeds[half]();
}

static void as_one(void)
{
	await_turn(1);
	run(row->one);
	if (turn == 1)
		turn = 2;
	await_turn(3);
}

static void as_two(void)
{
	await_turn(2);
	run(row->two);
	turn = 3;
}

static void *one(void *unused)
{
	(void)unused;
	as_one();
	return NULL;
}

static void *two(void *unused)
{
	(void)unused;
	as_two();
	return NULL;
}

static void *one_of_pool(void *is_two)
{
	if (is_two)
		as_two();
	else
		as_one();
	return NULL;
}

/* Several are made in one place. */
__attribute__((noinline)) static void make_locks(void)
{
	bool is_class = !strncmp(row->what, "instances", strlen("instances"));
	pthread_mutex_t *locks[2] = {NULL};

	for (int i = 0; i < 1 + is_class; i++)
		locks[i] = new_lock();
	first_of_class = locks[0];
	second_of_class = locks[1];
}

__attribute__((noinline)) static void make_locks_elsewhere(void)
{
	first_of_class = new_lock();
	usleep(1);
}

static int run_threads(void)
{
	bool has_two = !(does[0] && row->without_two[0]) || does[1];
	pthread_t threads[2];

	turn = 0;
	if (pthread_create(&threads[0], NULL, row->is_pool ? one_of_pool : one, NULL) != 0 ||
	    (has_two &&
	     pthread_create(&threads[1], NULL, row->is_pool ? one_of_pool : two, &given) != 0))
		return 1;
	run(row->meanwhile);
	turn = 1;
	if (!has_two) {
		await_turn(2);
		turn = 3;
	}
	pthread_join(threads[0], NULL);
	return has_two ? pthread_join(threads[1], NULL) : 0;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < N_ROWS; i++)
		if (!strcmp(rows[i].what, argv[1]))
			row = &rows[i];
	if (!row)
		return 2;
	does[0] = strchr(argv[2], '1');
	does[1] = strchr(argv[2], '2');
	pthread_mutex_init(&reused, NULL);
	if (row->in_two_ways && does[1])
		make_locks_elsewhere();
	else if (!strncmp(row->what, "born", 4) || !strncmp(row->what, "instances", 9))
		make_locks();
	run(row->early);
	if (run_threads() != 0)
		return 1;
	run(row->late);
	return 0;
}
