/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/facts.h"
#include "render/contention.h"
#include "render/json_write.h"
#include "symbol/names.h"

static json *row_json(struct dw_json_writer *writer, const struct dw_contended *row)
{
	struct dw_names *names = writer->process->names;
	json *object = json_object_new_object();
	int part = dw_contended_part(row, writer->process->facts);

	dw_json_text(writer, object, "lock", dw_names_thing(names, row->thing));
	dw_json_text(writer, object, "kind", dw_names_thing_kind(names, row->thing));
	dw_json_frame(writer, object, "site", row->site);
	dw_json_number(writer, object, "waits", row->n_waits);
	dw_json_number(writer, object, "threads", row->n_threads);
	dw_json_number(writer, object, "waited_us", row->waited_ns / 1000);
	dw_json_number(writer, object, "longest_us", row->longest_ns / 1000);
	if (row->held_ns)
		dw_json_number(writer, object, "held_us", row->held_ns / 1000);
	else
		dw_json_null(writer, object, "held_us");
	if (part >= 0 && row->waited_ns)
		dw_json_number(writer, object, "time_percent", (uint64_t)part);
	else
		dw_json_null(writer, object, "time_percent");
	dw_json_text(writer, object, "recording", writer->process->path);
	dw_json_number(writer, object, "pid", writer->process->facts->pid);
	return object;
}

void dw_json_contention(struct dw_json_writer *writer, json *array)
{
	struct dw_contended *rows = NULL;
	size_t n = 0;

	if (dw_contention(writer->process, writer->arena, &rows, &n) < 0)
		writer->failed = true;
	for (size_t i = 0; i < n; i++)
		dw_json_append(writer, array, row_json(writer, &rows[i]));
}
