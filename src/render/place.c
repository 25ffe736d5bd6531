/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/place.h"

#include "base/arena.h"
#include "render/escape.h"
#include "render/say.h"
#include "render/words.h"
#include "symbol/names.h"

#include <inttypes.h>
#include <string.h>

/* Characters that a path in a URI may have as they are. */
#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/+@,="

static const char *encode(struct dw_telling *telling, const char *prefix, const char *path)
{
	const char *valid = dw_escape_utf8(telling->arena, path);
	struct dw_pieces pieces;

	if (!valid) {
		telling->full = true;
		return "?";
	}
	dw_tell_pieces(&pieces);
	dw_tell_piece(&pieces, "%s", prefix);
	for (; *valid; valid++)
		dw_tell_piece(&pieces, strchr(PLAIN, *valid) ? "%c" : "%%%02X",
			      (unsigned char)*valid);
	return dw_tell_whole(telling, &pieces);
}

/* The part of @path below @root; NULL: it is elsewhere. */
static const char *below(const char *path, const char *root)
{
	size_t n = root ? strlen(root) : 0;

	while (n && root[n - 1] == '/')
		n--;
	if (n && strncmp(path, root, n) == 0 && path[n] == '/')
		return path + n + 1;
	return NULL;
}

/* Compilers are run in a build's folder below the root, and name files from there. */
static const char *without_ups(const char *path)
{
	for (;;) {
		if (strncmp(path, "../", 3) == 0)
			path += 3;
		else if (strncmp(path, "./", 2) == 0)
			path += 2;
		else
			return path;
	}
}

static struct dw_place_shown shown(struct dw_telling *telling, const char *path, bool below_root,
				   uint32_t line)
{
	return (struct dw_place_shown){
	    .path = dw_tell_name(telling, path),
	    .uri = encode(telling, below_root ? "" : "file://", path),
	    .below_root = below_root,
	    .line = line,
	};
}

struct dw_place_shown dw_place_of_frame(struct dw_telling *telling, const struct dw_frame *frame,
					const char *source_root)
{
	const char *file = frame ? frame->file : NULL, *inside;

	if (!file && (!frame || !frame->module))
		return (struct dw_place_shown){0};
	if (!file)
		return shown(telling, frame->module, true, 0);
	if (file[0] != '/')
		return shown(telling, without_ups(file), true, frame->line);
	inside = below(file, source_root);
	return shown(telling, inside ? inside : file, inside, frame->line);
}

/* The site, or, where its line is not known, the next frame outward whose line is. */
static const struct dw_frame *frame_of(const struct dw_named_stack *stack)
{
	const struct dw_frame *site = NULL;

	for (uint32_t i = stack ? stack->site : 0; stack && i < stack->n_frames; i++) {
		const struct dw_frame *frame = &stack->frames[i];

		site = site ? site : frame;
		if (frame->file && frame->line && !(frame->flags & DW_FRAME_RUNTIME))
			return frame;
	}
	return site;
}

static uint32_t say(struct dw_telling *telling, const struct dw_finding *finding, uint32_t leg,
		    struct dw_saying ret[DW_SAYINGS_MAX])
{
	if (finding->verdict == DW_MISUSE)
		return dw_say_misuse(telling, &telling->process->facts->misuses[finding->misuse],
				     ret);
	return dw_say_leg(telling, finding, leg, ret);
}

static uint32_t legs_of(const struct dw_finding *finding)
{
	return finding->verdict == DW_MISUSE ? 1 : finding->n_legs;
}

const struct dw_frame *dw_place_of_finding(struct dw_telling *telling,
					   const struct dw_finding *finding)
{
	const struct dw_frame *frame = NULL;
	struct dw_saying sayings[DW_SAYINGS_MAX];

	for (uint32_t leg = 0; leg < legs_of(finding) && !frame; leg++) {
		uint32_t n = say(telling, finding, leg, sayings);

		/* Of a misuse the first is what was done; of a leg the second is what it needs. */
		frame = frame_of(sayings[n > 1 && finding->verdict != DW_MISUSE].stack);
		for (uint32_t i = 0; i < n && !frame; i++)
			frame = frame_of(sayings[i].stack);
	}
	return frame;
}

const char *dw_place_summary(struct dw_telling *telling, const struct dw_finding *finding)
{
	struct dw_saying sayings[DW_SAYINGS_MAX];
	struct dw_pieces pieces;

	dw_tell_pieces(&pieces);
	dw_tell_piece(&pieces, "%s: %s", dw_say_verdict(telling, finding),
		      dw_say_chain(telling, finding));
	for (uint32_t leg = 0; leg < legs_of(finding); leg++) {
		uint32_t n = say(telling, finding, leg, sayings);

		for (uint32_t i = 0; i < n; i++) {
			const struct dw_frame *frame = frame_of(sayings[i].stack);
			const char *line = frame ? dw_tell_line(telling, frame) : "";

			dw_tell_piece(&pieces, "\n%s", sayings[i].text);
			if (frame)
				dw_tell_piece(&pieces, " %s%s%s", dw_tell_function(telling, frame),
					      line[0] ? ", " : "", line);
		}
	}
	return dw_tell_whole(telling, &pieces);
}

bool dw_place_is_shown(const struct dw_reported *reported, const struct dw_render_options *options)
{
	return !reported->finding->excuse || options->all;
}

const char *dw_place_unread(char ret[DW_PLACE_UNREAD_SIZE], const struct dw_gated *gate)
{
	snprintf(ret, DW_PLACE_UNREAD_SIZE, "%zu recording%s could not be read", gate->n_unread,
		 dw_words_plural(gate->n_unread));
	return ret;
}

const char *dw_place_level(const struct dw_reported *reported)
{
	if (reported->finding->excuse || reported->standing == DW_STANDING_LISTED ||
	    reported->finding->verdict == DW_HAZARD)
		return reported->standing == DW_STANDING_NEW ? "warning" : "note";
	return "error";
}
