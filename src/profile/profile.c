/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "profile/profile.h"

#include "base/error.h"
#include "base/pattern.h"
#include "profile/builtin.h"

#include <string.h>

size_t dw_profile_n_built_in(void)
{
	return dw_profile_n_texts;
}

int dw_profile_built_in(struct dw_profile **ret, size_t i, struct dw_profile_error *ret_error)
{
	int r = dw_profile_read(ret, dw_profile_texts[i], strlen(dw_profile_texts[i]), ret_error);

	return r < 0 ? dw_pass(r) : r;
}

bool dw_profile_has_match(const struct dw_profile_list *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (dw_pattern_is_match(list->entries[i], name))
			return true;
	return false;
}
