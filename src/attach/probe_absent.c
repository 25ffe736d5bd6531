/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Of a build without libbpf: there is no probe, and so nobody has one. */
#include "attach/probe.h"

#include <errno.h>

int dw_probe_new(struct dw_probe **ret, const struct dw_probe_options *options)
{
	(void)ret, (void)options;
	return DW_PROBE_NOT_BUILT;
}

struct dw_probe *dw_probe_free(struct dw_probe *probe)
{
	(void)probe;
	return NULL;
}

int dw_probe_add(struct dw_probe *probe, pid_t pid, const uint64_t only_locks[DW_WIRE_ONLY_MAX])
{
	(void)probe, (void)pid, (void)only_locks;
	return -ENOSYS;
}

void dw_probe_unlink(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX])
{
	(void)probe, (void)pid, (void)ret;
}

void dw_probe_remove(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX])
{
	(void)probe, (void)pid, (void)ret;
}

int dw_probe_file(struct dw_probe *probe, pid_t pid, const char *path,
		  const struct dw_finder *finder)
{
	(void)probe, (void)pid, (void)path, (void)finder;
	return -ENOSYS;
}

int dw_probe_poll(struct dw_probe *probe, int timeout_ms)
{
	(void)probe, (void)timeout_ms;
	return -ENOSYS;
}

bool dw_probe_state(struct dw_probe *probe, pid_t tid, struct dw_wire_thread *ret)
{
	(void)probe, (void)tid, (void)ret;
	return false;
}

void dw_probe_watch(struct dw_probe *probe, pid_t pid, const struct dw_probe_thread *thread,
		    bool watched)
{
	(void)probe, (void)pid, (void)thread, (void)watched;
}

void dw_probe_learn(struct dw_probe *probe, const struct dw_wire_place *place, uint32_t distance)
{
	(void)probe, (void)place, (void)distance;
}

bool dw_probe_waits(struct dw_probe *probe, uint64_t key, struct dw_wire_waits *ret)
{
	(void)probe, (void)key, (void)ret;
	return false;
}

uint64_t dw_probe_loss(const struct dw_probe *probe, enum dw_wire_loss loss)
{
	(void)probe, (void)loss;
	return 0;
}

uint64_t dw_probe_n_events(const struct dw_probe *probe)
{
	(void)probe;
	return 0;
}
