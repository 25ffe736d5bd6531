/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/arch_caller.h"

#include "base/error.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { RBP = 6, RSP = 7, RIP = 16 };

/* Functions that wait have small frames; musl's have 200 bytes. */
#define FRAME_MAX_WORDS 256

/* Ways through a function: musl's longest that waits has 300 instructions. */
#define INSTRUCTIONS_MAX 1500
#define BRANCHES_MAX 128
#define VISITED_SIZE 4096 /* a power of two, more than twice as many as instructions */

/* Code is read in pieces; an instruction has 15 bytes at most. */
#define PIECE_SIZE 256
#define INSTRUCTION_MAX_SIZE 15

/* Ways that are remembered. A process waits in a handful of functions of its C library. */
#define WAYS_MAX 128

/* Registers that a function gives back as they were, in the order of `kept` masks. */
enum { KEPT_N = 6, KEPT_RBP = 1 };
static const uint8_t kept_numbers[KEPT_N] = {3, RBP, 12, 13, 14, 15};

/* What the instructions since the entry have done. */
struct effect {
	int64_t depth;         /* so far the stack pointer is below where it was at the entry */
	int64_t frame;         /* so far is the frame pointer */
	int64_t saved[KEPT_N]; /* so far below the entry a register is kept; 0: it is not */
	bool has_depth, has_frame;
	uint8_t written; /* a bit each: it has another value now */
};

/* A way from @from to @to, or that there is none. */
struct way {
	uint64_t from, to;
	bool is_there;
	struct effect effect;
};

struct branch {
	uint64_t at;
	struct effect effect;
};

struct dw_callers {
	csh disassembler;
	cs_insn *instruction;
	struct way ways[WAYS_MAX];
	uint32_t n_ways; /* all that there ever were */

	/* The search for one. */
	const struct dw_caller_memory *memory;
	uint64_t piece_start;
	size_t piece_n;
	uint8_t piece[PIECE_SIZE];
	uint64_t visited[VISITED_SIZE];
	struct branch branches[BRANCHES_MAX];
	uint32_t n_branches, n_instructions;
};

int dw_callers_new(struct dw_callers **ret)
{
	dw_auto(callers) callers = calloc(1, sizeof(*callers));

	if (!callers)
		return dw_raise(-ENOMEM);
	if (cs_open(CS_ARCH_X86, CS_MODE_64, &callers->disassembler) != CS_ERR_OK)
		return dw_raise(-ENOMEM);
	if (cs_option(callers->disassembler, CS_OPT_DETAIL, CS_OPT_ON) != CS_ERR_OK)
		return dw_raise(-ENOTSUP);
	callers->instruction = cs_malloc(callers->disassembler);
	if (!callers->instruction)
		return dw_raise(-ENOMEM);
	*ret = dw_take(callers);
	return 0;
}

struct dw_callers *dw_callers_free(struct dw_callers *callers)
{
	if (!callers)
		return NULL;
	if (callers->instruction)
		cs_free(callers->instruction, 1);
	if (callers->disassembler)
		cs_close(&callers->disassembler);
	free(callers);
	return NULL;
}

static const cs_x86 *x86_of(const cs_insn *instruction)
{
	return &instruction->detail->x86;
}

