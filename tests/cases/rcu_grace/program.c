/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiting for a grace period of RCU with the BQL held, while a reader wants the BQL.
 *
 * A grace period is over when every reader that was inside has left; the last one sets
 * rcu_gp_event, a futex word. CPU 0 takes the BQL inside its read-side section, for MMIO.
 *
 * benign: it has taken it before main calls synchronize_rcu. hang: it comes for it
 * meanwhile. fixed: main calls call_rcu instead, and the call_rcu thread waits for the
 * grace period, with nothing held. Trap: in mode "trap" that thread takes the BQL after
 * its grace period, for the callback.
 */
#include "../case.h"

#include <linux/futex.h>
#include <sys/syscall.h>

#define EVENT_SET 0
#define EVENT_FREE 1
#define EVENT_BUSY (-1) /* somebody waits, or is about to */

struct qemu_event {
	int value;
};

struct rcu_reader_data {
	unsigned long counter; /* of the grace period in which it went inside; 0 outside */
	bool is_awaited;
};

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t rcu_sync_lock = PTHREAD_MUTEX_INITIALIZER;
static struct qemu_event rcu_gp_event = {EVENT_SET}, rcu_call_ready_event = {EVENT_FREE};
static unsigned long rcu_gp_counter = 1;
static struct rcu_reader_data reader; /* CPU 0's: the only one */
static unsigned is_inside, has_had_bql, is_reclaimed;

static long futex(int *word, int operation, int value)
{
	return syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static bool replace(int *word, int from, int to)
{
	return __atomic_compare_exchange_n(word, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

CASE_FN void qemu_event_set(struct qemu_event *event)
{
	if (__atomic_exchange_n(&event->value, EVENT_SET, __ATOMIC_SEQ_CST) == EVENT_BUSY)
		futex(&event->value, FUTEX_WAKE, 0x7fffffff);
}

CASE_FN void qemu_event_reset(struct qemu_event *event)
{
	replace(&event->value, EVENT_SET, EVENT_FREE);
}

CASE_FN void qemu_event_wait(struct qemu_event *event)
{
	replace(&event->value, EVENT_FREE, EVENT_BUSY);
	while (__atomic_load_n(&event->value, __ATOMIC_SEQ_CST) == EVENT_BUSY)
		futex(&event->value, FUTEX_WAIT, EVENT_BUSY);
}

CASE_FN void rcu_read_lock(void)
{
	unsigned long now = __atomic_load_n(&rcu_gp_counter, __ATOMIC_SEQ_CST);

	__atomic_store_n(&reader.counter, now, __ATOMIC_SEQ_CST);
}

CASE_FN void rcu_read_unlock(void)
{
	__atomic_store_n(&reader.counter, 0, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&reader.is_awaited, false, __ATOMIC_SEQ_CST))
		qemu_event_set(&rcu_gp_event);
}

static bool is_reader_of_old(void)
{
	unsigned long counter = __atomic_load_n(&reader.counter, __ATOMIC_SEQ_CST);

	return counter != 0 && counter != rcu_gp_counter;
}

CASE_FN void wait_for_readers(void)
{
	for (;;) {
		qemu_event_reset(&rcu_gp_event);
		__atomic_store_n(&reader.is_awaited, true, __ATOMIC_SEQ_CST);
		if (!is_reader_of_old())
			break;
		qemu_event_wait(&rcu_gp_event);
	}
	__atomic_store_n(&reader.is_awaited, false, __ATOMIC_SEQ_CST);
}

CASE_FN void synchronize_rcu(void)
{
	pthread_mutex_lock(&rcu_sync_lock);
	__atomic_add_fetch(&rcu_gp_counter, 1, __ATOMIC_SEQ_CST);
	wait_for_readers();
	pthread_mutex_unlock(&rcu_sync_lock);
}

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

static bool is_deferred(void)
{
	return case_is("fixed") || case_is("trap");
}

CASE_FN void reclaim_flatview(void)
{
	case_flag_raise(&is_reclaimed);
}

CASE_FN void call_rcu1(void)
{
	qemu_event_set(&rcu_call_ready_event);
}

static void *call_rcu_thread(void *arg)
{
	case_name("call_rcu");
	qemu_event_wait(&rcu_call_ready_event);
	synchronize_rcu();
	if (case_is("trap"))
		bql_lock_impl();
	reclaim_flatview();
	if (case_is("trap"))
		bql_unlock_impl();
	return arg;
}

CASE_FN void prepare_mmio_access(void)
{
	bql_lock_impl();
}

CASE_FN void io_writex(void)
{
	prepare_mmio_access();
	bql_unlock_impl();
}

static void await_waiter(void)
{
	while (__atomic_load_n(&rcu_gp_event.value, __ATOMIC_SEQ_CST) != EVENT_BUSY)
		sched_yield();
}

/* It leaves its section only when somebody waits for that: the waiter is one to be seen. */
CASE_FN void tcg_cpu_exec(void)
{
	rcu_read_lock();
	case_flag_raise(&is_inside);
	if (case_hangs())
		await_waiter();
	io_writex();
	case_flag_raise(&has_had_bql);
	if (!case_is("race"))
		await_waiter();
	rcu_read_unlock();
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	case_name("CPU 0/TCG");
	tcg_cpu_exec();
	return arg;
}

CASE_FN void flatview_unref(void)
{
	if (is_deferred()) {
		call_rcu1();
		return;
	}
	synchronize_rcu();
	reclaim_flatview();
}

CASE_FN void memory_region_transaction_commit(void)
{
	bql_lock_impl();
	flatview_unref();
	bql_unlock_impl();
}

int main(int argc, char **argv)
{
	pthread_t threads[2];
	unsigned n_threads = 0;

	case_begin(argc, argv);
	threads[n_threads++] = case_start(mttcg_cpu_thread_fn, NULL);
	case_flag_await(case_takes_turns() ? &has_had_bql : &is_inside, 1);
	if (is_deferred())
		threads[n_threads++] = case_start(call_rcu_thread, NULL);
	memory_region_transaction_commit();
	while (n_threads > 0)
		case_join(threads[--n_threads]);
	return is_reclaimed ? 0 : 1;
}
