/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A sound library as the audio_callback case needs it. Any thread may call it. */
#pragma once

typedef void (*AudioDeviceIOProc)(void);

__attribute__((visibility("default"))) unsigned AudioObjectGetPropertyData(void);

/* One round of the library's own thread: calls @proc. */
__attribute__((visibility("default"))) void HALC_ProxyIOContext_IOWorkLoop(AudioDeviceIOProc proc);
