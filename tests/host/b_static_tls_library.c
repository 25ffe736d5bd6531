// SPDX-License-Identifier: GPL-2.0-or-later
/* SIZE bytes of initial-exec thread-local memory: a library made for being linked, not loaded. */
#include <string.h>

__attribute__((visibility("default"))) int static_tls_count(void);

static __thread __attribute__((tls_model("initial-exec"))) struct {
	int count;
	char memory[SIZE - sizeof(int)];
} own;

int static_tls_count(void)
{
	memset(own.memory, own.count + 1, sizeof(own.memory));
	return ++own.count;
}
