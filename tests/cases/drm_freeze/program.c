/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's desktop freezes, and no cycle of locks is to blame: a timer is gone.
 *
 * The main loop has two timers on one clock. fence_poll signals the guest's GPU fences;
 * gnome-shell waits for one with mode_config_mutex held, and others wait for that mutex.
 * Meanwhile the vCPUs contend for the BQL. A reset frees fence_poll's timer. In mode
 * "hang" nobody makes it again, so no fence is signalled any more, though the other timer
 * goes on; fixed, the reset makes it again, and the guest draws all its frames.
 */
#include "../case.h"

#include <poll.h>
#include <stdint.h>

#define N_VCPUS 4
#define N_FRAMES 240                      /* that the guest draws, where it can */
#define RESET_AT_FRAME (200 * case_times) /* fence_poll has a habit to be seen by then */
#define FENCE_POLL_MS 10
#define GUI_UPDATE_MS 30
/* Between two exits of a vCPU, and in each, under the BQL: they wait a third of the time. */
#define IN_GUEST_US 300
#define IN_DEVICE_US 200

struct qemu_timer {
	void (*callback)(void);
	uint64_t expires_us;
};

void fence_poll(void);

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static struct qemu_timer *fence_poll_timer, *gui_update_timer; /* under the BQL */
static bool was_reset;                                         /* under the BQL */

/* The guest's. */
static pthread_mutex_t mode_config_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t dma_fence_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t dma_fence = PTHREAD_COND_INITIALIZER;
static unsigned n_emitted, n_signalled; /* fences, under dma_fence_lock */
static unsigned n_frames, quit;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

static struct qemu_timer *timer_new(void (*callback)(void))
{
	struct qemu_timer *timer = calloc(1, sizeof(*timer));

	CASE_CHECK(timer);
	timer->callback = callback;
	return timer;
}

static void timer_mod_ms(struct qemu_timer *timer, unsigned ms)
{
	timer->expires_us = now_us() + ms * 1000;
}

static void timer_free(struct qemu_timer **timer)
{
	free(*timer);
	*timer = NULL;
}

CASE_FN void virgl_renderer_poll(void)
{
	pthread_mutex_lock(&dma_fence_lock);
	if (n_signalled < n_emitted) {
		n_signalled = n_emitted;
		pthread_cond_broadcast(&dma_fence);
	}
	pthread_mutex_unlock(&dma_fence_lock);
}

CASE_EXPORT_FN void fence_poll(void)
{
	virgl_renderer_poll();
	timer_mod_ms(fence_poll_timer, FENCE_POLL_MS);
}

CASE_FN void gui_update(void)
{
	timer_mod_ms(gui_update_timer, GUI_UPDATE_MS);
}

CASE_FN void virtio_gpu_virgl_init(void)
{
	fence_poll_timer = timer_new(fence_poll);
	timer_mod_ms(fence_poll_timer, FENCE_POLL_MS);
}

CASE_FN void virtio_gpu_gl_reset(void)
{
	timer_free(&fence_poll_timer);
	if (case_is("fixed"))
		virtio_gpu_virgl_init();
	was_reset = true;
}

CASE_FN void timer_run(struct qemu_timer *timer)
{
	if (timer && timer->expires_us <= now_us())
		timer->callback();
}

CASE_FN void qemu_clock_run_all_timers(void)
{
	timer_run(gui_update_timer);
	timer_run(fence_poll_timer);
}

static uint64_t next_expiry_us(void)
{
	uint64_t us = gui_update_timer->expires_us;

	if (fence_poll_timer && fence_poll_timer->expires_us < us)
		us = fence_poll_timer->expires_us;
	return us;
}

CASE_FN void os_host_main_loop_wait(uint64_t until_us)
{
	uint64_t now = now_us();
	struct timespec t = {.tv_nsec = until_us > now ? (until_us - now) * 1000 : 0};

	bql_unlock_impl();
	ppoll(NULL, 0, &t, NULL);
	bql_lock_impl();
}

