/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many locks of one class, two at a time, always in the order of their addresses: silent.
 *
 * In mode "unordered" two threads take a pair each as it comes: real.
 */
#include "../case.h"

#define N_ACCOUNTS 24

struct account {
	pthread_mutex_t lock;
	long balance;
};

static struct account *accounts;

CASE_FN void lock_both(struct account *a, struct account *b)
{
	if (!strstr(case_mode, "unordered") && a > b) {
		struct account *first = b;

		b = a;
		a = first;
	}
	pthread_mutex_lock(&a->lock);
	pthread_mutex_lock(&b->lock);
}

CASE_FN void transfer(struct account *from, struct account *to)
{
	lock_both(from, to);
	from->balance--;
	to->balance++;
	pthread_mutex_unlock(&from->lock);
	pthread_mutex_unlock(&to->lock);
}

static void *forward_thread(void *arg)
{
	case_name("forward");
	case_turn(0);
	for (unsigned i = 0; i + 1 < N_ACCOUNTS; i++)
		transfer(&accounts[i], &accounts[i + 1]);
	case_turn_over(0);
	return arg;
}

static void *backward_thread(void *arg)
{
	unsigned first = strstr(case_mode, "unordered") ? 1 : N_ACCOUNTS - 1;

	case_name("backward");
	case_turn(1);
	for (unsigned i = first; i > 0; i--)
		transfer(&accounts[i], &accounts[i - 1]);
	case_turn_over(1);
	return arg;
}

CASE_FN void account_init(struct account *account)
{
	pthread_mutex_init(&account->lock, NULL);
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	accounts = calloc(N_ACCOUNTS, sizeof(*accounts));
	CASE_CHECK(accounts);
	for (unsigned i = 0; i < N_ACCOUNTS; i++)
		account_init(&accounts[i]);
	a = case_start(forward_thread, NULL);
	b = case_start(backward_thread, NULL);
	case_join(a);
	case_join(b);
	free(accounts);
	return 0;
}
