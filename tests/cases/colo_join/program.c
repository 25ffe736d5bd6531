/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Joining, with the BQL held, a thread that has still to take the BQL.
 *
 * benign: the thread took it before main did. hang: it comes for it while main joins.
 * fixed: the BQL is dropped around the join. Traps: in mode "trap" the thread never
 * touches the BQL; in mode "said" it does, and tells main by a semaphore that it is done.
 */
#include "../case.h"

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static sem_t colo_incoming_sem;
static unsigned checkpoints, is_done, is_joining;

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

CASE_FN void colo_do_checkpoint(void)
{
	checkpoints++;
}

CASE_FN void colo_incoming_process_checkpoint(void)
{
	if (case_is("trap")) {
		colo_do_checkpoint();
		return;
	}
	bql_lock_impl();
	colo_do_checkpoint();
	bql_unlock_impl();
}

static void *colo_process_incoming_thread(void *arg)
{
	case_name("COLO incoming");
	if (case_hangs())
		case_flag_await(&is_joining, 1);
	colo_incoming_process_checkpoint();
	if (case_is("said"))
		sem_post(&colo_incoming_sem);
	case_flag_raise(&is_done);
	return arg;
}

CASE_FN void qemu_thread_join(pthread_t thread)
{
	case_flag_raise(&is_joining);
	case_join(thread);
}

CASE_FN void process_incoming_migration_co(pthread_t colo_incoming)
{
	bql_lock_impl();
	if (case_is("fixed"))
		bql_unlock_impl();
	qemu_thread_join(colo_incoming);
	if (case_is("fixed"))
		bql_lock_impl();
	bql_unlock_impl();
}

int main(int argc, char **argv)
{
	pthread_t colo_incoming;

	case_begin(argc, argv);
	sem_init(&colo_incoming_sem, 0, 0);
	colo_incoming = case_start(colo_process_incoming_thread, NULL);
	if (case_is("said"))
		case_sem_wait(&colo_incoming_sem);
	else if (case_is("benign"))
		case_flag_await(&is_done, 1);
	process_incoming_migration_co(colo_incoming);
	return checkpoints == 1 ? 0 : 1;
}
