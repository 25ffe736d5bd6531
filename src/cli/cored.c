/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/cored.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *why_not(enum dw_core_answer answer)
{
	switch (answer) {
	case DW_CORE_NO_CORE:
		return "it is no core file; 'deadwatch report' reads recordings, and to look into "
		       "a process, name its number";
	case DW_CORE_COMPRESSED:
		return "it is compressed: decompress it first (coredumpctl dump does)";
	case DW_CORE_FOREIGN:
		return "it is of another kind of processor than x86-64";
	case DW_CORE_NO_THREADS:
		return "it ends before it tells of any thread: it was cut off, as by a limit on "
		       "the size of cores or by a full disk";
	}
	return "";
}

void dw_cored_say(const char *path, int answer)
{
	fprintf(stderr, "deadwatch: cannot look into '%s': %s\n", path,
		answer < 0 ? strerror(-answer) : why_not((enum dw_core_answer)answer));
}

int dw_cored_judge(struct dw_blind_list *list, struct dw_arena *arena,
		   const struct dw_process_core_gaps *gaps)
{
	int r = 0;

	if (gaps->core.missing_size > 0)
		r = dw_blind_add(list, arena, "core-cut",
				 "the core was cut off: %" PRIu64 " bytes that it promises are "
				 "missing%s",
				 gaps->core.missing_size,
				 gaps->core.notes_cut ? ", and threads may be" : "");
	if (r == 0 && gaps->core.no_files)
		r = dw_blind_add(list, arena, "core-no-files",
				 "the core does not say which files were mapped: stacks cannot be "
				 "unwound");
	if (r == 0 && gaps->n_files > 0)
		r = dw_blind_add(list, arena, "core-files",
				 "files that ran are not here, or not the same any more: %" PRIu32
				 ", such as '%s'; stacks end there, unless --sysroot says where "
				 "they are",
				 gaps->n_files, gaps->missing_file);
	return r;
}
