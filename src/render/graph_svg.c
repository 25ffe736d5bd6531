/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture that needs nothing else: of one process. */
#include "render/grapher.h"
#include "render/markup.h"
#include "render/svg.h"

#include <inttypes.h>

static int write_svg(struct dw_telling *telling, size_t number, bool all)
{
	struct dw_drawing drawing;
	int r = dw_grapher_draw(telling, all, &drawing);

	(void)number;
	if (r < 0)
		return r;
	dw_markup(telling, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	if (drawing.n_things_left_out)
		dw_markup(telling, "<!-- %" PRIu32 " of %" PRIu32 " things are left out -->\n",
			  drawing.n_things_left_out, drawing.n_things);
	return dw_svg_net(telling, &drawing, DW_SVG_ALONE);
}

static int render(FILE *out, const struct dw_report *report,
		  const struct dw_render_options *options)
{
	return dw_grapher_write_all(out, report, options, write_svg);
}

const struct dw_renderer dw_grapher_svg = {.name = "svg", .render = render};
