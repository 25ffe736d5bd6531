/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/process.h"

struct dw_process *dw_process_free(struct dw_process *process)
{
	if (process)
		process->kind->free(process);
	return NULL;
}
