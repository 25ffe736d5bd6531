/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The BPF programs: loaded, attached, listened to, and taken away again. Nothing in a process is
 * changed but that the kernel traps at the functions that are probed; when the probe is freed, or
 * this process ends however, all is as it was.
 *
 * Single-threaded.
 */
#pragma once

#include "attach/function.h"
#include "attach/wire.h"
#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct dw_probe;

struct dw_probe_options {
	bool every_taking;  /* locks are seen being taken, waited for or not */
	bool is_empty;      /* for measuring: there are the same probes, and they do nothing */
	bool follows;       /* processes that are made are attached to as well */
	uint32_t ring_size; /* bytes for events that wait to be taken; 0: as many as is usual */

	/* mandatory. An event; lives during the call. */
	void (*event)(void *context, const struct dw_wire_event *event);
	void *context;
};

/* Why there is no probe: the positive answers of dw_probe_new(). */
enum dw_probe_answer {
	DW_PROBE_NO_BTF = 1,    /* the kernel does not say how its structures lie */
	DW_PROBE_OLD_KERNEL,    /* it lacks something that the programs need */
	DW_PROBE_NOT_PERMITTED, /* CAP_BPF or CAP_PERFMON is missing */
	DW_PROBE_LOCKDOWN,      /* the kernel lets nobody look into it */
	DW_PROBE_NOT_BUILT,     /* this program was made without */
};

/* Return: 0, a dw_probe_answer, or a negative errno. */
int dw_probe_new(struct dw_probe **ret, const struct dw_probe_options *options);
struct dw_probe *dw_probe_free(struct dw_probe *probe);

/*
 * The threads of process @pid say what they do from now on; @only_locks: see dw_wire_target; NULL:
 * none.
 *
 * Return: 0, or a negative errno.
 */
int dw_probe_add(struct dw_probe *probe, pid_t pid, const uint64_t only_locks[DW_WIRE_ONLY_MAX]);

/* No function of it is probed any more; @ret: what was lost of it so far. */
void dw_probe_unlink(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX]);

/* And they say nothing any more. */
void dw_probe_remove(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX]);

/*
 * Probes the functions of process @pid that are in the file @path, those of @finder (see
 * dw_locate()).
 *
 * Return: how many; or a negative errno.
 */
int dw_probe_file(struct dw_probe *probe, pid_t pid, const char *path,
		  const struct dw_finder *finder);

/*
 * Hands on the events there are, but for no longer than a moment; waits for the first for
 * @timeout_ms. Return: 0; 1 if there are more; or -errno.
 */
int dw_probe_poll(struct dw_probe *probe, int timeout_ms);

/* The state of thread @tid. Return: whether there is one. */
bool dw_probe_state(struct dw_probe *probe, pid_t tid, struct dw_wire_thread *ret);

/* A thread: its number, and that in its own namespace of processes. */
struct dw_probe_thread {
	pid_t tid, inside;
};

/* From now on the calls of thread @thread of process @pid are told, or not. */
void dw_probe_watch(struct dw_probe *probe, pid_t pid, const struct dw_probe_thread *thread,
		    bool watched);

/* At @place, the caller's address lies @distance bytes above the stack pointer. */
void dw_probe_learn(struct dw_probe *probe, const struct dw_wire_place *place, uint32_t distance);

/* What the waits with @key have taken so far. Return: whether that is known. */
bool dw_probe_waits(struct dw_probe *probe, uint64_t key, struct dw_wire_waits *ret);

/* Of all processes together. */
uint64_t dw_probe_loss(const struct dw_probe *probe, enum dw_wire_loss loss);
uint64_t dw_probe_n_events(const struct dw_probe *probe);

DW_DEFINE_AUTO(probe)
