/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the libraries have that the dlopen programs load. */
#pragma once

extern int plugin_used; /* times that the lock was taken in this life of the library */

int plugin_depth(void);
const char *plugin_caller(void);
int plugin_finds(const char *name);
void plugin_lock_around(void (*call)(void *argument), void *argument);