/* The index of a register that functions give back as it was; -1: it is none of these. */
static int kept_of(uint16_t name)
{
	static const uint16_t names[KEPT_N][4] = {
	    {X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL},
	    {X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
	    {X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
	    {X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
	    {X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
	    {X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
	};

	for (int i = 0; i < KEPT_N; i++)
		for (int j = 0; j < 4; j++)
			if (names[i][j] == name)
				return i;
	return -1;
}

static bool is_register(const cs_x86_op *operand, x86_reg name)
{
	return operand->type == X86_OP_REG && operand->reg == name;
}

/* Whether @operand is memory at a fixed distance from @base, which is in @ret. */
static bool is_memory(const cs_x86_op *operand, x86_reg base, int64_t *ret)
{
	if (operand->type != X86_OP_MEM || operand->mem.base != base ||
	    operand->mem.index != X86_REG_INVALID || operand->mem.segment != X86_REG_INVALID)
		return false;
	*ret = operand->mem.disp;
	return true;
}

/* A register is kept @depth below the entry, unless it has another value by now. */
static void save(struct effect *effect, const cs_x86_op *operand, int64_t depth)
{
	int kept = operand->type == X86_OP_REG ? kept_of(operand->reg) : -1;

	if (kept >= 0 && !effect->saved[kept] && !(effect->written >> kept & 1))
		effect->saved[kept] = depth;
}

static void write_kept(struct effect *effect, int kept)
{
	effect->written |= (uint8_t)(1U << kept);
	if (kept == KEPT_RBP)
		effect->has_frame = false;
}

static void step_push(const cs_x86 *x86, struct effect *effect)
{
	effect->depth += 8;
	if (x86->op_count == 1 && effect->has_depth)
		save(effect, &x86->operands[0], effect->depth);
}

static void step_pop(const cs_x86 *x86, struct effect *effect)
{
	int kept = x86->op_count == 1 && x86->operands[0].type == X86_OP_REG
		       ? kept_of(x86->operands[0].reg)
		       : -1;

	if (kept >= 0) {
		write_kept(effect, kept);
		if (effect->saved[kept] == effect->depth) {
			effect->saved[kept] = 0;
			effect->written &= (uint8_t) ~(1U << kept);
		}
	}
	effect->depth -= 8;
}

static void step_leave(struct effect *effect)
{
	effect->has_depth = effect->has_frame;
	effect->depth = effect->frame - 8;
	effect->has_frame = false;
	effect->saved[KEPT_RBP] = 0;
	effect->written &= (uint8_t) ~(1U << KEPT_RBP);
}

/* mov, of registers that matter. Return: whether it was that. */
static bool step_mov(const cs_x86 *x86, struct effect *effect)
{
	const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
	int64_t distance;

	if (is_register(to, X86_REG_RBP) && is_register(from, X86_REG_RSP)) {
		write_kept(effect, KEPT_RBP);
		effect->has_frame = effect->has_depth;
		effect->frame = effect->depth;
	} else if (is_register(to, X86_REG_RSP) && is_register(from, X86_REG_RBP)) {
		effect->has_depth = effect->has_frame;
		effect->depth = effect->frame;
	} else if (is_memory(to, X86_REG_RSP, &distance) && effect->has_depth) {
		save(effect, from, effect->depth - distance);
	} else if (is_memory(to, X86_REG_RBP, &distance) && effect->has_frame) {
		save(effect, from, effect->frame - distance);
	} else {
		return false;
	}
	return true;
}

/* The stack pointer is set. Return: whether it was that, and it is known what to. */
static bool step_pointer(const cs_insn *instruction, struct effect *effect)
{
	const cs_x86_op *to = &x86_of(instruction)->operands[0];
	const cs_x86_op *from = &x86_of(instruction)->operands[1];
	int64_t distance;

	if (x86_of(instruction)->op_count != 2 || !is_register(to, X86_REG_RSP))
		return false;
	if (instruction->id == X86_INS_SUB && from->type == X86_OP_IMM) {
		effect->depth += from->imm;
	} else if (instruction->id == X86_INS_ADD && from->type == X86_OP_IMM) {
		effect->depth -= from->imm;
	} else if (instruction->id == X86_INS_LEA && is_memory(from, X86_REG_RSP, &distance)) {
		effect->depth -= distance;
	} else if (instruction->id == X86_INS_LEA && effect->has_frame &&
		   is_memory(from, X86_REG_RBP, &distance)) {
		effect->has_depth = true;
		effect->depth = effect->frame - distance;
	} else {
		return false;
	}
	return true;
}

/* Whatever else an instruction writes to. */
static void step_other(struct dw_callers *callers, struct effect *effect)
{
	cs_regs reads, writes;
	uint8_t n_reads, n_writes;

	if (cs_regs_access(callers->disassembler, callers->instruction, reads, &n_reads, writes,
			   &n_writes) != CS_ERR_OK)
		n_writes = 0;
	for (uint8_t i = 0; i < n_writes; i++) {
		int kept = kept_of(writes[i]);

		if (writes[i] == X86_REG_RSP || writes[i] == X86_REG_ESP)
			effect->has_depth = false;
		else if (kept >= 0)
			write_kept(effect, kept);
	}
}

/* A call comes back with the stack as it was. */
static void step(struct dw_callers *callers, struct effect *effect)
{
	const cs_insn *instruction = callers->instruction;
	const cs_x86 *x86 = x86_of(instruction);

	switch (instruction->id) {
	case X86_INS_PUSH:
	case X86_INS_PUSHFQ:
		step_push(x86, effect);
		return;
	case X86_INS_POP:
	case X86_INS_POPFQ:
		step_pop(x86, effect);
		return;
	case X86_INS_LEAVE:
		step_leave(effect);
		return;
	case X86_INS_CALL:
		return;
	default:
		break;
	}
	if (instruction->id == X86_INS_MOV && x86->op_count == 2 && step_mov(x86, effect))
		return;
	if (!step_pointer(instruction, effect))
		step_other(callers, effect);
}

static bool read_code(const struct dw_callers *callers, uint64_t address, void *ret, size_t n)
{
	return callers->memory->code(callers->memory->context, address, ret, n);
}

static bool read_stack(const struct dw_callers *callers, uint64_t address, uint64_t *ret)
{
	return callers->memory->stack(callers->memory->context, address, ret, sizeof(*ret));
}

/* Code at the end of what is mapped is read in smaller pieces. */
static bool read_piece(struct dw_callers *callers, uint64_t at)
{
	for (size_t n = PIECE_SIZE; n > 0; n /= 2)
		if (read_code(callers, at, callers->piece, n)) {
			callers->piece_start = at;
			callers->piece_n = n;
			return true;
		}
	return false;
}

static bool decode(struct dw_callers *callers, uint64_t at)
{
	uint64_t from = at - callers->piece_start;
	const uint8_t *code;
	size_t size;

	if (at < callers->piece_start || from + INSTRUCTION_MAX_SIZE > callers->piece_n) {
		if (!read_piece(callers, at))
			return false;
		from = 0;
	}
	code = callers->piece + from;
	size = callers->piece_n - from;
	return cs_disasm_iter(callers->disassembler, &code, &size, &at, callers->instruction);
}

/* Where a jump leads to, at once or by a table of the linker's; 0: only its registers tell. */
static uint64_t target_of(const struct dw_callers *callers)
{
	const cs_insn *instruction = callers->instruction;
	const cs_x86_op *operand = &x86_of(instruction)->operands[0];
	uint64_t next = instruction->address + instruction->size, target;
	int64_t distance;

	if (x86_of(instruction)->op_count != 1)
		return 0;
	if (operand->type == X86_OP_IMM)
		return (uint64_t)operand->imm;
	if (is_memory(operand, X86_REG_RIP, &distance) &&
	    read_code(callers, next + (uint64_t)distance, &target, sizeof(target)))
		return target;
	return 0;
}

/* Return: whether it is visited for the first time. */
static bool visit(struct dw_callers *callers, uint64_t at)
{
	uint32_t i = (uint32_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 40) % VISITED_SIZE;

	if (callers->n_instructions++ >= INSTRUCTIONS_MAX)
		return false;
	for (; callers->visited[i]; i = (i + 1) % VISITED_SIZE)
		if (callers->visited[i] == at)
			return false;
	callers->visited[i] = at;
	return true;
}

static void add_branch(struct dw_callers *callers, uint64_t at, const struct effect *effect)
{
	if (at && callers->n_branches < BRANCHES_MAX)
		callers->branches[callers->n_branches++] = (struct branch){at, *effect};
}

static bool ends_way(const struct dw_callers *callers)
{
	const cs_insn *instruction = callers->instruction;

	return cs_insn_group(callers->disassembler, instruction, CS_GRP_RET) ||
	       instruction->id == X86_INS_HLT || instruction->id == X86_INS_UD2 ||
	       instruction->id == X86_INS_INT3;
}

/* Follows one way as far as it goes; others are left to later. Return: whether it leads to @to. */
static bool follow(struct dw_callers *callers, struct branch way, uint64_t to, struct effect *ret)
{
	while (way.at != to) {
		if (!visit(callers, way.at) || !decode(callers, way.at) || ends_way(callers))
			return false;
		if (callers->instruction->id == X86_INS_JMP) {
			way.at = target_of(callers);
			if (!way.at)
				return false;
			continue;
		}
		if (cs_insn_group(callers->disassembler, callers->instruction, CS_GRP_JUMP))
			add_branch(callers, target_of(callers), &way.effect);
		step(callers, &way.effect);
		way.at += callers->instruction->size;
	}
	*ret = way.effect;
	return true;
}

static void search(struct dw_callers *callers, struct way *way)
{
	const struct effect entry = {.has_depth = true};

	memset(callers->visited, 0, sizeof(callers->visited));
	callers->piece_n = 0;
	callers->n_branches = callers->n_instructions = 0;
	add_branch(callers, way->from, &entry);
	while (callers->n_branches > 0 && !way->is_there)
		way->is_there = follow(callers, callers->branches[--callers->n_branches], way->to,
				       &way->effect);
}

static const struct way *find_way(struct dw_callers *callers, uint64_t from, uint64_t to)
{
	struct way *way;

	for (uint32_t i = 0; i < callers->n_ways && i < WAYS_MAX; i++)
		if (callers->ways[i].from == from && callers->ways[i].to == to)
			return &callers->ways[i];
	way = &callers->ways[callers->n_ways++ % WAYS_MAX];
	*way = (struct way){.from = from, .to = to};
	search(callers, way);
	return way;
}

/* Whether the entry of a function, with @effect since, was with the stack pointer at @slot. */
static bool is_entry(const struct effect *effect, const struct dw_registers *registers,
		     uint64_t slot)
{
	if (effect->has_depth)
		return registers->values[RSP] + (uint64_t)effect->depth == slot;
	return effect->has_frame && registers->known >> RBP & 1 &&
	       registers->values[RBP] + (uint64_t)effect->frame == slot;
}

/* The caller's registers, of a function that was entered with its return address at @slot. */
static bool leave(const struct dw_callers *callers, const struct effect *effect, uint64_t slot,
		  uint64_t pc, struct dw_registers *registers)
{
	struct dw_registers caller = dw_arch_registers_at(pc, slot + 8);

	for (int i = 0; i < KEPT_N; i++) {
		uint8_t number = kept_numbers[i];
		uint64_t value = registers->values[number];
		bool known = registers->known >> number & 1 && !(effect->written >> i & 1);

		if (effect->saved[i]) {
			known = true;
			if (!read_stack(callers, slot - (uint64_t)effect->saved[i], &value))
				return false;
		}
		caller.values[number] = value;
		caller.known |= (uint32_t)known << number;
	}
	*registers = caller;
	return true;
}

bool dw_callers_step(struct dw_callers *callers, struct dw_registers *registers,
		     const struct dw_caller_memory *memory)
{
	uint64_t slot = registers->values[RSP], pc;

	callers->memory = memory;
	for (int i = 0; i < FRAME_MAX_WORDS && read_stack(callers, slot, &pc); i++, slot += 8) {
		uint64_t called = dw_arch_called(pc, memory->code, memory->context);
		const struct way *way =
		    called ? find_way(callers, called, registers->values[RIP]) : NULL;

		if (way && way->is_there && is_entry(&way->effect, registers, slot))
			return leave(callers, &way->effect, slot, pc, registers);
	}
	return false;
}
