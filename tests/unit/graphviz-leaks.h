/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Graphviz keeps to itself for good: no leaks of ours. */
#pragma once

/* LeakSanitizer asks for it by this name. */
const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void)
{
	return "leak:libgvc.so\nleak:libcgraph.so\n";
}
