/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Variables that clean up after themselves.
 *
 * dw_auto(thing) declares a `struct dw_thing *` that dw_thing_free() is called
 * on when it goes out of scope, unless dw_take() moved it away first. Every
 * half-made object is owned by such a variable, so no function needs a label.
 */
#pragma once

#include <stddef.h>

#define dw_cleanup(function) __attribute__((cleanup(function)))

/* Defines the cleanup function that dw_auto(name) uses; frees NULL harmlessly. */
#define DW_DEFINE_AUTO(name)                                       \
	static inline void dw_##name##_freep(struct dw_##name **p) \
	{                                                          \
		dw_##name##_free(*p);                              \
	}

#define dw_auto(name) dw_cleanup(dw_##name##_freep) struct dw_##name *

/* The value of the pointer variable @p, which is left NULL: ownership moves on. */
#define dw_take(p)                                        \
	({                                                \
		__typeof__(p) *dw_take_from_ = &(p);      \
		__typeof__(p) dw_taken_ = *dw_take_from_; \
		*dw_take_from_ = NULL;                    \
		dw_taken_;                                \
	})
