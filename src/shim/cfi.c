/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/cfi.h"

#include "shim/cfi_expression.h"
#include "shim/cfi_read.h"

#include <dlfcn.h>
#include <dwarf.h>

/* glibc's, from 2.35 on; without it there are no stacks. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* Compilers nest them twice at the most. */
#define REMEMBER_MAX 8

/* What the functions of one compilation have in common, and one function. */
struct function {
	const uint8_t *first, *first_end; /* instructions for all */
	const uint8_t *rest, *rest_end;   /* instructions for this one */
	uint64_t start, size;             /* its code */
	uint64_t code_align;
	int64_t data_align;
	uint8_t encoding; /* of its addresses */
	bool augmented;   /* its data are preceded by their length */
	bool signal_frame;
};

/* Return: whether the encoding is one that linkers use: relative to itself, or absolute. */
static bool read_address(const uint8_t **at, uint8_t encoding, uint64_t *ret)
{
	uint64_t base = (uint64_t)*at;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		*ret = cfi_read(at, 8);
		break;
	case DW_EH_PE_udata4:
		*ret = cfi_read(at, 4);
		break;
	case DW_EH_PE_sdata4:
		*ret = (uint64_t)cfi_read_signed(at, 4);
		break;
	default:
		return false;
	}
	if ((encoding & 0x70) == DW_EH_PE_pcrel)
		*ret += base;
	return (encoding & 0x70) == DW_EH_PE_pcrel || (encoding & 0x70) == DW_EH_PE_absptr;
}

/* The length of an entry, and where it ends. Return: false for what is no entry of ours. */
static bool read_length(const uint8_t **at, const uint8_t **end)
{
	uint64_t length = cfi_read(at, 4);

	if (length == 0xffffffff || length == 0)
		return false;
	*end = *at + length;
	return true;
}

/* The augmentation "zPLRS...": what the letters stand for lies in a block of its own. */
static bool read_augmentation(const uint8_t **at, const char *letters, struct function *f)
{
	uint64_t size, ignored;
	const uint8_t *end;

	f->encoding = DW_EH_PE_absptr;
	if (!*letters)
		return true;
	if (*letters != 'z')
		return false;
	f->augmented = true;
	size = cfi_read_uleb(at);
	end = *at + size;
	for (letters++; *letters; letters++) {
		if (*letters == 'R')
			f->encoding = *(*at)++;
		else if (*letters == 'L')
			(*at)++;
		else if (*letters == 'S')
			f->signal_frame = true;
		else if (*letters == 'P' && !read_address(at, *(*at)++ & 0x7f, &ignored))
			return false;
	}
	*at = end;
	return true;
}

static bool read_common(const uint8_t *at, struct function *f)
{
	const char *letters;

	if (!read_length(&at, &f->first_end))
		return false;
	at += 4;
	at++; /* the version: 1 or 3, which differ in what comes only after this */
	letters = (const char *)at;
	at += strlen(letters) + 1;
	f->code_align = cfi_read_uleb(&at);
	f->data_align = cfi_read_sleb(&at);
	if (cfi_read_uleb(&at) != CFI_RA || !read_augmentation(&at, letters, f))
		return false;
	f->first = at;
	return true;
}

static bool read_function(const uint8_t *at, struct function *f)
{
	const uint8_t *end, *common;

	if (!read_length(&at, &end))
		return false;
	common = at - *(const int32_t *)at;
	at += 4;
	if (!read_common(common, f) || !read_address(&at, f->encoding, &f->start) ||
	    !read_address(&at, f->encoding & 0x0f, &f->size))
		return false;
	if (f->augmented) {
		uint64_t size = cfi_read_uleb(&at);

		at += size;
	}
	f->rest = at;
	f->rest_end = end;
	return true;
}

/* .eh_frame_hdr: a table, sorted by address, of functions and their entries. */
static const uint8_t *find_entry(const uint8_t *header, uint64_t address)
{
	const int32_t *table = (const int32_t *)(header + 12);
	int64_t wanted = (int64_t)(address - (uint64_t)header);
	uint32_t low = 0, high;

	/* Version 1, relative to itself, a count, and pairs relative to the header: all linkers'.
	 */
	if (header[0] != 1 || header[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4) ||
	    header[2] != DW_EH_PE_udata4 || header[3] != (DW_EH_PE_datarel | DW_EH_PE_sdata4))
		return NULL;
	high = *(const uint32_t *)(header + 8);
	if (!high || wanted < table[0])
		return NULL;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (table[2 * middle] <= wanted)
			low = middle;
		else
			high = middle;
	}
	return header + table[2 * low + 1];
}

