/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pausing a vCPU that needs the lock which the pauser holds: a VMM on the real KVM.
 *
 * The VMM thread kicks the vCPU and polls for its acknowledgement while it holds
 * vcpu_states. The vCPU acknowledges in its run loop only, and an MMIO exit on the way
 * there takes vcpu_states. The published fix takes the lock anew for each vCPU, yet
 * holds it through each wait. Fixed, what the wait needs is copied and the lock let go.
 *
 * The guest reads the hotplug controller some times, says so and spins. In the modes that
 * hang it is paused in the first read, in "fixed" and "vcpu_mutex" too; in races after it has
 * begun; otherwise when it spins. In mode "vcpu_mutex" the vCPU thread holds a mutex of its
 * own in KVM_RUN.
 */
#include "../case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define SKIPPED 77 /* what test runners take for "cannot run here" */

#define GUEST_CODE 0x1000
#define GUEST_SIZE 0x1000
#define MMIO_BASE 0xd0000 /* the guest's data segment: nothing but devices */
#define HOTPLUG_END 0x10  /* the controller's registers; behind them is the guest's "spinning" */

#define POLL_NS 1000000
#define POLLS_A_KICK 10
#define POLLS_MIN 12 /* how long an acknowledgement takes at least: one repeated kick */

struct vcpu_state {
	pthread_t thread;
	bool *run_interrupted;
};

static pthread_mutex_t vcpu_states = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t vcpu = PTHREAD_MUTEX_INITIALIZER;
static struct vcpu_state states[1];
static int vcpu_fd;
static struct kvm_run *run;
static bool pause_signalled, run_interrupted, reading, spinning;
static unsigned polls;

static void wait_until(bool *what)
{
	while (!__atomic_load_n(what, __ATOMIC_SEQ_CST))
		sched_yield();
}

/* Waits until the VMM thread has polled @n times for an acknowledgement. */
static void wait_for_polls(unsigned n)
{
	while (__atomic_load_n(&polls, __ATOMIC_SEQ_CST) < n)
		sched_yield();
}

static bool paused_late(void)
{
	return case_is("benign") || case_is("published-fix");
}

static bool paused_in_read(void)
{
	return !paused_late() && !strstr(case_mode, "race");
}

/* A kick that finds the vCPU on its way into KVM_RUN makes it come back at once. */
static void handle_signal(int number)
{
	(void)number;
	__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

CASE_FN uint8_t AcpiCpuHotplugController_read(void)
{
	uint8_t n;

	__atomic_store_n(&reading, true, __ATOMIC_SEQ_CST);
	if (paused_in_read())
		wait_for_polls(1);
	pthread_mutex_lock(&vcpu_states);
	n = sizeof(states) / sizeof(states[0]);
	pthread_mutex_unlock(&vcpu_states);
	return n;
}

CASE_FN void mmio_exit(void)
{
	if (run->mmio.phys_addr < MMIO_BASE + HOTPLUG_END && !run->mmio.is_write)
		run->mmio.data[0] = AcpiCpuHotplugController_read();
	else
		__atomic_store_n(&spinning, true, __ATOMIC_SEQ_CST);
}

CASE_FN void vcpu_run(void)
{
	int r;

	if (case_is("vcpu_mutex"))
		pthread_mutex_lock(&vcpu);
	r = ioctl(vcpu_fd, KVM_RUN, 0);
	CASE_CHECK(r == 0 || errno == EINTR);
	if (r == 0) {
		CASE_CHECK(run->exit_reason == KVM_EXIT_MMIO);
		mmio_exit();
	}
	if (case_is("vcpu_mutex"))
		pthread_mutex_unlock(&vcpu);
}

/* The flag is read after immediate_exit is taken back: no kick is lost. */
CASE_FN bool pause_asked(void)
{
	__atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&pause_signalled, __ATOMIC_SEQ_CST);
}

static void *vcpu_thread(void *arg)
{
	case_name("vcpu0");
	while (!pause_asked())
		vcpu_run();
	wait_for_polls(POLLS_MIN);
	__atomic_store_n(&run_interrupted, true, __ATOMIC_SEQ_CST);
	return arg;
}

CASE_FN void signal_thread(const struct vcpu_state *state)
{
	CASE_CHECK(pthread_kill(state->thread, SIGRTMIN) == 0);
}

