/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notes of a core file: threads, mapped files, and what the kernel told the program. */
#include "base/arena.h"
#include "base/error.h"
#include "inspect/core_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>

/* Threads that are looked at; the kernel's own limit is 32768 by default. */
#define THREADS_MAX 65536

/* Mappings of files. */
#define FILES_MAX 65536

/* The beginning of NT_FILE: numbers, then for each file three more, then the paths. */
struct file_head {
	uint64_t n, page_size;
};

struct file_entry {
	uint64_t start, end, page;
};

static int add_thread(struct dw_core *core, const void *note, size_t size)
{
	uint32_t room = core->threads_room ? 2 * core->threads_room : 64;
	struct elf_prstatus status;
	void *registers, *grown;

	if (size < sizeof(status) || core->n_threads == THREADS_MAX)
		return 0;
	memcpy(&status, note, sizeof(status));
	if (core->n_threads == core->threads_room) {
		grown = dw_arena_alloc(core->arena, room * sizeof(*core->threads));
		if (!grown)
			return dw_raise(-ENOMEM);
		if (core->n_threads > 0)
			memcpy(grown, core->threads, core->n_threads * sizeof(*core->threads));
		core->threads = grown;
		core->threads_room = room;
	}
	registers = dw_arena_alloc(core->arena, dw_arch_set_size());
	if (!registers)
		return dw_raise(-ENOMEM);
	memcpy(registers, &status.pr_reg, dw_arch_set_size());
	/* Who got the signal comes first. */
	if (core->n_threads == 0)
		core->signal = status.pr_cursig;
	core->threads[core->n_threads++] = (struct dw_core_thread){status.pr_pid, registers};
	return 0;
}

static void note_program(struct dw_core *core, const void *note, size_t size)
{
	struct elf_prpsinfo info;

	if (size < sizeof(info))
		return;
	memcpy(&info, note, sizeof(info));
	core->pid = info.pr_pid;
	memcpy(core->name, info.pr_fname, sizeof(core->name) - 1);
}

/* Pairs of a number and a value. */
static void note_auxiliary(struct dw_core *core, const uint8_t *note, size_t size)
{
	Elf64_auxv_t pair;

	for (size_t at = 0; at + sizeof(pair) <= size; at += sizeof(pair)) {
		memcpy(&pair, note + at, sizeof(pair));
		if (pair.a_type == AT_ENTRY)
			core->entry = pair.a_un.a_val;
		else if (pair.a_type == AT_SYSINFO_EHDR)
			core->vdso = pair.a_un.a_val;
	}
}

static int compare_files(const void *left, const void *right)
{
	const struct dw_core_file *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* Whether a piece of memory of @file may be run. */
static bool is_code(const struct dw_core *core, const struct dw_core_file *file)
{
	uint32_t low = 0, high = core->n_segments;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (core->segments[middle].start < file->start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < core->n_segments && core->segments[low].start < file->end &&
	       core->segments[low].is_code;
}

/* What of the note is there is read; each file's path ends within. */
static int note_files(struct dw_core *core, const uint8_t *note, size_t size)
{
	struct file_head head;
	struct file_entry entry;
	size_t text, end;

	if (size < sizeof(head) || core->n_files > 0)
		return 0;
	memcpy(&head, note, sizeof(head));
	if (head.n > FILES_MAX || head.n > (size - sizeof(head)) / sizeof(entry))
		return 0;
	core->files = dw_arena_alloc(core->arena, (head.n + 1) * sizeof(*core->files));
	if (!core->files)
		return dw_raise(-ENOMEM);
	text = sizeof(head) + head.n * sizeof(entry);
	for (uint64_t i = 0; i < head.n; i++, text = end + 1) {
		struct dw_core_file *file = &core->files[core->n_files];

		end = text + strnlen((const char *)note + text, size - text);
		if (end >= size)
			break;
		memcpy(&entry, note + sizeof(head) + i * sizeof(entry), sizeof(entry));
		file->start = entry.start;
		file->end = entry.end;
		file->offset = entry.page * head.page_size;
		file->path = dw_arena_text(core->arena, (const char *)note + text, end - text);
		if (!file->path)
			return dw_raise(-ENOMEM);
		file->is_code = is_code(core, file);
		core->n_files += entry.start < entry.end;
	}
	qsort(core->files, core->n_files, sizeof(*core->files), compare_files);
	return 0;
}

static int add_note(struct dw_core *core, unsigned type, const uint8_t *note, size_t size)
{
	switch (type) {
	case NT_PRSTATUS:
		return add_thread(core, note, size);
	case NT_FILE:
		return note_files(core, note, size);
	case NT_PRPSINFO:
		note_program(core, note, size);
		return 0;
	case NT_AUXV:
		note_auxiliary(core, note, size);
		return 0;
	default:
		return 0;
	}
}

int dw_core_notes_read(struct dw_core *core, uint64_t offset, uint64_t size)
{
	Elf_Data *data;
	size_t at = 0, name, note;
	GElf_Nhdr header;
	int r = 0;

	data = size ? elf_getdata_rawchunk(core->elf, (int64_t)offset, size, ELF_T_NHDR) : NULL;
	while (r == 0 && data && (at = gelf_getnote(data, at, &header, &name, &note)) > 0)
		if (header.n_namesz == sizeof("CORE") &&
		    memcmp((const char *)data->d_buf + name, "CORE", sizeof("CORE")) == 0)
			r = add_note(core, header.n_type, (const uint8_t *)data->d_buf + note,
				     header.n_descsz);
	return r < 0 ? dw_pass(r) : 0;
}
