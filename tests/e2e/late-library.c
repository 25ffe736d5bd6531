// SPDX-License-Identifier: GPL-2.0-or-later
/* A library that late.c loads. */
#include <unistd.h>

__attribute__((visibility("default"))) void late_call(void);

void late_call(void)
{
	usleep(30000);
	__asm__ volatile("");
}