CASE_FN void main_loop_wait(void)
{
	os_host_main_loop_wait(next_expiry_us());
	qemu_clock_run_all_timers();
}

static void spin_us(unsigned us)
{
	uint64_t until = now_us() + us;

	while (now_us() < until)
		;
}

CASE_FN void prepare_mmio_access(void)
{
	bql_lock_impl();
}

CASE_FN void io_writex(void)
{
	prepare_mmio_access();
	spin_us(IN_DEVICE_US);
	if (!was_reset && __atomic_load_n(&n_frames, __ATOMIC_SEQ_CST) >= RESET_AT_FRAME)
		virtio_gpu_gl_reset();
	bql_unlock_impl();
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	struct timespec in_guest = {.tv_nsec = IN_GUEST_US * 1000};
	char name[16];

	snprintf(name, sizeof(name), "CPU %u/TCG", *(unsigned *)arg);
	case_name(name);
	while (!case_flag_is_up(&quit)) {
		ppoll(NULL, 0, &in_guest, NULL);
		io_writex();
	}
	return NULL;
}

static unsigned dma_fence_emit(void)
{
	unsigned fence;

	pthread_mutex_lock(&dma_fence_lock);
	fence = ++n_emitted;
	pthread_mutex_unlock(&dma_fence_lock);
	return fence;
}

CASE_FN void dma_fence_default_wait(unsigned fence)
{
	pthread_mutex_lock(&dma_fence_lock);
	while (n_signalled < fence)
		pthread_cond_wait(&dma_fence, &dma_fence_lock);
	pthread_mutex_unlock(&dma_fence_lock);
}

CASE_FN void drm_atomic_helper_wait_for_fences(void)
{
	dma_fence_default_wait(dma_fence_emit());
}

CASE_FN void drm_modeset_lock(void)
{
	pthread_mutex_lock(&mode_config_mutex);
}

CASE_FN void drm_modeset_unlock(void)
{
	pthread_mutex_unlock(&mode_config_mutex);
}

CASE_FN void drm_atomic_commit(void)
{
	drm_modeset_lock();
	drm_atomic_helper_wait_for_fences();
	drm_modeset_unlock();
	case_flag_raise(&n_frames);
}

static void *gnome_shell(void *arg)
{
	case_name("gnome-shell");
	while (case_hangs() || __atomic_load_n(&n_frames, __ATOMIC_SEQ_CST) < N_FRAMES)
		drm_atomic_commit();
	case_flag_raise(&quit);
	return arg;
}

CASE_FN void drm_mode_getconnector(void)
{
	drm_modeset_lock();
	drm_modeset_unlock();
}

static void *drm_client(void *arg)
{
	case_name(arg);
	while (!case_flag_is_up(&quit)) {
		drm_mode_getconnector();
		case_sleep_ms(1);
	}
	return NULL;
}

static void run_main_loop(void)
{
	gui_update_timer = timer_new(gui_update);
	timer_mod_ms(gui_update_timer, GUI_UPDATE_MS);
	virtio_gpu_virgl_init();
	while (!case_flag_is_up(&quit))
		main_loop_wait();
	timer_free(&fence_poll_timer);
	timer_free(&gui_update_timer);
}

int main(int argc, char **argv)
{
	unsigned numbers[N_VCPUS] = {0, 1, 2, 3};
	pthread_t vcpus[N_VCPUS], guest[3];

	case_begin(argc, argv);
	bql_lock_impl();
	for (unsigned i = 0; i < N_VCPUS; i++)
		vcpus[i] = case_start(mttcg_cpu_thread_fn, &numbers[i]);
	guest[0] = case_start(gnome_shell, NULL);
	guest[1] = case_start(drm_client, "mutter");
	guest[2] = case_start(drm_client, "gst-plugin-scan");
	run_main_loop();
	bql_unlock_impl();
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i]);
	for (unsigned i = 0; i < 3; i++)
		case_join(guest[i]);
	return 0;
}
