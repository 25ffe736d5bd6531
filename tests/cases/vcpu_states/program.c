/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pausing a VM against the MMIO handler of its CPU hotplug controller.
 *
 * The VMM thread kicks each vCPU by a signal and polls its acknowledgement with
 * vcpu_states held; vcpu0 acknowledges only in its loop, and takes vcpu_states when it
 * handles an MMIO exit, before it gets there. KVM_RUN is imitated by a ppoll, which the
 * signal interrupts and which ends by itself when the guest has an MMIO exit.
 *
 * benign and hang: one guard around all of it. published-fix and published-hang: the fix
 * that was published, which takes the guard anew for each vCPU, and still holds it while
 * it waits for that vCPU. fixed: takes a handle under the guard, and waits without it.
 */
#include "../case.h"

#include <poll.h>
#include <signal.h>

#define N_VCPUS 2
#define N_MMIO_EXITS 20 /* that vcpu0 has while the guest boots */
#define ACK_POLL_MS 1
#define POLLS_PER_KICK 10
#define POLLS_MIN 12 /* so long an acknowledgement takes: one kick is repeated */

struct vcpu_state {
	pthread_t handle;
	unsigned run_interrupted; /* the vCPU's acknowledgement */
	unsigned n_polls;         /* that were made for it */
};

static pthread_mutex_t vcpu_states = PTHREAD_MUTEX_INITIALIZER;
static struct vcpu_state states[N_VCPUS];
static unsigned selected_cpu; /* under vcpu_states */
static unsigned n_mmio_exits, pause_signalled, kill_signalled;
static unsigned is_in_mmio, is_waiting; /* how the threads meet in modes that hang */

static void handle_signal(int signal)
{
	(void)signal; /* it is sent to end KVM_RUN */
}

CASE_FN unsigned AcpiCpuHotplugController_read(void)
{
	unsigned selected;

	/* Once before, there was no trouble. */
	if (case_hangs() && case_flag_is_up(&n_mmio_exits)) {
		case_flag_raise(&is_in_mmio);
		case_flag_await(&is_waiting, 1);
	}
	pthread_mutex_lock(&vcpu_states);
	selected = selected_cpu;
	pthread_mutex_unlock(&vcpu_states);
	return selected;
}

CASE_FN unsigned Bus_read(void)
{
	return AcpiCpuHotplugController_read();
}

/* Return: whether the guest has an MMIO exit. */
CASE_FN bool kvm_run(void)
{
	struct timespec until_exit = {.tv_nsec = 1000000};

	return ppoll(NULL, 0, &until_exit, NULL) == 0;
}

CASE_FN void Vcpu_run(unsigned id)
{
	if (!kvm_run() || id != 0 || n_mmio_exits == N_MMIO_EXITS)
		return;
	Bus_read();
	case_flag_raise(&n_mmio_exits);
}

CASE_FN void acknowledge_pause(struct vcpu_state *state)
{
	case_flag_await(&state->n_polls, POLLS_MIN);
	case_flag_raise(&state->run_interrupted);
	while (case_flag_is_up(&pause_signalled) && !case_flag_is_up(&kill_signalled))
		case_sleep_ms(1);
}

static void *vcpu_thread(void *arg)
{
	struct vcpu_state *state = arg;
	unsigned id = state - states;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", id);
	case_name(name);
	while (!case_flag_is_up(&kill_signalled)) {
		Vcpu_run(id);
		if (case_flag_is_up(&pause_signalled))
			acknowledge_pause(state);
	}
	return NULL;
}

CASE_FN void signal_thread(struct vcpu_state *state)
{
	pthread_kill(state->handle, SIGRTMIN);
}

CASE_FN void wait_until_signal_acknowledged(struct vcpu_state *state)
{
	case_flag_raise(&is_waiting);
	do {
		case_sleep_ms(ACK_POLL_MS);
		case_flag_raise(&state->n_polls);
		if (state->n_polls % POLLS_PER_KICK == 0)
			signal_thread(state);
	} while (!case_flag_is_up(&state->run_interrupted));
}

CASE_FN void signal_vcpus_under_one_guard(void)
{
	pthread_mutex_lock(&vcpu_states);
	for (unsigned i = 0; i < N_VCPUS; i++)
		signal_thread(&states[i]);
	for (unsigned i = 0; i < N_VCPUS; i++)
		wait_until_signal_acknowledged(&states[i]);
	pthread_mutex_unlock(&vcpu_states);
}

CASE_FN void signal_vcpu(unsigned id)
{
	pthread_mutex_lock(&vcpu_states);
	signal_thread(&states[id]);
	pthread_mutex_unlock(&vcpu_states);
}

CASE_FN void wait_under_guard(unsigned id)
{
	pthread_mutex_lock(&vcpu_states);
	wait_until_signal_acknowledged(&states[id]);
	pthread_mutex_unlock(&vcpu_states);
}

CASE_FN void wait_without_guard(unsigned id)
{
	struct vcpu_state *state;

	pthread_mutex_lock(&vcpu_states);
	state = &states[id];
	pthread_mutex_unlock(&vcpu_states);
	wait_until_signal_acknowledged(state);
}

CASE_FN void signal_vcpus_one_by_one(void (*wait)(unsigned id))
{
	for (unsigned i = 0; i < N_VCPUS; i++)
		signal_vcpu(i);
	for (unsigned i = 0; i < N_VCPUS; i++)
		wait(i);
}

CASE_FN void signal_vcpus(void)
{
	if (case_is("fixed"))
		signal_vcpus_one_by_one(wait_without_guard);
	else if (strstr(case_mode, "published"))
		signal_vcpus_one_by_one(wait_under_guard);
	else
		signal_vcpus_under_one_guard();
}

CASE_FN void CpuManager_pause(void)
{
	case_flag_raise(&pause_signalled);
	signal_vcpus();
}

CASE_FN void CpuManager_resume(void)
{
	__atomic_store_n(&pause_signalled, 0, __ATOMIC_SEQ_CST);
}

/* Fixed, and in races, the pause may meet the MMIO exits: it comes after the first of them. */
static void await_the_moment(void)
{
	bool may_meet = case_is("fixed") || !case_takes_turns();

	if (case_hangs())
		case_flag_await(&is_in_mmio, 1);
	else
		case_flag_await(&n_mmio_exits, may_meet ? 1 : N_MMIO_EXITS);
	if (!case_takes_turns() && !case_hangs())
		case_sleep_ms(3);
}

static void *vmm_thread(void *arg)
{
	case_name("vmm");
	await_the_moment();
	CpuManager_pause();
	CpuManager_resume();
	return arg;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = handle_signal};
	pthread_t vmm;

	case_begin(argc, argv);
	sigaction(SIGRTMIN, &action, NULL);
	for (unsigned i = 0; i < N_VCPUS; i++)
		states[i].handle = case_start(vcpu_thread, &states[i]);
	vmm = case_start(vmm_thread, NULL);
	case_join(vmm);
	case_flag_raise(&kill_signalled);
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(states[i].handle);
	return 0;
}
