/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is at the other end: the process that could end the call in which a thread reads or writes
 * a local socket or a pipe.
 *
 * Of a socket the kernel says which one it is connected to (sock_diag), of a pipe both ends are one
 * file; who has it open, the folders of descriptors in /proc tell. Processes that may not be looked
 * at are passed over, so nobody found does not mean that there is nobody.
 *
 * Single-threaded.
 */
#pragma once

#include "inspect/task.h"

struct dw_peer {
	pid_t pid;
	char name[DW_TASK_NAME_SIZE]; /* of its main thread */
};

/*
 * The process at the other end of what thread @tid of process @pid is blocked in; that process
 * itself only if no other is.
 *
 * Return: 1; 0 if it is blocked in nothing of the kind, or nobody is found; or a negative errno.
 */
int dw_peer_find(pid_t pid, pid_t tid, struct dw_peer *ret);
