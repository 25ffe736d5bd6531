/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fence callback on a library's thread against the command path of virtio-gpu.
 *
 * The vCPU takes the BQL, then the fence queue's lock. The library's worker calls back
 * with the fence queue's lock and notifies the guest, which takes the BQL. In mode
 * "recursive" the fence queue is guarded by a recursive AioContext lock instead, and
 * "recursive-hang" is how that one hangs. The worker is no thread that QEMU made. Fixed, the
 * callback only schedules a bottom half, which the main loop runs.
 */
#include "../case.h"

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t fenceq_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t aio_context_lock;
static unsigned fences, interrupts, bottom_halves;

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

static bool is_recursive(void)
{
	return strstr(case_mode, "recursive") != NULL;
}

static pthread_mutex_t *fence_queue_lock(void)
{
	return is_recursive() ? &aio_context_lock : &fenceq_lock;
}

CASE_FN void virtio_gpu_rutabaga_process_cmdq(void)
{
	pthread_mutex_lock(fence_queue_lock());
	fences++;
	pthread_mutex_unlock(fence_queue_lock());
}

CASE_FN void virtio_gpu_handle_ctrl(void)
{
	case_meet(2);
	virtio_gpu_rutabaga_process_cmdq();
}

CASE_FN void memory_region_dispatch_write(void)
{
	bql_lock_impl();
	virtio_gpu_handle_ctrl();
	bql_unlock_impl();
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	case_name("CPU 0/TCG");
	case_turn(0);
	memory_region_dispatch_write();
	case_turn_over(0);
	return arg;
}

CASE_FN void prepare_mmio_access(void)
{
	bql_lock_impl();
	interrupts++;
	bql_unlock_impl();
}

CASE_FN void msix_notify(void)
{
	prepare_mmio_access();
}

CASE_FN void virtio_notify(void)
{
	msix_notify();
}

CASE_FN void virtio_gpu_rutabaga_fence_cb(void)
{
	if (case_is("fixed")) {
		__atomic_add_fetch(&bottom_halves, 1, __ATOMIC_SEQ_CST);
		return;
	}
	pthread_mutex_lock(fence_queue_lock());
	if (is_recursive())
		pthread_mutex_lock(&aio_context_lock);
	case_meet(2);
	virtio_notify();
	if (is_recursive())
		pthread_mutex_unlock(&aio_context_lock);
	pthread_mutex_unlock(fence_queue_lock());
}

static void *cross_domain_worker(void *arg)
{
	case_name("CrossDomainWork"); /* CrossDomainWorker, as the kernel cuts it */
	case_turn(1);
	virtio_gpu_rutabaga_fence_cb();
	case_turn_over(1);
	return arg;
}

/* In the main loop, the BQL comes first. */
CASE_FN void virtio_gpu_rutabaga_fence_bh(void)
{
	pthread_mutex_lock(fence_queue_lock());
	interrupts++;
	pthread_mutex_unlock(fence_queue_lock());
}

CASE_FN void aio_bh_poll(void)
{
	if (__atomic_exchange_n(&bottom_halves, 0, __ATOMIC_SEQ_CST) == 0)
		return;
	bql_lock_impl();
	virtio_gpu_rutabaga_fence_bh();
	bql_unlock_impl();
}

CASE_EXPORT_FN pthread_t qemu_thread_create(void *(*start)(void *));
CASE_EXPORT_FN pthread_t qemu_thread_create(void *(*start)(void *))
{
	return case_start(start, NULL);
}

CASE_FN pthread_t rutabaga_init(void)
{
	return case_start(cross_domain_worker, NULL);
}

int main(int argc, char **argv)
{
	pthread_t cpu, worker;

	case_begin(argc, argv);
	case_mutex_init(&aio_context_lock, PTHREAD_MUTEX_RECURSIVE);
	cpu = qemu_thread_create(mttcg_cpu_thread_fn);
	worker = rutabaga_init();
	case_turn(2);
	aio_bh_poll();
	case_join(cpu);
	case_join(worker);
	return 0;
}
