/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls under the BQL that are over soon, whatever others do: silent.
 *
 * poll0: a ppoll that only looks. poll: one of two milliseconds. disk: a write to a disk
 * image, and an fdatasync. again: polls for seconds, to be stopped in one. Meanwhile vCPUs take the
 * BQL, too.
 */
#include "../case.h"

#include <poll.h>

#define N_VCPUS 2
#define N_ROUNDS 10
#define N_ROUNDS_AGAIN 1500

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static int disk, pipe_fds[2];
static unsigned quit;

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

CASE_FN void qemu_poll_ns(long timeout_ns)
{
	struct pollfd fd = {.fd = pipe_fds[0], .events = POLLIN};
	struct timespec t = {.tv_nsec = timeout_ns};

	CASE_CHECK(ppoll(&fd, 1, &t, NULL) == 0);
}

CASE_FN void raw_co_pwritev(void)
{
	static const char sector[512];

	CASE_CHECK(pwrite(disk, sector, sizeof(sector), 0) == sizeof(sector));
	CASE_CHECK(fdatasync(disk) == 0);
}

CASE_FN void device_work(void)
{
	if (case_is("disk"))
		raw_co_pwritev();
	else
		qemu_poll_ns(case_is("poll0") ? 0 : 2000000);
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	case_name("CPU/TCG");
	while (!case_flag_is_up(&quit)) {
		case_sleep_ms(1);
		bql_lock_impl();
		bql_unlock_impl();
	}
	return arg;
}

static void make_disk(void)
{
	char path[] = "/tmp/deadwatch-case-XXXXXX";

	disk = mkstemp(path);
	CASE_CHECK(disk >= 0);
	unlink(path);
}

int main(int argc, char **argv)
{
	unsigned n_rounds = N_ROUNDS;
	pthread_t vcpus[N_VCPUS];

	case_begin(argc, argv);
	if (case_is("again"))
		n_rounds = N_ROUNDS_AGAIN;
	make_disk();
	CASE_CHECK(pipe(pipe_fds) == 0);
	for (unsigned i = 0; i < N_VCPUS; i++)
		vcpus[i] = case_start(mttcg_cpu_thread_fn, NULL);
	for (unsigned i = 0; i < n_rounds; i++) {
		bql_lock_impl();
		device_work();
		bql_unlock_impl();
		if (!case_is("again"))
			case_sleep_ms(1);
	}
	case_flag_raise(&quit);
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i]);
	return 0;
}
