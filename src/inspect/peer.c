/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/peer.h"

#include "base/error.h"
#include "base/resource.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the kernel says of one socket is a tenth of this. */
#define ANSWER_SIZE 4096

/* An end as links in /proc call it, "socket:[123]", and the mode that its descriptor has, if any.
 */
struct end {
	char link[40];
	mode_t mode; /* one of it is wanted: S_IRUSR, S_IWUSR; 0: any will do */
};

static int link_of(pid_t pid, int fd, char ret[sizeof(((struct end *)0)->link)])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, ret, sizeof(((struct end *)0)->link) - 1);
	if (n < 0)
		return dw_raise(-errno);
	ret[n] = '\0';
	return 0;
}

static int ask(int fd, uint32_t inode)
{
	struct {
		struct nlmsghdr head;
		struct unix_diag_req body;
	} request = {
	    .head = {.nlmsg_len = sizeof(request),
		     .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		     .nlmsg_flags = NLM_F_REQUEST},
	    .body = {.sdiag_family = AF_UNIX,
		     .udiag_states = UINT32_MAX,
		     .udiag_ino = inode,
		     .udiag_show = UDIAG_SHOW_PEER,
		     .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
	};

	return send(fd, &request, sizeof(request), 0) == sizeof(request) ? 0 : dw_raise(-errno);
}

/* The peer in the kernel's answer of @n bytes; 0: there is none, or no such socket. */
static uint32_t peer_in(const struct nlmsghdr *answer, size_t n)
{
	const struct unix_diag_msg *message = NLMSG_DATA(answer);
	const struct rtattr *attribute = (const void *)(message + 1);
	int left;

	if (!NLMSG_OK(answer, n) || answer->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    answer->nlmsg_len < NLMSG_LENGTH(sizeof(*message)))
		return 0;
	left = (int)(answer->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));
	for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
		if (attribute->rta_type == UNIX_DIAG_PEER &&
		    RTA_PAYLOAD(attribute) >= sizeof(uint32_t))
			return *(const uint32_t *)RTA_DATA(attribute);
	return 0;
}

/* The inode of what the local socket @inode is connected to. Return: 0, with 0 for none, or error.
 */
static int find_socket(uint32_t inode, uint32_t *ret)
{
	dw_auto_fd fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	union {
		struct nlmsghdr head;
		char bytes[ANSWER_SIZE];
	} answer;
	ssize_t n;
	int r;

	if (fd < 0)
		return dw_raise(-errno);
	r = ask(fd, inode);
	if (r < 0)
		return dw_pass(r);
	/* The answer is there when the question has been put. */
	n = recv(fd, &answer, sizeof(answer), MSG_DONTWAIT);
	if (n < 0)
		return dw_raise(-errno);
	*ret = peer_in(&answer.head, (size_t)n);
	return 0;
}

/* Who reads from a pipe waits for who writes to it, and the other way round. */
static mode_t other_mode(pid_t pid, int fd)
{
	char path[64];
	struct stat status;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	if (lstat(path, &status) < 0)
		return 0;
	return status.st_mode & S_IRUSR ? S_IWUSR : S_IRUSR;
}

/* Return: 1 with the other end of descriptor @fd, 0 if it is nothing that has one, or an error. */
static int other_end(pid_t pid, int fd, struct end *ret)
{
	uint32_t inode, peer = 0;
	int r = link_of(pid, fd, ret->link);

	if (r < 0)
		return dw_pass(r);
	ret->mode = 0;
	if (sscanf(ret->link, "pipe:[%" SCNu32 "]", &inode) == 1) {
		ret->mode = other_mode(pid, fd);
		return ret->mode != 0;
	}
	if (sscanf(ret->link, "socket:[%" SCNu32 "]", &inode) != 1)
		return 0;
	r = find_socket(inode, &peer);
	if (r < 0)
		return dw_pass(r);
	snprintf(ret->link, sizeof(ret->link), "socket:[%" PRIu32 "]", peer);
	return peer != 0;
}

static bool is_end(int folder, const char *name, const struct end *end)
{
	char link[sizeof(end->link)];
	ssize_t n = readlinkat(folder, name, link, sizeof(link) - 1);
	struct stat status;

	if (n < 0)
		return false;
	link[n] = '\0';
	if (strcmp(link, end->link) != 0)
		return false;
	return !end->mode || (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
			      status.st_mode & end->mode);
}

static bool has_open(pid_t pid, const struct end *end)
{
	dw_auto_folder folder = NULL;
	const struct dirent *entry;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	folder = opendir(path);
	while (folder && (entry = readdir(folder)))
		if (is_end(dirfd(folder), entry->d_name, end))
			return true;
	return false;
}

/* The process that has @end open, and is not @pid; 0: none that is known. */
static pid_t find_other(pid_t pid, const struct end *end)
{
	dw_auto_folder folder = opendir("/proc");
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		pid_t other = (pid_t)strtol(entry->d_name, NULL, 10);

		if (other > 0 && other != pid && has_open(other, end))
			return other;
	}
	return 0;
}

int dw_peer_find(pid_t pid, pid_t tid, struct dw_peer *ret)
{
	struct dw_peer peer = {0};
	struct end end;
	int fd = dw_task_file(pid, tid), r;

	if (fd < 0)
		return 0;
	r = other_end(pid, fd, &end);
	if (r <= 0)
		return r < 0 ? dw_pass(r) : 0;
	peer.pid = find_other(pid, &end);
	if (!peer.pid && has_open(pid, &end))
		peer.pid = pid;
	if (!peer.pid || dw_task_name(peer.pid, peer.pid, peer.name) < 0)
		return 0;
	*ret = peer;
	return 1;
}
