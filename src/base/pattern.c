/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/pattern.h"

#include <stddef.h>
#include <string.h>

/* Where a `*` was met last, and how far it reaches: a longer reach is tried when the rest fails. */
bool dw_pattern_is_match(const char *pattern, const char *name)
{
	const char *star = NULL, *reach = name;

	while (name && *name) {
		if (*pattern == '*') {
			star = pattern++;
			reach = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++reach;
		} else {
			return false;
		}
	}
	return name && pattern[strspn(pattern, "*")] == '\0';
}
