/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sound library: its own mutex is held in each call, and while it calls back. */
#include "coreaudio.h"

#include <pthread.h>

static pthread_mutex_t HALB_Mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned latency = 512;

unsigned AudioObjectGetPropertyData(void)
{
	unsigned value;

	pthread_mutex_lock(&HALB_Mutex);
	value = latency;
	pthread_mutex_unlock(&HALB_Mutex);
	return value;
}

void HALC_ProxyIOContext_IOWorkLoop(AudioDeviceIOProc proc)
{
	pthread_mutex_lock(&HALB_Mutex);
	proc();
	pthread_mutex_unlock(&HALB_Mutex);
}