/* The interpreter of a function's instructions. */
struct machine {
	const struct function *f;
	struct cfi_row row;
	struct cfi_row remembered[REMEMBER_MAX];
	unsigned n_remembered;
	const struct cfi_row *initial; /* after the instructions for all; NULL while in them */
	uint64_t at;                   /* the row holds from here on */
};

static bool set_rule(struct machine *m, uint64_t reg, enum cfi_kind kind, int64_t number,
		     const uint8_t *expression)
{
	if (reg < CFI_REGS)
		m->row.rules[reg] = (struct cfi_rule){(uint8_t)kind, number, expression};
	return true;
}

static bool restore(struct machine *m, uint64_t reg)
{
	if (reg < CFI_REGS)
		m->row.rules[reg] = m->initial ? m->initial->rules[reg] : (struct cfi_rule){0};
	return true;
}

static bool set_cfa(struct machine *m, uint64_t reg, int64_t offset)
{
	if (reg >= CFI_REGS)
		return false;
	m->row.cfa_register = (uint8_t)reg;
	m->row.cfa_offset = offset;
	m->row.cfa_expression = NULL;
	return true;
}

static const uint8_t *skip_block(const uint8_t **at)
{
	const uint8_t *block = *at;
	uint64_t size = cfi_read_uleb(at);

	*at += size;
	return block;
}

static bool remember(struct machine *m)
{
	if (m->n_remembered == REMEMBER_MAX)
		return false;
	m->remembered[m->n_remembered++] = m->row;
	return true;
}

static bool recall(struct machine *m)
{
	if (!m->n_remembered)
		return false;
	m->row = m->remembered[--m->n_remembered];
	return true;
}

/* The rules for one register. Return: whether it was one of them, and well. */
static bool rule_instruction(struct machine *m, uint8_t op, const uint8_t **at)
{
	int64_t align = m->f->data_align;
	uint64_t reg = cfi_read_uleb(at);

	switch (op) {
	case DW_CFA_offset_extended:
		return set_rule(m, reg, CFI_OFFSET, (int64_t)cfi_read_uleb(at) * align, NULL);
	case DW_CFA_offset_extended_sf:
		return set_rule(m, reg, CFI_OFFSET, cfi_read_sleb(at) * align, NULL);
	case DW_CFA_val_offset:
		return set_rule(m, reg, CFI_VALUE_OFFSET, (int64_t)cfi_read_uleb(at) * align, NULL);
	case DW_CFA_val_offset_sf:
		return set_rule(m, reg, CFI_VALUE_OFFSET, cfi_read_sleb(at) * align, NULL);
	case DW_CFA_restore_extended:
		return restore(m, reg);
	case DW_CFA_undefined:
		return set_rule(m, reg, CFI_UNDEFINED, 0, NULL);
	case DW_CFA_same_value:
		return set_rule(m, reg, CFI_SAME, 0, NULL);
	case DW_CFA_register:
		return set_rule(m, reg, CFI_REGISTER, (int64_t)cfi_read_uleb(at), NULL);
	case DW_CFA_expression:
		return set_rule(m, reg, CFI_EXPRESSION, 0, skip_block(at));
	case DW_CFA_val_expression:
		return set_rule(m, reg, CFI_VALUE_EXPRESSION, 0, skip_block(at));
	default:
		return false;
	}
}

/* The rules for the CFA, and what concerns the whole row. */
static bool row_instruction(struct machine *m, uint8_t op, const uint8_t **at)
{
	int64_t align = m->f->data_align;
	uint64_t reg;

	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_advance_loc1:
		m->at += cfi_read(at, 1) * m->f->code_align;
		return true;
	case DW_CFA_advance_loc2:
		m->at += cfi_read(at, 2) * m->f->code_align;
		return true;
	case DW_CFA_advance_loc4:
		m->at += cfi_read(at, 4) * m->f->code_align;
		return true;
	case DW_CFA_set_loc:
		return read_address(at, m->f->encoding, &m->at);
	case DW_CFA_remember_state:
		return remember(m);
	case DW_CFA_restore_state:
		return recall(m);
	case DW_CFA_def_cfa:
		reg = cfi_read_uleb(at);
		return set_cfa(m, reg, (int64_t)cfi_read_uleb(at));
	case DW_CFA_def_cfa_sf:
		reg = cfi_read_uleb(at);
		return set_cfa(m, reg, cfi_read_sleb(at) * align);
	case DW_CFA_def_cfa_register:
		return set_cfa(m, cfi_read_uleb(at), m->row.cfa_offset);
	case DW_CFA_def_cfa_offset:
		return set_cfa(m, m->row.cfa_register, (int64_t)cfi_read_uleb(at));
	case DW_CFA_def_cfa_offset_sf:
		return set_cfa(m, m->row.cfa_register, cfi_read_sleb(at) * align);
	case DW_CFA_def_cfa_expression:
		m->row.cfa_expression = skip_block(at);
		return true;
	case DW_CFA_GNU_args_size:
		cfi_read_uleb(at);
		return true;
	default:
		return rule_instruction(m, op, at);
	}
}

