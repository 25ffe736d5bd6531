/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Functions and locks with the names, files and lines that findings are tested with. They
 * are never called: a stack is made of their addresses, and a function's first line is
 * what #line says, whatever the compiler.
 */
#define F(name)                                                           \
	__attribute__((visibility("default"), noinline)) void name(void); \
	void name(void)                                                   \
	{                                                                 \
		__asm__ volatile("" : : : "memory");                      \
	}
#define LOCK(name) __attribute__((visibility("default"))) char name[40] = {1}

LOCK(fenceq_lock);
LOCK(new_lock);
LOCK(chr_write_lock);

/* clang-format off */
#line 540 "../util/qemu-thread-posix.c"
F(qemu_thread_start)
#line 92 "../util/qemu-thread-posix.c"
F(qemu_mutex_lock_impl)
#line 48 "../util/qemu-thread-posix.c"
F(qemu_mutex_init)
#line 320 "../util/qemu-thread-posix.c"
F(qemu_sem_wait)
#line 280 "../util/qemu-thread-posix.c"
F(qemu_sem_post)
#line 330 "../util/qemu-timer.c"
F(qemu_poll_ns)
#line 500 "../softmmu/cpus.c"
F(bql_lock_impl)
#line 130 "../util/async.c"
F(aio_context_new)
#line 50 "../accel/kvm/kvm-accel-ops.c"
F(kvm_vcpu_thread_fn)
#line 2990 "../accel/kvm/kvm-all.c"
F(kvm_cpu_exec)
#line 1512 "../softmmu/memory.c"
F(memory_region_dispatch_write)
#line 2760 "../softmmu/physmem.c"
F(prepare_mmio_access)
#line 540 "../hw/pci/msix.c"
F(msix_notify)
#line 2500 "../hw/virtio/virtio.c"
F(virtio_notify)
#line 900 "../hw/display/virtio-gpu-rutabaga.c"
F(virtio_gpu_rutabaga_fence_cb)
#line 750 "../hw/display/virtio-gpu-rutabaga.c"
F(virtio_gpu_rutabaga_process_cmdq)
#line 33 "../rutabaga_gfx/cross_domain.c"
F(cross_domain_worker)
#line 151 "../softmmu/cpus-common.c"
F(do_run_on_cpu)
#line 220 "../hw/display/framebuffer.c"
F(framebuffer_update_display)
#line 150 "../hw/display/bcm2835_fb.c"
F(fb_lock)
#line 300 "../hw/display/bcm2835_fb.c"
F(fb_update_display)
#line 340 "../hw/display/bcm2835_fb.c"
F(bcm2835_fb_reconfigure)
#line 590 "../util/main-loop.c"
F(main_loop_wait)
#line 35 "../softmmu/main.c"
F(main_of_sample)
#line 120 "../hw/display/virtio-gpu-virgl.c"
F(virgl_cmd_resource_unref)
#line 1020 "../hw/display/virtio-gpu-virgl.c"
F(fence_poll)
#line 60 "../src/virglrenderer.c"
F(virgl_renderer_poll)
#line 30 "../CoreFoundation/CFRuntime.c"
F(CFRelease)
#line 20 "../Metal/event.c"
F(MTLSharedEventSignal)
