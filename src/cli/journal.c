/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/journal.h"

#include "base/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

/* Where libsystemd sends to. Without it, it says that all is well. */
#define SOCKET "/run/systemd/journal/socket"

typedef int send_entry(const struct iovec *fields, int n);

static send_entry *load(void)
{
	void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	return library ? (send_entry *)dlsym(library, "sd_journal_sendv") : NULL;
}

int dw_journal_send(const struct dw_journal_field *fields, size_t n)
{
	struct iovec parts[DW_JOURNAL_FIELDS_MAX] = {0};
	send_entry *send = load();
	int r = 0;

	if (!send)
		return dw_raise(-ENOSYS);
	if (access(SOCKET, F_OK) != 0)
		return dw_raise(-errno);
	for (size_t i = 0; i < n && r == 0; i++) {
		char *text;
		int size = asprintf(&text, "%s=%s", fields[i].key, fields[i].value);

		if (size < 0)
			r = -ENOMEM;
		else
			parts[i] = (struct iovec){text, (size_t)size};
	}
	if (r == 0)
		r = send(parts, (int)n);
	for (size_t i = 0; i < n; i++)
		free(parts[i].iov_base);
	return r < 0 ? dw_raise(r) : 0;
}