static bool instruction(struct machine *m, const uint8_t **at)
{
	uint8_t op = *(*at)++, low = op & 0x3f;

	switch (op & 0xc0) {
	case DW_CFA_advance_loc:
		m->at += low * m->f->code_align;
		return true;
	case DW_CFA_offset:
		return set_rule(m, low, CFI_OFFSET, (int64_t)cfi_read_uleb(at) * m->f->data_align,
				NULL);
	case DW_CFA_restore:
		return restore(m, low);
	default:
		return row_instruction(m, op, at);
	}
}

/* Carries out instructions until the row is the one that holds at @address. */
static bool run(struct machine *m, const uint8_t *at, const uint8_t *end, uint64_t address)
{
	while (at < end) {
		struct cfi_row row = m->row;

		if (!instruction(m, &at))
			return false;
		if (m->at > address) {
			m->row = row;
			return true;
		}
	}
	return true;
}

static bool find_function(uint64_t address, struct function *ret)
{
	struct dl_find_object object;
	const uint8_t *entry;

	if (!_dl_find_object || _dl_find_object((void *)address, &object) || !object.dlfo_eh_frame)
		return false;
	entry = find_entry(object.dlfo_eh_frame, address);
	return entry && read_function(entry, ret) && address - ret->start < ret->size;
}

uint64_t cfi_function(uint64_t address)
{
	struct function f = {0};

	return find_function(address, &f) ? f.start : 0;
}

bool cfi_find(uint64_t address, struct cfi_row *ret)
{
	struct function f = {0};
	struct machine m = {.f = &f};
	struct cfi_row initial;

	if (!find_function(address, &f))
		return false;
	m.at = f.start;
	if (!run(&m, f.first, f.first_end, UINT64_MAX))
		return false;
	initial = m.row;
	m.initial = &initial;
	if (!run(&m, f.rest, f.rest_end, address))
		return false;
	*ret = m.row;
	ret->signal_frame = f.signal_frame;
	return true;
}

static bool recover(const struct cfi_rule *rule, unsigned reg, uint64_t cfa,
		    const struct cfi_registers *now, uint64_t *ret)
{
	uint64_t address;

	switch ((enum cfi_kind)rule->kind) {
	case CFI_SAME:
		*ret = reg == CFI_RSP ? cfa : now->value[reg];
		return reg != CFI_RA;
	case CFI_UNDEFINED:
		*ret = 0;
		return reg != CFI_RA;
	case CFI_OFFSET:
		*ret = *(const uint64_t *)(cfa + (uint64_t)rule->number);
		return true;
	case CFI_VALUE_OFFSET:
		*ret = cfa + (uint64_t)rule->number;
		return true;
	case CFI_REGISTER:
		*ret = rule->number >= 0 && rule->number < CFI_REGS ? now->value[rule->number] : 0;
		return true;
	case CFI_EXPRESSION:
		if (!cfi_evaluate(rule->expression, now, &cfa, &address))
			return false;
		*ret = *(const uint64_t *)address;
		return true;
	case CFI_VALUE_EXPRESSION:
		return cfi_evaluate(rule->expression, now, &cfa, ret);
	}
	return false;
}

bool cfi_step(const struct cfi_row *row, struct cfi_registers *registers)
{
	struct cfi_registers caller;
	uint64_t cfa = registers->value[row->cfa_register] + (uint64_t)row->cfa_offset;

	if (row->cfa_expression && !cfi_evaluate(row->cfa_expression, registers, NULL, &cfa))
		return false;
	for (unsigned i = 0; i < CFI_REGS; i++)
		if (!recover(&row->rules[i], i, cfa, registers, &caller.value[i]))
			return false;
	*registers = caller;
	return registers->value[CFI_RA] != 0;
}
