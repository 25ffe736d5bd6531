/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/file.h"

#include "base/error.h"
#include "base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dw_file_read(const char *path, size_t size_max, char **ret, size_t *ret_size)
{
	dw_auto_stream file = fopen(path, "re");
	dw_auto_text text = NULL;
	size_t n = 0, room = 0;

	if (!file)
		return -errno;
	do {
		char *larger;

		room = room ? 2 * room : 4096;
		larger = realloc(text, room + 1);
		if (!larger)
			return dw_raise(-ENOMEM);
		text = larger;
		errno = 0;
		n += fread(text + n, 1, room - n, file);
		if (ferror(file))
			return errno ? -errno : -EIO;
	} while (n == room && n <= size_max);
	if (n > size_max)
		return -EFBIG;
	text[n] = '\0';
	*ret_size = n;
	*ret = dw_take(text);
	return 0;
}

/* A file that is new gets what the user's umask leaves, any other keeps what it has. */
static mode_t mode_of(const struct stat *before)
{
	mode_t mask;

	if (before)
		return before->st_mode & 07777;
	mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

static int begin_beside(struct dw_file *file, const struct stat *before)
{
	int fd;

	if (asprintf(&file->temporary, "%s.XXXXXX", file->path) < 0) {
		file->temporary = NULL;
		return dw_raise(-ENOMEM);
	}
	fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd < 0) {
		free(file->temporary);
		file->temporary = NULL;
		return -errno;
	}
	file->out = fchmod(fd, mode_of(before)) < 0 ? NULL : fdopen(fd, "w");
	if (!file->out) {
		close(fd);
		return -errno;
	}
	return 0;
}

int dw_file_begin(struct dw_file *ret, const char *path)
{
	dw_cleanup(dw_file_done) struct dw_file file = {0};
	struct stat st;
	bool exists = stat(path, &st) == 0;
	int r = 0;

	file.path = exists ? realpath(path, NULL) : strdup(path);
	if (!file.path)
		return dw_raise(-ENOMEM);
	if (!exists || S_ISREG(st.st_mode))
		r = begin_beside(&file, exists ? &st : NULL);
	else
		file.out = fopen(path, "we");
	if (r < 0)
		return r;
	if (!file.out)
		return -errno;
	*ret = file;
	file = (struct dw_file){0};
	return 0;
}

int dw_file_end(struct dw_file *file)
{
	FILE *out = dw_take(file->out);

	errno = 0;
	if (ferror(out)) {
		fclose(out);
		return -EIO;
	}
	if (fclose(out) != 0)
		return errno ? -errno : -EIO;
	if (file->temporary && rename(file->temporary, file->path) < 0)
		return -errno;
	free(dw_take(file->temporary));
	return 0;
}

void dw_file_done(struct dw_file *file)
{
	if (file->out)
		fclose(file->out);
	if (file->temporary)
		unlink(file->temporary);
	free(file->temporary);
	free(file->path);
	*file = (struct dw_file){0};
}
