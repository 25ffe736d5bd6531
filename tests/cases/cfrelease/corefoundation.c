/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "corefoundation.h"

#include <semaphore.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct cf_object {
	bool has_gpu_work;
};

static sem_t gpu_completed;
static int gpu_pipe[2] = {-1, -1};

static __attribute__((constructor)) void MTLCreateSystemDefaultDevice(void)
{
	sem_init(&gpu_completed, 0, 0);
}

void MTLDeviceUsePipe(void)
{
	if (pipe(gpu_pipe) < 0)
		abort();
}

CFTypeRef MTLHeapNewTexture(void)
{
	struct timespec moment = {.tv_nsec = 1000000};

	nanosleep(&moment, NULL);
	return calloc(1, sizeof(struct cf_object));
}

void MTLCommandBufferCommit(CFTypeRef object)
{
	object->has_gpu_work = true;
}

void MTLSharedEventSignal(void)
{
	char done = 1;

	if (gpu_pipe[1] < 0)
		sem_post(&gpu_completed);
	else if (write(gpu_pipe[1], &done, 1) != 1)
		abort();
}

static void wait_until_completed(void)
{
	char done;

	if (gpu_pipe[0] < 0)
		while (sem_wait(&gpu_completed) < 0)
			;
	else
		while (read(gpu_pipe[0], &done, 1) != 1)
			;
}

void CFRelease(CFTypeRef object)
{
	if (object->has_gpu_work)
		wait_until_completed();
	free(object);
}
