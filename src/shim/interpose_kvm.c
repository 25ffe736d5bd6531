/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KVM: a thread that runs a guest is a vCPU, and each return from the guest begins an activity. Why
 * the guest came out, the kernel writes into a page that the program has mapped from the vCPU's
 * descriptor; where that is, is remembered here. A descriptor that is closed, or made another's,
 * is forgotten, and so is a page that is unmapped: what is read must still be there.
 */
#include "shim/interpose.h"
#include "shim/real.h"
#include "shim/wait.h"

#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* More than any machine has vCPUs; one whose place is taken has no exits told. A power of two. */
#define VCPUS_MAX 4096

static struct {
	int fd; /* and 1; 0: none */
	uint32_t reserved;
	const struct kvm_run *run; /* NULL: not mapped */
} vcpus[VCPUS_MAX];

/* Beyond the last one in use. */
static uint32_t n_vcpus;

static uint32_t place_of(int fd)
{
	return (uint32_t)fd & (VCPUS_MAX - 1);
}

static bool is_vcpu(int fd)
{
	return fd >= 0 && vcpus[place_of(fd)].fd == fd + 1;
}

/* A child by vfork() closes descriptors of its own, but this memory is its parent's. */
static bool is_own_memory(void)
{
	return !shim_tls.vforked;
}

static void made(int fd)
{
	uint32_t i = place_of(fd);

	if (vcpus[i].fd && vcpus[i].fd != fd + 1)
		return;
	vcpus[i].run = NULL;
	vcpus[i].fd = fd + 1;
	if (n_vcpus <= i)
		n_vcpus = i + 1;
}

static void forget(int fd)
{
	if (shim_unlikely(is_vcpu(fd)) && is_own_memory()) {
		vcpus[place_of(fd)].run = NULL;
		vcpus[place_of(fd)].fd = 0;
	}
}

static void forget_from(unsigned first, unsigned last)
{
	for (uint32_t i = 0; i < n_vcpus; i++)
		if (vcpus[i].fd && (unsigned)vcpus[i].fd - 1 >= first &&
		    (unsigned)vcpus[i].fd - 1 <= last)
			forget(vcpus[i].fd - 1);
}

/* Whatever was mapped there is no more. */
static void forget_memory(const void *memory, size_t size)
{
	uint64_t from = (uint64_t)memory, to = from + size;

	for (uint32_t i = 0; i < n_vcpus; i++) {
		uint64_t run = (uint64_t)vcpus[i].run;

		if (run && run < to && run + sizeof(*vcpus[i].run) > from && is_own_memory())
			vcpus[i].run = NULL;
	}
}

static void remember_memory(int fd, const void *memory, size_t size, int protection, off_t offset)
{
	if (shim_unlikely(is_vcpu(fd)) && memory != MAP_FAILED && offset == 0 &&
	    size >= sizeof(struct kvm_run) && protection & PROT_READ)
		vcpus[place_of(fd)].run = memory;
}

static void become_vcpu(struct shim_thread *t)
{
	struct dw_rec_thread *record = dw_writer_record(&shim->writer, t->record);

	dw_slot_ask(t->thread.slot);
	record->flags |= DW_THREAD_VCPU;
}

/* The exit belongs to the activity that it has begun. */
static void note_exit(struct shim_thread *t, int fd)
{
	const struct kvm_run *run = is_vcpu(fd) ? vcpus[place_of(fd)].run : NULL;

	if (!run)
		return;
	t->exit = run->exit_reason + 1;
	if (run->exit_reason == KVM_EXIT_MMIO)
		t->exit_address = run->mmio.phys_addr;
	else if (run->exit_reason == KVM_EXIT_IO)
		t->exit_address = run->io.port;
}

static int run_holding(int fd, void *argument, uint64_t caller)
{
	dw_cleanup(shim_left) struct shim_wait under_way;

	shim_enter(&under_way, shim_call_number("KVM_RUN"), 0, 0, caller);
	return shim_real.ioctl(fd, KVM_RUN, argument);
}

/* Its stack frame is that of each vCPU's innermost call, so it is not inlined. */
static __attribute__((noinline)) int run_guest(int fd, void *argument, uint64_t caller)
{
	struct shim_thread *t = shim_tracked(caller);
	int r, error;

	if (!t)
		return shim_real.ioctl(fd, KVM_RUN, argument);
	become_vcpu(t);
	if (shim_unlikely(shim_must_tell(t, 0)))
		r = run_holding(fd, argument, caller);
	else
		r = shim_real.ioctl(fd, KVM_RUN, argument);
	error = errno;
	if (t == shim_self && t->thread.open) {
		shim_back(t, caller, /* from_guest= */ true);
		if (r == 0 || error == EINTR)
			note_exit(t, fd);
	}
	errno = error;
	return r;
}

static __attribute__((noinline)) int ioctl_holding(int fd, unsigned long request, void *argument,
						   uint64_t caller)
{
	dw_cleanup(shim_left) struct shim_wait under_way;

	shim_enter(&under_way, shim_call_number("ioctl"), 0, 0, caller);
	return shim_real.ioctl(fd, request, argument);
}

SHIM int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	int r;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (request == KVM_RUN)
		return run_guest(fd, argument, SHIM_CALLER);
	if (shim_unlikely(shim_must_tell(shim_self, 0)))
		r = ioctl_holding(fd, request, argument, SHIM_CALLER);
	else
		r = shim_real.ioctl(fd, request, argument);
	if (shim_unlikely(request == KVM_CREATE_VCPU && r >= 0))
		made(r);
	return r;
}

/* As fcntl(): the header gives it another name. */
__attribute__((used)) void *shim_mmap(void *address, size_t size, int protection, int flags, int fd,
				      off_t offset);
void *shim_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *memory = shim_real.mmap(address, size, protection, flags, fd, offset);

	if (shim_unlikely(flags & MAP_FIXED && memory != MAP_FAILED))
		forget_memory(memory, size);
	remember_memory(fd, memory, size, protection, offset);
	return memory;
}

SHIM_ALIAS(mmap, shim_mmap);
SHIM_ALIAS(mmap64, shim_mmap);

SHIM int munmap(void *memory, size_t size)
{
	forget_memory(memory, size);
	return shim_real.munmap(memory, size);
}

SHIM int close(int fd)
{
	forget(fd);
	return shim_real.close(fd);
}

SHIM int close_range(unsigned first, unsigned last, int flags)
{
	forget_from(first, last);
	return shim_real.close_range(first, last, flags);
}

SHIM void closefrom(int first)
{
	forget_from(first < 0 ? 0 : (unsigned)first, UINT32_MAX);
	shim_real.closefrom(first);
}

SHIM int dup2(int fd, int to)
{
	if (fd != to)
		forget(to);
	return shim_real.dup2(fd, to);
}

SHIM int dup3(int fd, int to, int flags)
{
	forget(to);
	return shim_real.dup3(fd, to, flags);
}
