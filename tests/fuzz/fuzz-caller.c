/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any code and any stack: who has called it is told, or not, in a time that does not depend on
 * them. */
#include "inspect/arch_caller.h"

#include <stdlib.h>
#include <string.h>

#define MEMORY_START UINT64_C(0x10000)
#define STEPS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	const uint8_t *data;
	size_t size;
};

static bool read_memory(void *context, uint64_t address, void *ret, size_t n)
{
	const struct memory *memory = context;
	uint64_t from = address - MEMORY_START;

	if (address < MEMORY_START || from > memory->size || n > memory->size - from)
		return false;
	memcpy(ret, memory->data + from, n);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory memory = {data, size};
	const struct dw_caller_memory both = {read_memory, read_memory, &memory};
	dw_auto(callers) callers = NULL;
	struct dw_registers registers;
	uint16_t begin[2];

	if (size < sizeof(begin) || dw_callers_new(&callers) < 0)
		return 0;
	memcpy(begin, data, sizeof(begin));
	registers = dw_arch_registers_at(MEMORY_START + begin[0], MEMORY_START + begin[1]);
	for (int i = 0; i < STEPS_MAX; i++) {
		uint64_t sp = dw_arch_sp(&registers);

		if (!dw_callers_step(callers, &registers, &both))
			break;
		/* A caller's frame lies further out. */
		if (dw_arch_sp(&registers) <= sp)
			abort();
	}
	return 0;
}
