/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each vCPU thread holds its own vCPU's mutex across KVM_RUN: silent, nobody needs it.
 *
 * KVM_RUN is imitated by a ppoll, which ends by itself when the guest has an exit, and by
 * the VMM's kick when the vCPU shall stop. The VMM holds no lock that a vCPU takes.
 */
#include "../case.h"

#include <poll.h>
#include <signal.h>

#define N_VCPUS 2
#define N_EXITS 10

struct vcpu {
	pthread_mutex_t mutex;
	pthread_t handle;
	unsigned n_exits, is_stopped;
};

static pthread_mutex_t device = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t vm_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vcpu vcpus[N_VCPUS];
static unsigned stop;

static void handle_signal(int signal)
{
	(void)signal; /* it is sent to end KVM_RUN */
}

/* Return: whether the guest has an exit. */
CASE_FN bool kvm_run(void)
{
	struct timespec until_exit = {.tv_nsec = 1000000};

	return ppoll(NULL, 0, &until_exit, NULL) == 0;
}

CASE_FN void mmio_write(void)
{
	pthread_mutex_lock(&device);
	pthread_mutex_unlock(&device);
}

CASE_FN void Vcpu_run(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vcpu->mutex);
	if (kvm_run())
		mmio_write();
	pthread_mutex_unlock(&vcpu->mutex);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *vcpu = arg;

	case_name("vcpu");
	while (!case_flag_is_up(&stop)) {
		Vcpu_run(vcpu);
		case_flag_raise(&vcpu->n_exits);
	}
	case_flag_raise(&vcpu->is_stopped);
	return NULL;
}

CASE_FN void stop_vcpu(struct vcpu *vcpu)
{
	pthread_mutex_lock(&vm_lock);
	while (!case_flag_is_up(&vcpu->is_stopped)) {
		pthread_kill(vcpu->handle, SIGRTMIN);
		case_sleep_ms(1);
	}
	pthread_mutex_unlock(&vm_lock);
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handle_signal};

	case_begin(argc, argv);
	sigaction(SIGRTMIN, &action, NULL);
	for (unsigned i = 0; i < N_VCPUS; i++) {
		pthread_mutex_init(&vcpus[i].mutex, NULL);
		vcpus[i].handle = case_start(vcpu_thread, &vcpus[i]);
	}
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_flag_await(&vcpus[i].n_exits, N_EXITS);
	case_flag_raise(&stop);
	for (unsigned i = 0; i < N_VCPUS; i++)
		stop_vcpu(&vcpus[i]);
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i].handle);
	return 0;
}
