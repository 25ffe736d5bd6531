/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main loop releases a GPU resource under the BQL, and CFRelease never returns.
 *
 * Commands of the guest run in a bottom half, under the BQL. To unref a resource is to
 * CFRelease its object, which waits until the GPU has completed its work; that is told by
 * another bottom half, fence_poll, which the same main loop runs under the same BQL.
 *
 * benign: fence_poll ran before the resource goes. hang: it did so once, and the next
 * resource goes straight after its work was submitted; in hang-unseen the first one does.
 * fixed: the BQL is dropped around both calls of virgl_renderer_resource_unref, as it
 * always was around that of virgl_renderer_resource_create_blob. With "-pipe", CFRelease
 * reads a pipe rather than waiting for a semaphore.
 *
 * hang-thread: fence_poll is not run by the main loop, but by the thread that is there for it,
 * which takes the BQL for that. In hang-two-threads there is another one in fence_poll, which
 * waits for the GPU first: it needs no lock, and could complete what CFRelease waits for.
 */
#include "corefoundation.h"
#include "virglrenderer.h"

#include "../case.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>

#define N_VCPUS 4

enum command {
	RESOURCE_CREATE_BLOB = 'c',
	CREATE_BLOB_THAT_FAILS = 'f',
	SUBMIT_3D = 's',
	RESOURCE_UNREF = 'u',
};

/*
 * What the guest has done, a string of commands at a time. The next string comes when the
 * commands before are processed and their fences retired.
 */
static const char *const script[] = {"fcs", "u", NULL};
static const char *const script_hang[] = {"fcs", "u", "csu", NULL};
static const char *const script_hang_unseen[] = {"fcsu", NULL};

void fence_poll(void);

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static __thread bool awaits_gpu;
static int notifier;
static unsigned ctrl_bh_scheduled, fence_poll_bh_scheduled, n_mmio_accesses, quit;

/* Under the BQL. */
static const char *const *guest; /* what comes next of its script */
static const char *cmdq = "";    /* what is not processed yet */
static unsigned n_submitted, n_retired;

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

CASE_FN void event_notifier_set(void)
{
	uint64_t one = 1;

	CASE_CHECK(write(notifier, &one, sizeof(one)) == sizeof(one));
}

CASE_FN void qemu_bh_schedule(unsigned *scheduled)
{
	__atomic_store_n(scheduled, 1, __ATOMIC_SEQ_CST);
	event_notifier_set();
}

/* The fix. */
static void unref_resource(void)
{
	if (case_is("fixed"))
		bql_unlock_impl();
	virgl_renderer_resource_unref(0);
	if (case_is("fixed"))
		bql_lock_impl();
}

CASE_FN void virgl_cmd_resource_unref(void)
{
	unref_resource();
}

CASE_FN void virgl_cmd_resource_create_blob(bool fails)
{
	bql_unlock_impl();
	virgl_renderer_resource_create_blob(0);
	bql_lock_impl();
	if (fails)
		unref_resource();
}

CASE_FN void virtio_gpu_virgl_process_cmd(enum command command)
{
	switch (command) {
	case RESOURCE_CREATE_BLOB:
	case CREATE_BLOB_THAT_FAILS:
		virgl_cmd_resource_create_blob(command == CREATE_BLOB_THAT_FAILS);
		break;
	case SUBMIT_3D:
		n_submitted++;
		virgl_renderer_submit_cmd(0);
		break;
	case RESOURCE_UNREF:
		virgl_cmd_resource_unref();
		break;
	}
}

CASE_FN void virtio_gpu_process_cmdq(void)
{
	for (; *cmdq; cmdq++)
		virtio_gpu_virgl_process_cmd(*cmdq);
}

CASE_FN void virtio_gpu_gl_handle_ctrl(void)
{
	virtio_gpu_process_cmdq();
}

/* Whether fence_poll has threads of its own. */
static bool has_threads(void)
{
	return strstr(case_mode, "-thread");
}

CASE_FN void retire_fences(void)
{
	if (awaits_gpu)
		ppoll(NULL, 0, NULL, NULL);
	bql_lock_impl();
	n_retired += virgl_renderer_poll();
	bql_unlock_impl();
}

CASE_EXPORT_FN void fence_poll(void)
{
	if (has_threads())
		retire_fences();
	else
		n_retired += virgl_renderer_poll();
}

CASE_FN void aio_bh_call(void (*bottom_half)(void))
{
	bottom_half();
}

