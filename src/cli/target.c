/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/target.h"

#include "base/error.h"
#include "base/resource.h"
#include "record/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* How often we look whether a monitor has ended: DW_TARGET_PATIENCE looks are ten seconds. */
#define MONITOR_CHECK_MS 5

struct dw_target {
	char *folder; /* absolute */
	char *name;   /* within the folder */
	char *path;   /* both */
	bool private; /* the folder is ours, and goes with us */
	char **recordings;
	size_t n_recordings;
};

static int refuse(int answer, const char *path, const char *why)
{
	fprintf(stderr, "deadwatch: cannot record to '%s': %s\n", path, why);
	return answer;
}

/*
 * What root starts may become another user, or start a program as one: each makes recordings of its
 * own in here, sees none of the others', and removes none.
 */
#define FOLDER_OF_ROOT (S_ISVTX | S_IRWXU | S_IWGRP | S_IXGRP | S_IWOTH | S_IXOTH)

/* TMPDIR may be relative, and may be a link: the program may run elsewhere. */
static int make_private_folder(struct dw_target *target)
{
	const char *parent = getenv("TMPDIR");
	dw_auto_text folder = NULL;

	if (!parent || !*parent)
		parent = "/tmp";
	if (asprintf(&folder, "%s/deadwatch-XXXXXX", parent) < 0)
		return dw_raise(-ENOMEM);
	if (!mkdtemp(folder))
		return refuse(DW_TARGET_FAILED, folder, strerror(errno));
	if (geteuid() == 0 && chmod(folder, FOLDER_OF_ROOT) < 0)
		return refuse(DW_TARGET_FAILED, folder, strerror(errno));
	target->private = true;
	target->folder = realpath(folder, NULL);
	target->name = strdup("recording");
	return 0;
}

/* Asking for permissions is not enough: a file system may be read-only, or special. */
static bool can_create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return false;
	close(fd);
	return unlink(path) == 0;
}

static int split_wish(struct dw_target *target, const char *wish)
{
	dw_auto_text for_folder = strdup(wish);
	dw_auto_text for_name = strdup(wish);
	struct stat st;

	if (!for_folder || !for_name)
		return dw_raise(-ENOMEM);
	if (!*wish || wish[strlen(wish) - 1] == '/')
		return refuse(DW_TARGET_WRONG, wish, "that is not a file's name");
	if (lstat(wish, &st) == 0)
		return refuse(DW_TARGET_WRONG, wish, "it exists: remove it, or name another file");
	target->folder = realpath(dirname(for_folder), NULL);
	if (!target->folder)
		return refuse(DW_TARGET_FAILED, wish, strerror(errno));
	if (!can_create(wish))
		return refuse(DW_TARGET_FAILED, wish, strerror(errno));
	target->name = strdup(basename(for_name));
	return 0;
}

/* Whether @name is one that a process of this target would give: NAME, or NAME.PID[.N]. */
static bool is_ours(const struct dw_target *target, const char *name)
{
	size_t n = strlen(target->name);

	if (strncmp(name, target->name, n) != 0)
		return false;
	name += n;
	for (int part = 0; part < 2 && *name == '.'; part++) {
		n = strspn(name + 1, "0123456789");
		if (n == 0)
			return false;
		name += 1 + n;
	}
	return *name == '\0';
}

static int add_recording(struct dw_target *target, const char *name)
{
	char **recordings;
	char *path;

	recordings = reallocarray(target->recordings, target->n_recordings + 1, sizeof(char *));
	if (!recordings)
		return dw_raise(-ENOMEM);
	target->recordings = recordings;
	if (asprintf(&path, "%s/%s", target->folder, name) < 0)
		return dw_raise(-ENOMEM);
	recordings[target->n_recordings++] = path;
	return 0;
}

