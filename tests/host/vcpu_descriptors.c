/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest runs, and its vCPU's descriptor and page go the ways of descriptors and pages: closed,
 * made another's, unmapped, given anew. Where there is no KVM, there is nothing to run.
 */
#include "host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define PORT 0x3f8

pthread_mutex_t device = HOST_MUTEX, table = HOST_MUTEX;

/* mov dx, PORT; out dx, al; hlt */
static const unsigned char code[] = {0xba, 0xf8, 0x03, 0xee, 0xf4};

static int kvm, vm;
static int run_size;

static int new_vcpu(unsigned long number)
{
	struct kvm_sregs segments;
	struct kvm_regs registers = {.rflags = 2};
	int vcpu = ioctl(vm, KVM_CREATE_VCPU, number);

	HOST_CHECK(vcpu >= 0 && ioctl(vcpu, KVM_GET_SREGS, &segments) == 0);
	segments.cs.base = segments.cs.selector = 0;
	HOST_CHECK(ioctl(vcpu, KVM_SET_SREGS, &segments) == 0);
	HOST_CHECK(ioctl(vcpu, KVM_SET_REGS, &registers) == 0);
	return vcpu;
}

static struct kvm_run *map(int vcpu)
{
	void *page = mmap(NULL, (size_t)run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

	HOST_CHECK(page != MAP_FAILED);
	return page;
}

static void run(int vcpu, const struct kvm_run *page)
{
	HOST_CHECK(ioctl(vcpu, KVM_RUN, 0) == 0);
	HOST_CHECK(page->exit_reason == KVM_EXIT_IO && page->io.port == PORT);
	host_lock_both(&device, &table);
	HOST_CHECK(ioctl(vcpu, KVM_RUN, 0) == 0);
	HOST_CHECK(page->exit_reason == KVM_EXIT_HLT);
}

/* The guest halts for ever, so each vCPU runs once. */
static void *use_descriptors(void *argument)
{
	int vcpu = new_vcpu(0), other;
	struct kvm_run *page = map(vcpu);

	run(vcpu, page);
	munmap(page, (size_t)run_size);
	close(vcpu);
	HOST_CHECK(open("/dev/zero", O_RDWR) == vcpu); /* the number is another's now */
	HOST_CHECK(ioctl(vcpu, KVM_RUN, 0) < 0 && errno == ENOTTY);
	HOST_CHECK(mmap(NULL, (size_t)run_size, PROT_READ, MAP_PRIVATE, vcpu, 0) != MAP_FAILED);

	other = new_vcpu(1);
	HOST_CHECK(dup2(other, vcpu) == vcpu); /* and now that of a vCPU again */
	page = map(other);
	run(vcpu, page);
	close_range((unsigned)other, (unsigned)other, 0);

	other = new_vcpu(2);
	page = map(other);
	munmap(page, (size_t)run_size);
	HOST_CHECK(ioctl(other, KVM_RUN, 0) == 0); /* its page is there, but not for us */
	host_lock(&device);
	HOST_CHECK(ioctl(other, KVM_RUN, 0) == 0);
	host_unlock(&device);
	return argument;
}

static int run_guests(void)
{
	struct kvm_userspace_memory_region region = {.memory_size = 4096};
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vm < 0 || run_size < 0)
		return 0;
	memcpy(memory, code, sizeof(code));
	region.userspace_addr = (unsigned long)memory;
	HOST_CHECK(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0);
	host_join(host_start(use_descriptors, NULL));
	return 1;
}

int main(void)
{
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	host_lock_both(&device, &table);
	printf("guests: %d\n", kvm >= 0 && run_guests());
	return 0;
}