CASE_FN void aio_bh_poll(void)
{
	if (__atomic_exchange_n(&ctrl_bh_scheduled, 0, __ATOMIC_SEQ_CST))
		aio_bh_call(virtio_gpu_gl_handle_ctrl);
	if (__atomic_exchange_n(&fence_poll_bh_scheduled, 0, __ATOMIC_SEQ_CST))
		aio_bh_call(fence_poll);
}

CASE_FN void os_host_main_loop_wait(void)
{
	struct pollfd fd = {.fd = notifier, .events = POLLIN};
	uint64_t count;

	bql_unlock_impl();
	CASE_CHECK(ppoll(&fd, 1, NULL, NULL) == 1);
	bql_lock_impl();
	CASE_CHECK(read(notifier, &count, sizeof(count)) == sizeof(count));
}

CASE_FN void main_loop_wait(void)
{
	os_host_main_loop_wait();
	aio_bh_poll();
}

CASE_FN void qemu_main_loop(void)
{
	while (!case_flag_is_up(&quit))
		main_loop_wait();
}

static void *fence_poll_thread(void *arg)
{
	case_name("fence_poll_thre"); /* fence_poll_thread, as the kernel cuts it */
	while (!case_flag_is_up(&quit)) {
		case_sleep_ms(10);
		if (has_threads())
			fence_poll();
		else
			qemu_bh_schedule(&fence_poll_bh_scheduled);
	}
	return arg;
}

static void *gpu_wait_thread(void *arg)
{
	awaits_gpu = true;
	fence_poll();
	return arg;
}

CASE_FN void virtio_queue_notify(void)
{
	qemu_bh_schedule(&ctrl_bh_scheduled);
}

CASE_FN void guest_driver(void)
{
	if (*cmdq || (n_retired < n_submitted && !case_is("race")))
		return;
	if (!*guest) {
		case_flag_raise(&quit);
		event_notifier_set();
		return;
	}
	cmdq = *guest++;
	virtio_queue_notify();
}

CASE_FN void prepare_mmio_access(void)
{
	case_flag_raise(&n_mmio_accesses);
	bql_lock_impl();
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/*
 * Devices are made under the BQL, and the vCPUs wait for it: so who sees but the locks that
 * somebody waits for knows it before anything happens.
 */
CASE_FN void qemu_machine_creation_done(void)
{
	int64_t begin;

	case_flag_await(&n_mmio_accesses, N_VCPUS);
	for (begin = now_ms(); now_ms() - begin < 20;)
		sched_yield();
}

CASE_FN void io_writex(unsigned cpu)
{
	prepare_mmio_access();
	if (cpu == 0)
		guest_driver();
	bql_unlock_impl();
}

CASE_FN void tcg_cpu_exec(void)
{
	struct timespec while_in_guest = {.tv_nsec = 1000000};

	ppoll(NULL, 0, &while_in_guest, NULL);
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	unsigned cpu = *(unsigned *)arg;
	char name[16];

	snprintf(name, sizeof(name), "CPU %u/TCG", cpu);
	case_name(name);
	while (!case_flag_is_up(&quit)) {
		tcg_cpu_exec();
		io_writex(cpu);
	}
	return NULL;
}

static void *call_rcu_thread(void *arg)
{
	case_name("call_rcu");
	while (!case_flag_is_up(&quit)) {
		case_sleep_ms(10);
		bql_lock_impl();
		bql_unlock_impl();
	}
	return arg;
}

static const char *const *script_of_mode(void)
{
	if (case_is("hang-unseen") || has_threads())
		return script_hang_unseen;
	return case_hangs() ? script_hang : script;
}

int main(int argc, char **argv)
{
	unsigned numbers[N_VCPUS] = {0, 1, 2, 3};
	pthread_t vcpus[N_VCPUS], poller, call_rcu;

	case_begin(argc, argv);
	if (strstr(case_mode, "pipe"))
		MTLDeviceUsePipe();
	guest = script_of_mode();
	notifier = eventfd(0, 0);
	bql_lock_impl();
	for (unsigned i = 0; i < N_VCPUS; i++)
		vcpus[i] = case_start(mttcg_cpu_thread_fn, &numbers[i]);
	poller = case_start(fence_poll_thread, NULL);
	if (case_is("hang-two-threads"))
		case_start(gpu_wait_thread, NULL);
	call_rcu = case_start(call_rcu_thread, NULL);
	if (case_hangs())
		qemu_machine_creation_done();
	qemu_main_loop();
	bql_unlock_impl();
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i]);
	case_join(poller);
	case_join(call_rcu);
	return 0;
}
