/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shim's constructor and destructor. Neither is needed for calls to be tracked: those of
 * other constructors may come first, and those of other destructors last.
 */
#include "shim/named.h"
#include "shim/real.h"
#include "shim/sandbox.h"
#include "shim/shim.h"

__attribute__((constructor(101))) static void init(void)
{
	uint32_t open = shim_self->thread.open;

	shim_tls.own_work = true;
	shim_self->thread.open = 0;
	shim_real_resolve();
	shim_memory_init();
	shim_thread_init();
	shim_qemu_init();
	shim_got_scan();
	shim_self->thread.open = open;
	shim_tls.own_work = false;
}

/* A recording without this flag is of a process that was killed, or is still running. */
__attribute__((destructor(101))) static void fini(void)
{
	if (!shim || !shim->state || !shim->writer.header)
		return;
	dw_writer_seen(&shim->writer, shim_now_ns());
	__atomic_fetch_or(&shim->writer.header->flags, DW_REC_ENDED, __ATOMIC_RELAXED);
}
