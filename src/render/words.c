/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/words.h"

#include "model/event.h"
#include "model/facts.h"

#include <stddef.h>

const char *dw_words_misuse(unsigned misuse)
{
	switch (misuse) {
#define X(name, value, text) \
	case name:           \
		return text;
		DW_MISUSES(X)
#undef X
	default:
		return "?";
	}
}

/* Without a default: a new kind of misuse must find its words here. */
struct dw_words_deed dw_words_deed(unsigned misuse)
{
	switch ((enum dw_misuse_kind)misuse) {
	case DW_MISUSE_UNLOCK:
		return (struct dw_words_deed){"unlocks", ", which it does not hold"};
	case DW_MISUSE_RELOCK:
		return (struct dw_words_deed){"waits for", ", which it holds itself"};
	case DW_MISUSE_DESTROY:
		return (struct dw_words_deed){"destroys", ", which is held"};
	case DW_MISUSE_FREE:
		return (struct dw_words_deed){"frees the memory of", ", which is held"};
	case DW_MISUSE_EXIT:
		return (struct dw_words_deed){"ends holding", ""};
	case DW_MISUSE_PARK:
		return (struct dw_words_deed){"waits on a condition with",
					      ", which it does not hold"};
	case DW_MISUSE_PARK_TWICE:
		return (struct dw_words_deed){"waits on a condition with",
					      ", which it has taken more than once"};
	}
	return (struct dw_words_deed){"misuses", ""}; /* of a later version */
}

/* What changes whether the lock can block; that it may be taken again does not. */
const char *dw_words_how(unsigned how)
{
	if (how & DW_TRY)
		return how & DW_SHARED ? " (for reading, trylock)" : " (trylock)";
	if (how & DW_TIMED)
		return how & DW_SHARED ? " (for reading, timed)" : " (timed)";
	return how & DW_SHARED ? " (for reading)" : "";
}

const char *dw_words_loss(unsigned loss)
{
	static const char *const words[DW_LOSS_MAX] = {
#define X(name, value, text, sentence) [value] = text,
	    DW_LOSSES(X)
#undef X
	};

	return loss < DW_LOSS_MAX ? words[loss] : NULL;
}
