/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The callback of a sound library.
 *
 * The main thread asks the library for a property with the core's mutex held; the
 * library takes its HALB_Mutex for it, and holds that as well when its own thread calls
 * back, which takes the core's mutex. Fixed, the main thread asks without the mutex.
 */
#include "coreaudio.h"

#include "../case.h"

static pthread_mutex_t core_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned frames, buffer_frames;

CASE_FN void audioDeviceIOProc(void)
{
	case_meet(2);
	pthread_mutex_lock(&core_mutex);
	frames++;
	pthread_mutex_unlock(&core_mutex);
}

static void *io_thread(void *arg)
{
	case_name("HALB_IOThread");
	case_turn(0);
	HALC_ProxyIOContext_IOWorkLoop(audioDeviceIOProc);
	case_turn_over(0);
	return arg;
}

CASE_FN void update_device_playback_state(void)
{
	buffer_frames = AudioObjectGetPropertyData();
}

CASE_FN void coreaudio_enable_out(void)
{
	if (case_is("fixed"))
		update_device_playback_state();
	pthread_mutex_lock(&core_mutex);
	case_meet(2);
	if (!case_is("fixed"))
		update_device_playback_state();
	pthread_mutex_unlock(&core_mutex);
}

int main(int argc, char **argv)
{
	pthread_t io;

	case_begin(argc, argv);
	io = case_start(io_thread, NULL);
	case_turn(1);
	coreaudio_enable_out();
	case_join(io);
	return buffer_frames == 512 ? 0 : 1;
}
