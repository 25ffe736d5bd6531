/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/file.h"

#include "base/error.h"
#include "base/resource.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* For so long another is waited for that writes in the same folder. */
#define LOCK_S 10
#define LOCK_STEP_US 10000

/* Reads @size bytes, or all that there are. Return: 0, or a negative errno. */
static int read_whole(int fd, char *to, size_t size, size_t *ret_n)
{
	struct pollfd waits = {.fd = fd, .events = POLLIN};

	*ret_n = 0;
	while (*ret_n < size) {
		ssize_t n = read(fd, to + *ret_n, size - *ret_n);

		if (n == 0)
			break;
		if (n > 0)
			*ret_n += (size_t)n;
		else if (errno == EAGAIN)
			poll(&waits, 1, -1);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static bool is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

int dw_file_read(const char *path, size_t size_max, char **ret, size_t *ret_size)
{
	/* To open a pipe that nobody writes into would wait for somebody who does. */
	dw_auto_fd fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	dw_auto_text text = NULL;
	size_t n = 0, more, room = 0;
	int r;

	if (fd < 0)
		return -errno;
	do {
		char *larger;

		room = room ? 2 * room : 4096;
		larger = realloc(text, room + 1);
		if (!larger)
			return dw_raise(-ENOMEM);
		text = larger;
		r = read_whole(fd, text + n, room - n, &more);
		if (r < 0)
			return r;
		n += more;
	} while (n == room && n <= size_max);
	if (n > size_max)
		return -EFBIG;
	if (n == 0 && is_pipe(fd))
		return -ENODATA;
	text[n] = '\0';
	*ret_size = n;
	*ret = dw_take(text);
	return 0;
}

const char *dw_file_reason(int r)
{
	if (r == -ENODATA)
		return "it is a pipe, and nobody writes to it";
	if (r == -ENXIO)
		return "it is a pipe, and nobody reads from it";
	if (r == -EWOULDBLOCK)
		return "another process has locked its folder";
	return strerror(-r);
}

static int open_folder_of(const char *path)
{
	dw_auto_text real = realpath(path, NULL);

	if (!real)
		real = strdup(path);
	return real ? open(dirname(real), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

int dw_file_lock(const char *path, int *ret_fd)
{
	dw_auto_fd fd = open_folder_of(path);

	for (int i = 0; fd >= 0 && i < LOCK_S * (1000000 / LOCK_STEP_US); i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
			*ret_fd = fd;
			fd = -1;
			return 0;
		}
		usleep(LOCK_STEP_US);
	}
	return fd < 0 ? 0 : -EWOULDBLOCK;
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

/* A device, or a pipe: to open one that nobody reads from would wait for somebody who does. */
static FILE *open_special(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *out = NULL;

	if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) == 0)
		out = fdopen(fd, "w");
	if (fd >= 0 && !out)
		close(fd);
	return out;
}

int dw_file_check(const char *path)
{
	dw_auto_text copy = strdup(path);
	struct stat st;

	if (!copy)
		return dw_raise(-ENOMEM);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : 0;
	return access(dirname(copy), W_OK) < 0 ? -errno : 0;
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
		file.out = open_special(path);
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
