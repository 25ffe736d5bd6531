/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Much contention for two locks, always in one order: silent, however heavy. */
#include "../case.h"

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long exits;

#define N_VCPUS 8
#define N_EXITS 5000

CASE_FN void device_write(void)
{
	pthread_mutex_lock(&device_lock);
	exits++;
	pthread_mutex_unlock(&device_lock);
}

CASE_FN void handle_exit(void)
{
	pthread_mutex_lock(&bql);
	device_write();
	pthread_mutex_unlock(&bql);
}

static void *vcpu_thread(void *arg)
{
	case_name("CPU/TCG");
	for (unsigned i = 0; i < N_EXITS; i++)
		handle_exit();
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t vcpus[N_VCPUS];

	case_begin(argc, argv);
	for (unsigned i = 0; i < N_VCPUS; i++)
		vcpus[i] = case_start(vcpu_thread, NULL);
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i]);
	return exits == (unsigned long)N_VCPUS * N_EXITS ? 0 : 1;
}
