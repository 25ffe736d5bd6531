/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The framebuffer's lock, held across a wait that takes the BQL again.
 *
 * The display update holds the BQL and new_lock and has work done by a vCPU: the wait
 * on qemu_work_cond lets the BQL go and takes it again, with new_lock held all the
 * while. The vCPU takes new_lock under the BQL. Fixed, the vCPU's reconfiguration only
 * stores the request, and new_lock is not held around the update. In mode "livelock" the
 * vCPU tries for new_lock again and again instead: no fix, it never gets it.
 */
#include "../case.h"

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t new_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t qemu_work_cond = PTHREAD_COND_INITIALIZER;
static bool work_done, reconfigure_asked;
static unsigned work_queued, reconfigured;
static unsigned xres = 640;

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

CASE_FN void qemu_cond_wait_impl(void)
{
	pthread_cond_wait(&qemu_work_cond, &bql);
}

CASE_FN void fb_lock(void)
{
	pthread_mutex_lock(&new_lock);
}

CASE_FN void fb_lock_by_trying(void)
{
	while (pthread_mutex_trylock(&new_lock) != 0)
		sched_yield();
}

CASE_FN void fb_unlock(void)
{
	pthread_mutex_unlock(&new_lock);
}

CASE_FN void do_run_on_cpu(void)
{
	work_done = false;
	case_flag_raise(&work_queued);
	while (!work_done)
		qemu_cond_wait_impl();
}

CASE_FN void memory_region_snapshot_and_clear_dirty(void)
{
	do_run_on_cpu();
}

CASE_FN void framebuffer_update_display(void)
{
	memory_region_snapshot_and_clear_dirty();
}

CASE_FN void fb_update_display(void)
{
	if (case_is("fixed")) {
		if (reconfigure_asked)
			xres = 800;
		framebuffer_update_display();
		return;
	}
	fb_lock();
	framebuffer_update_display();
	fb_unlock();
}

CASE_FN void bcm2835_fb_reconfigure(void)
{
	if (case_is("fixed")) {
		reconfigure_asked = true;
		return;
	}
	if (case_is("livelock"))
		fb_lock_by_trying();
	else
		fb_lock();
	xres = 800;
	fb_unlock();
}

CASE_FN void bcm2835_property_mbox_push(void)
{
	bcm2835_fb_reconfigure();
}

CASE_FN void bcm2835_mbox_write(void)
{
	bcm2835_property_mbox_push();
}

CASE_FN void memory_region_dispatch_write(void)
{
	bql_lock_impl();
	bcm2835_mbox_write();
	bql_unlock_impl();
}

/* Outside its guest code a vCPU does the work that others queued for it. */
CASE_FN void process_queued_cpu_work(void)
{
	case_flag_await(&work_queued, 1);
	bql_lock_impl();
	work_done = true;
	pthread_cond_broadcast(&qemu_work_cond);
	bql_unlock_impl();
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	case_name("CPU 0/TCG");
	if (case_hangs())
		case_flag_await(&work_queued, 1);
	memory_region_dispatch_write();
	case_flag_raise(&reconfigured);
	process_queued_cpu_work();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t cpu;

	case_begin(argc, argv);
	cpu = case_start(mttcg_cpu_thread_fn, NULL);
	if (case_takes_turns())
		case_flag_await(&reconfigured, 1);
	bql_lock_impl();
	fb_update_display();
	bql_unlock_impl();
	case_join(cpu);
	return xres == 800 ? 0 : 1;
}
