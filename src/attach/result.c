/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/result.h"

#include <capstone/capstone.h>
#include <stdbool.h>

/* Whether it is a jump to where only the moment tells, or out of the function's @n bytes. */
static bool leaves(const cs_insn *instruction, size_t n)
{
	const cs_x86_op *to = &instruction->detail->x86.operands[0];

	for (uint8_t i = 0; i < instruction->detail->groups_count; i++)
		if (instruction->detail->groups[i] == CS_GRP_JUMP)
			return to->type != X86_OP_IMM || (uint64_t)to->imm >= n;
	return false;
}

size_t dw_results_find(const uint8_t *code, size_t n, uint64_t ret[DW_RESULTS_MAX])
{
	size_t n_left = n, n_found = 0;
	uint64_t at = 0;
	cs_insn *instruction;
	csh disassembler;
	bool is_whole;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &disassembler) != CS_ERR_OK)
		return 0;
	cs_option(disassembler, CS_OPT_DETAIL, CS_OPT_ON);
	instruction = cs_malloc(disassembler);
	is_whole = instruction != NULL;
	while (is_whole && n_left > 0) {
		is_whole = cs_disasm_iter(disassembler, &code, &n_left, &at, instruction) &&
			   !leaves(instruction, n);
		if (!is_whole || instruction->id != X86_INS_RET)
			continue;
		is_whole = n_found < DW_RESULTS_MAX;
		if (is_whole)
			ret[n_found++] = instruction->address;
	}
	if (instruction)
		cs_free(instruction, 1);
	cs_close(&disassembler);
	return is_whole ? n_found : 0;
}
