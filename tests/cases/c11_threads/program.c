/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locks and threads of C11: both orders are real; a condition's own mutex is not. */
#include "../case.h"

#include <threads.h>

static mtx_t ring_lock, port_lock;
static cnd_t port_changed;
static bool port_ready;

CASE_FN void ring_push(void)
{
	mtx_lock(&ring_lock);
	mtx_lock(&port_lock);
	mtx_unlock(&port_lock);
	mtx_unlock(&ring_lock);
}

CASE_FN void port_pull(void)
{
	mtx_lock(&port_lock);
	mtx_lock(&ring_lock);
	mtx_unlock(&ring_lock);
	mtx_unlock(&port_lock);
}

CASE_FN void port_wait(void)
{
	mtx_lock(&port_lock);
	while (!port_ready)
		cnd_wait(&port_changed, &port_lock);
	mtx_unlock(&port_lock);
}

CASE_FN void port_set_ready(void)
{
	mtx_lock(&port_lock);
	port_ready = true;
	cnd_broadcast(&port_changed);
	mtx_unlock(&port_lock);
}

static int pusher(void *arg)
{
	(void)arg;
	case_name("pusher");
	port_wait();
	case_turn(0);
	ring_push();
	case_turn_over(0);
	return 7;
}

static int puller(void *arg)
{
	(void)arg;
	case_name("puller");
	port_set_ready();
	case_sleep_ms(1);
	case_turn(1);
	if (case_is("fixed"))
		ring_push();
	else
		port_pull();
	return 8;
}

int main(int argc, char **argv)
{
	thrd_t threads[2];
	int results[2];

	case_begin(argc, argv);
	CASE_CHECK(mtx_init(&ring_lock, mtx_plain) == thrd_success);
	CASE_CHECK(mtx_init(&port_lock, mtx_plain) == thrd_success);
	CASE_CHECK(cnd_init(&port_changed) == thrd_success);
	CASE_CHECK(thrd_create(&threads[0], pusher, NULL) == thrd_success);
	CASE_CHECK(thrd_create(&threads[1], puller, NULL) == thrd_success);
	for (unsigned i = 0; i < 2; i++)
		CASE_CHECK(thrd_join(threads[i], &results[i]) == thrd_success);
	mtx_destroy(&ring_lock);
	mtx_destroy(&port_lock);
	return results[0] == 7 && results[1] == 8 ? 0 : 1;
}