/* In the order of their names, numbers as numbers; so the target's own path comes first. */
static int find_recordings(struct dw_target *target)
{
	struct dirent **entries = NULL;
	int n = scandir(target->folder, &entries, NULL, versionsort);
	int r = 0;

	if (n < 0)
		return dw_raise(-errno);
	for (int i = 0; i < n; i++) {
		if (r == 0 && is_ours(target, entries[i]->d_name))
			r = add_recording(target, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r < 0 ? dw_pass(r) : 0;
}

/* Later, what is found is what this run has made; so nothing must be there now. */
static int check_free(struct dw_target *target)
{
	int r = find_recordings(target);

	if (r < 0)
		return refuse(DW_TARGET_FAILED, target->path, strerror(-r));
	if (target->n_recordings > 0) {
		fprintf(stderr,
			"deadwatch: cannot record to '%s': '%s' exists, and would be taken for a "
			"recording of this run: remove it, or name another file\n",
			target->path, target->recordings[0]);
		return DW_TARGET_WRONG;
	}
	if (strchr(target->path, ':'))
		return refuse(DW_TARGET_WRONG, target->path, "its path must not contain a colon");
	return 0;
}

int dw_target_new(struct dw_target **ret, const char *wish)
{
	dw_auto(target) target = NULL;
	int r;

	target = calloc(1, sizeof(*target));
	if (!target)
		return dw_raise(-ENOMEM);
	r = wish ? split_wish(target, wish) : make_private_folder(target);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	if (!target->folder || !target->name ||
	    asprintf(&target->path, "%s/%s", target->folder, target->name) < 0)
		return dw_raise(-ENOMEM);
	r = check_free(target);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(target);
	return 0;
}

struct dw_target *dw_target_free(struct dw_target *target)
{
	if (!target)
		return NULL;
	for (size_t i = 0; i < target->n_recordings; i++) {
		if (target->private)
			unlink(target->recordings[i]);
		free(target->recordings[i]);
	}
	if (target->private && target->folder && rmdir(target->folder) < 0)
		fprintf(stderr, "deadwatch: cannot remove '%s': %s\n", target->folder,
			strerror(errno));
	free(target->recordings);
	free(target->path);
	free(target->name);
	free(target->folder);
	free(target);
	return NULL;
}

const char *dw_target_path(const struct dw_target *target)
{
	return target->path;
}

/* A process that ended has no program any more, even if nobody has waited for it. */
bool dw_target_has_ended(uint32_t pid)
{
	char link[64], target[1];

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	return readlink(link, target, sizeof(target)) < 0 && errno == ENOENT;
}

static void await_end(uint32_t pid, unsigned *patience)
{
	const struct timespec some_time = {.tv_nsec = MONITOR_CHECK_MS * 1000000};

	for (; *patience && !dw_target_has_ended(pid); --*patience)
		nanosleep(&some_time, NULL);
}

/* The monitor may have the last word, and has the recording mapped, too. */
static void await_monitor(const struct dw_rec_header *header)
{
	unsigned patience = DW_TARGET_PATIENCE;

	if (header->monitor && dw_target_has_ended(header->pid))
		await_end(header->monitor, &patience);
}

/* Return: the descriptor of the file at @path, whose header is in @ret; -1: it has none. */
static int open_header(const char *path, struct dw_rec_header *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && pread(fd, ret, sizeof(*ret), 0) != sizeof(*ret)) {
		close(fd);
		return -1;
	}
	return fd;
}

void dw_target_await_monitor(const char *path, unsigned *patience)
{
	struct dw_rec_header header;
	dw_auto_fd fd = open_header(path, &header);

	if (fd >= 0 && header.magic == DW_REC_MAGIC && header.monitor &&
	    !(header.flags & (DW_REC_WATCHED | DW_REC_OUTSIDE)) &&
	    (header.flags & DW_REC_ENDED || dw_target_has_ended(header.pid)))
		await_end(header.monitor, patience);
}

/*
 * Whether a process may still have the recording mapped: shortening the file would kill it.
 * @lease: F_WRLCK, which nobody else may have it for, or F_RDLCK, which nobody may write it for.
 * Neither look is enough alone. The process's number may be one of another namespace; and
 * overlayfs grants a lease although the file below is mapped.
 */
static bool is_in_use(int fd, int lease, uint32_t pid)
{
	if (fcntl(fd, F_SETLEASE, lease) == 0)
		fcntl(fd, F_SETLEASE, F_UNLCK);
	else if (errno == EAGAIN)
		return true;
	return !dw_target_has_ended(pid);
}

bool dw_target_may_run(const char *path)
{
	struct dw_rec_header header;
	dw_auto_fd fd = open_header(path, &header);

	return fd >= 0 && is_in_use(fd, F_RDLCK, header.pid);
}

bool dw_target_is_deserted(const char *path)
{
	struct dw_rec_header header;
	dw_auto_fd fd = open_header(path, &header);

	return fd >= 0 && (header.flags & (DW_REC_OUTSIDE | DW_REC_WATCHED)) == DW_REC_OUTSIDE &&
	       !is_in_use(fd, F_RDLCK, header.monitor);
}

/* A recording has the length that it may grow to. What it did not use is a hole, but programs
 * that copy files may not know that. */
static void trim(int fd, const char *path)
{
	struct dw_rec_header header;
	struct stat st;

	if (fstat(fd, &st) < 0 || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return;
	if (header.magic != DW_REC_MAGIC || header.used < DW_REC_HEADER_SIZE)
		return;
	if (!(header.flags & DW_REC_OUTSIDE))
		await_monitor(&header);
	if (!(header.flags & DW_REC_OUTSIDE) && is_in_use(fd, F_WRLCK, header.pid)) {
		fprintf(stderr,
			"deadwatch: process %u is still running; this is what it has told so far\n",
			header.pid);
		return;
	}
	if (header.used < (uint64_t)st.st_size && ftruncate(fd, (off_t)header.used) < 0)
		fprintf(stderr, "deadwatch: cannot shorten '%s': %s, going on without\n", path,
			strerror(errno));
}

int dw_target_collect(struct dw_target *target)
{
	int fd, r;

	r = find_recordings(target);
	if (r < 0)
		return dw_pass(r);
	for (size_t i = 0; i < target->n_recordings; i++) {
		fd = open(target->recordings[i], O_RDWR | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			continue; /* the reader will say what is wrong with it */
		trim(fd, target->recordings[i]);
		close(fd);
	}
	return 0;
}

const char *dw_target_recording(const struct dw_target *target, size_t i)
{
	return i < target->n_recordings ? target->recordings[i] : NULL;
}
