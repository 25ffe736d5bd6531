/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/arena.h"
#include "base/error.h"
#include "doctor/doctor.h"
#include "render/doctor.h"
#include "render/json_write.h"

#define DOCTOR_SCHEMA "deadwatch-doctor/1" /* docs/doctor.schema.json */

/* Paths on their way into json-c. */
#define MEMORY_MAX ((size_t)1 << 20)

static void add_state(struct dw_json_writer *writer, json *object, unsigned use,
		      enum dw_doctor_state state)
{
	dw_json_text(writer, object, dw_doctor_use_word(use), dw_doctor_state_word(state));
}

static json *row_json(struct dw_json_writer *writer, const struct dw_doctor_row *row)
{
	json *object = json_object_new_object();

	dw_json_text(writer, object, "about", dw_doctor_subject_word(row->subject));
	dw_json_text(writer, object, "what", row->what);
	dw_json_text(writer, object, "state", dw_doctor_state_word(dw_doctor_row_state(row)));
	dw_json_text(writer, object, "seen", row->seen);
	for (unsigned use = 0; use < DW_DOCTOR_USES; use++)
		add_state(writer, object, use, row->states[use]);
	dw_json_text(writer, object, "means", row->means);
	dw_json_text(writer, object, "remedy", row->remedy);
	return object;
}

static json *report_json(struct dw_json_writer *writer, const struct dw_doctor_report *report)
{
	json *object = json_object_new_object(), *works = json_object_new_object();
	json *rows = json_object_new_array();

	dw_json_text(writer, object, "schema", DOCTOR_SCHEMA);
	for (unsigned use = 0; use < DW_DOCTOR_USES; use++)
		add_state(writer, works, use, dw_doctor_use_state(report, use));
	dw_json_add(writer, object, "works", works);
	for (size_t i = 0; i < report->n_rows; i++)
		dw_json_append(writer, rows, row_json(writer, &report->rows[i]));
	dw_json_add(writer, object, "rows", rows);
	return object;
}

int dw_render_doctor_json(FILE *out, const struct dw_doctor_report *report)
{
	dw_auto(arena) arena = NULL;
	dw_auto_json object = NULL;
	struct dw_json_writer writer = {0};
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	writer.arena = arena;
	object = report_json(&writer, report);
	r = dw_json_print(&writer, object, out);
	return r < 0 ? dw_pass(r) : 0;
}
