/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CoreFoundation and Metal as the cfrelease case needs them. Any thread may call them.
 *
 * An object has GPU work or it has not. One that has is released only when the GPU has
 * completed that work.
 */
#pragma once

#include <stdbool.h>

#define CF_EXPORT __attribute__((visibility("default")))

struct cf_object;

typedef struct cf_object *CFTypeRef;

/* Before any other call: completions come through a pipe rather than a semaphore. */
CF_EXPORT void MTLDeviceUsePipe(void);

/* Return: an object, or NULL. The heap may keep its caller for a moment. */
CF_EXPORT CFTypeRef MTLHeapNewTexture(void);

/* @object has GPU work from now on. */
CF_EXPORT void MTLCommandBufferCommit(CFTypeRef object);

/* The GPU has completed one object's work. */
CF_EXPORT void MTLSharedEventSignal(void);

CF_EXPORT void CFRelease(CFTypeRef object);
