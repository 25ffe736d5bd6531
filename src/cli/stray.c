/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/stray.h"

#include "base/resource.h"
#include "record/layout.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".rec"

/* Takes .DIGITS off the end of @path. Return: whether there were some. */
static bool cut_number(char *path)
{
	char *dot = strrchr(path, '.');

	if (!dot || !dot[1] || dot[1 + strspn(dot + 1, "0123456789")])
		return false;
	*dot = '\0';
	return true;
}

static bool is_recording(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t magic = 0;
	bool is;

	if (fd < 0)
		return false;
	is = read(fd, &magic, sizeof(magic)) == sizeof(magic) && magic == DW_REC_MAGIC;
	close(fd);
	return is;
}

static bool ends_with_suffix(const char *path)
{
	size_t n = strlen(path);

	return n > strlen(SUFFIX) && !strcmp(path + n - strlen(SUFFIX), SUFFIX);
}

bool dw_stray_has_name(const char *path)
{
	dw_auto_text name = strdup(path);

	if (!name)
		return true;
	if (ends_with_suffix(name))
		return true;
	for (int part = 0; part < 2 && cut_number(name); part++)
		if (ends_with_suffix(name) || is_recording(name))
			return true;
	return false;
}
