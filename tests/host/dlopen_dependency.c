/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the loaded libraries depend on; they define the same function. */
#include "dlopen_plugin.h"

int plugin_depth(void)
{
	return 41;
}