CASE_FN void wait_until_signal_acknowledged(const struct vcpu_state *state)
{
	static const struct timespec poll = {.tv_nsec = POLL_NS};
	unsigned n = 0;

	while (!__atomic_load_n(state->run_interrupted, __ATOMIC_SEQ_CST)) {
		nanosleep(&poll, NULL);
		__atomic_add_fetch(&polls, 1, __ATOMIC_SEQ_CST);
		if (++n % POLLS_A_KICK == 0)
			signal_thread(state);
	}
}

CASE_FN void signal_vcpus_bug(void)
{
	pthread_mutex_lock(&vcpu_states);
	signal_thread(&states[0]);
	wait_until_signal_acknowledged(&states[0]);
	pthread_mutex_unlock(&vcpu_states);
}

CASE_FN void signal_vcpus_published(void)
{
	pthread_mutex_lock(&vcpu_states);
	signal_thread(&states[0]);
	pthread_mutex_unlock(&vcpu_states);
	pthread_mutex_lock(&vcpu_states);
	wait_until_signal_acknowledged(&states[0]);
	pthread_mutex_unlock(&vcpu_states);
}

CASE_FN void signal_vcpus_fixed(void)
{
	struct vcpu_state copy;

	pthread_mutex_lock(&vcpu_states);
	copy = states[0];
	signal_thread(&copy);
	pthread_mutex_unlock(&vcpu_states);
	wait_until_signal_acknowledged(&copy);
}

CASE_FN void signal_vcpus(void)
{
	if (strstr(case_mode, "published"))
		signal_vcpus_published();
	else if (case_is("fixed") || case_is("vcpu_mutex"))
		signal_vcpus_fixed();
	else
		signal_vcpus_bug();
}

CASE_FN void CpuManager_pause(void)
{
	__atomic_store_n(&pause_signalled, true, __ATOMIC_SEQ_CST);
	signal_vcpus();
}

static void guest_memory(int vm)
{
	static const uint8_t code[] = {
	    0xb9, 0x64, 0x00, /*    mov $100, %cx */
	    0xa0, 0x00, 0x00, /* 1: mov 0x00, %al */
	    0xe2, 0xfb,       /*    loop 1b       */
	    0xa2, 0x10, 0x00, /*    mov %al, 0x10 */
	    0xeb, 0xfe,       /* 2: jmp 2b        */
	};
	struct kvm_userspace_memory_region region = {
	    .guest_phys_addr = GUEST_CODE,
	    .memory_size = GUEST_SIZE,
	};
	void *memory =
	    mmap(NULL, GUEST_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CASE_CHECK(memory != MAP_FAILED);
	memcpy(memory, code, sizeof(code));
	region.userspace_addr = (uintptr_t)memory;
	CASE_CHECK(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0);
}

static void guest_registers(void)
{
	struct kvm_regs regs = {.rip = GUEST_CODE, .rflags = 2};
	struct kvm_sregs sregs;

	CASE_CHECK(ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) == 0);
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.base = MMIO_BASE;
	sregs.ds.selector = MMIO_BASE >> 4;
	CASE_CHECK(ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) == 0);
	CASE_CHECK(ioctl(vcpu_fd, KVM_SET_REGS, &regs) == 0);
}

static void create_vm(int kvm)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);

	CASE_CHECK(vm >= 0);
	guest_memory(vm);
	vcpu_fd = ioctl(vm, KVM_CREATE_VCPU, 0);
	CASE_CHECK(vcpu_fd >= 0);
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu_fd, 0);
	CASE_CHECK(run != MAP_FAILED);
	guest_registers();
}

static void *vmm_thread(void *arg)
{
	case_name("vmm");
	signal(SIGRTMIN, handle_signal);
	states[0].run_interrupted = &run_interrupted;
	states[0].thread = case_start(vcpu_thread, NULL);
	wait_until(paused_late() ? &spinning : &reading);
	CpuManager_pause();
	case_join(states[0].thread);
	return arg;
}

int main(int argc, char **argv)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0) {
		printf("skipped: cannot open /dev/kvm: %s\n", strerror(errno));
		return SKIPPED;
	}
	case_begin(argc, argv);
	create_vm(kvm);
	case_join(case_start(vmm_thread, NULL));
	return 0;
}
