/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/unwind.h"

#include "base/arena.h"
#include "base/error.h"
#include "inspect/arch_caller.h"
#include "inspect/image.h"
#include "model/facts.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Images from the process's memory; QEMU's and the vdso are some KiB. */
#define MEMORY_MAX ((size_t)64 << 20)

/* The vdso has two pages. */
#define VDSO_MAX_SIZE ((uint64_t)64 << 10)

/* QEMU enters and leaves its generated code by 45 bytes. */
#define ENTRY_MAX_SIZE 128

/* Where the tables of a piece of code are: in a file, or in memory. */
struct module {
	const struct dw_map *map; /* NULL: in memory */
	struct dw_image image;
};

/* A stack that is being walked. */
struct walk {
	struct dw_registers registers; /* where it starts; where it ended, if no table was there */
	struct dw_frames *frames;
	uint32_t n_walked;
	uint32_t end; /* enum dw_stack_end */
	bool memory_missing;
	bool is_called;      /* it starts inside a call, one before what that comes back to */
	bool is_interrupted; /* it starts at what a signal has interrupted */
};

struct dw_unwinder {
	struct dw_unwind_process process;
	struct dw_arena *arena;
	struct dw_callers *callers;
	Dwfl *dwfl;
	struct module *modules; /* one a map, then the vdso and the images */
	struct walk *walk;
	bool attached;
};

static int find_elf(Dwfl_Module *dwfl_module, void **data, const char *name, Dwarf_Addr base,
		    char **ret_name, Elf **ret)
{
	const struct module *module = *data;

	(void)dwfl_module, (void)name, (void)base;
	if (!module->map) {
		*ret = elf_memory(module->image.bytes, module->image.size);
		return -1;
	}
	if (module->map->is_missing)
		return -1;
	*ret_name = strdup(module->map->file);
	return open(module->map->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* Tables for unwinding are in the files themselves; nothing is fetched from anywhere. */
static int find_no_debug_information(Dwfl_Module *module, void **data, const char *name,
				     Dwarf_Addr base, const char *file, const char *link,
				     GElf_Word crc, char **ret)
{
	(void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc;
	(void)ret;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = find_elf,
    .find_debuginfo = find_no_debug_information,
};

/* Threads are asked for by the caller, one by one. */
static pid_t next_thread(Dwfl *dwfl, void *context, void **argument)
{
	(void)dwfl, (void)context, (void)argument;
	return 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *context, void **argument)
{
	(void)dwfl, (void)tid;
	*argument = context;
	return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *context)
{
	struct dw_unwinder *unwinder = context;
	uint64_t value;

	(void)dwfl;
	if (!unwinder->process.read(unwinder->process.context, address, &value, sizeof(value))) {
		unwinder->walk->memory_missing = true;
		return false;
	}
	*ret = value;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *argument)
{
	const struct dw_registers *registers =
	    &((const struct dw_unwinder *)argument)->walk->registers;
	bool set = true;

	for (int i = 0; i < DW_REGISTERS_N && set; i++)
		if (registers->known >> i & 1)
			set = dwfl_thread_state_registers(thread, i, 1, &registers->values[i]);
	return set;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
    .next_thread = next_thread,
    .get_thread = get_thread,
    .memory_read = read_memory,
    .set_initial_registers = set_registers,
};

static void report(struct dw_unwinder *unwinder, const char *name, uint64_t start, uint64_t end,
		   struct module *module)
{
	Dwfl_Module *reported = dwfl_report_module(unwinder->dwfl, name, start, end);
	void **data;

	if (!reported)
		return;
	dwfl_module_info(reported, &data, NULL, NULL, NULL, NULL, NULL, NULL);
	*data = module;
}

static bool overlap(const struct dw_image *image, uint64_t start, uint64_t end)
{
	return image->start < end && start < image->end;
}

/* Code that an image describes may be mapped from a file in memory, which has no tables. */
static bool is_described(const struct module *images, uint32_t n, const struct dw_map *map)
{
	for (uint32_t i = 0; i < n; i++)
		if (overlap(&images[i].image, map->start, map->end))
			return true;
	return false;
}

/* The kernel's own code, which is a whole file in memory. */
static void read_vdso(struct dw_unwinder *unwinder, struct dw_image *ret)
{
	const struct dw_range *vdso = &unwinder->process.code->vdso;
	struct dw_image image = {.start = vdso->start, .end = vdso->end};

	image.size = vdso->end - vdso->start;
	if (image.size == 0 || image.size > VDSO_MAX_SIZE)
		return;
	image.bytes = dw_arena_alloc(unwinder->arena, image.size);
	if (image.bytes &&
	    unwinder->process.read(unwinder->process.context, image.start, image.bytes, image.size))
		*ret = image;
}

/* Reports all files but what the @n @images describe, and then these. */
static int report_all(struct dw_unwinder *unwinder, struct module *images, uint32_t n)
{
	const struct dw_code *code = unwinder->process.code;

	for (uint32_t i = 0; i < code->n_maps; i++) {
		const struct dw_map *map = &code->maps[i];

		unwinder->modules[i].map = map;
		if (!is_described(images, n, map))
			report(unwinder, map->path, map->start, map->end, &unwinder->modules[i]);
	}
	for (uint32_t i = 0; i < n; i++)
		if (images[i].image.size > 0)
			report(unwinder, "", images[i].image.start, images[i].image.end,
			       &images[i]);
	return dwfl_report_end(unwinder->dwfl, NULL, NULL) == 0 ? 0 : dw_raise(-EINVAL);
}

/* The images of the first file that has a list of some. Return: how many there are. */
static uint32_t read_images(struct dw_unwinder *unwinder, struct dw_image *ret)
{
	const struct dw_code *code = unwinder->process.code;
	uint32_t n = 0;

	for (uint32_t i = 0; i < code->n_maps && n == 0; i++) {
		Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, code->maps[i].start);
		Dwarf_Addr bias;
		Elf *elf = module ? dwfl_module_getelf(module, &bias) : NULL;
		uint64_t list = elf ? dw_image_list(elf) : 0;

		if (list)
			n = dw_images_read(unwinder->arena, unwinder->process.read,
					   unwinder->process.context, list + bias, ret);
	}
	return n;
}

/* Who has no code but that of files needs no search for images. */
static int add_images(struct dw_unwinder *unwinder, struct module *vdso)
{
	struct dw_image images[DW_IMAGES_MAX];
	uint32_t n = unwinder->process.code->n_generated ? read_images(unwinder, images) : 0;

	if (n == 0)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		vdso[1 + i].image = images[i];
	dwfl_report_begin(unwinder->dwfl);
	return report_all(unwinder, vdso, n + 1);
}

int dw_unwinder_new(struct dw_unwinder **ret, const struct dw_unwind_process *process)
{
	dw_auto(unwinder) unwinder = calloc(1, sizeof(*unwinder));
	struct module *vdso;
	int r;

	if (!unwinder)
		return dw_raise(-ENOMEM);
	unwinder->process = *process;
	r = dw_arena_new(&unwinder->arena, MEMORY_MAX);
	if (r == 0)
		r = dw_callers_new(&unwinder->callers);
	if (r < 0)
		return dw_pass(r);
	unwinder->modules =
	    dw_arena_alloc(unwinder->arena, (process->code->n_maps + 1 + DW_IMAGES_MAX) *
						sizeof(*unwinder->modules));
	unwinder->dwfl = dwfl_begin(&callbacks);
	if (!unwinder->modules || !unwinder->dwfl)
		return dw_raise(-ENOMEM);
	vdso = &unwinder->modules[process->code->n_maps];
	read_vdso(unwinder, &vdso->image);
	r = report_all(unwinder, vdso, 1);
	if (r == 0)
		r = add_images(unwinder, vdso);
	if (r < 0)
		return dw_pass(r);
	unwinder->attached =
	    dwfl_attach_state(unwinder->dwfl, NULL, 1, &thread_callbacks, unwinder);
	*ret = dw_take(unwinder);
	return 0;
}

struct dw_unwinder *dw_unwinder_free(struct dw_unwinder *unwinder)
{
	if (!unwinder)
		return NULL;
	if (unwinder->dwfl)
		dwfl_end(unwinder->dwfl);
	dw_callers_free(unwinder->callers);
	dw_arena_free(unwinder->arena);
	free(unwinder);
	return NULL;
}

static bool has_row(Dwarf_CFI *cfi, uint64_t address)
{
	Dwarf_Frame *row;

	if (!cfi || dwarf_cfi_addrframe(cfi, address, &row) != 0)
		return false;
	free(row);
	return true;
}

/*
 * Whether a table says how to go on from @address; if not, libdwfl would take the frame
 * pointer for one, and often be wrong.
 */
static enum dw_stack_end end_at(struct dw_unwinder *unwinder, uint64_t address)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, address);
	Dwarf_Addr bias;

	if (!module)
		return dw_code_is_generated(unwinder->process.code, address) ? DW_END_GENERATED
									     : DW_END_NOWHERE;
	if (!dwfl_module_getelf(module, &bias))
		return DW_END_FILE;
	if (has_row(dwfl_module_eh_cfi(module, &bias), address - bias) ||
	    has_row(dwfl_module_dwarf_cfi(module, &bias), address - bias))
		return DW_END_NONE;
	/* It may lie in a hole of a file's mappings. */
	return dw_code_is_generated(unwinder->process.code, address) ? DW_END_GENERATED
								     : DW_END_TABLE;
}

/*
 * Images describe what lies behind the code by which generated code is entered and left. If
 * a thread is in that, its caller's registers are told by the instructions.
 */
static bool leave_generated(struct dw_unwinder *unwinder, struct dw_registers *registers)
{
	const struct dw_code *code = unwinder->process.code;
	uint64_t pc = dw_arch_pc(registers);
	uint8_t bytes[ENTRY_MAX_SIZE];

	if (!dw_code_is_generated(code, pc) || dwfl_addrmodule(unwinder->dwfl, pc))
		return false;
	for (uint32_t i = 0; i < code->n_generated; i++) {
		uint64_t start = code->generated[i].start;

		if (start <= pc && pc - start <= sizeof(bytes) &&
		    unwinder->process.read(unwinder->process.context, start, bytes, pc - start))
			return dw_arch_leave(bytes, pc - start, registers, unwinder->process.read,
					     unwinder->process.context);
	}
	return false;
}

/* What is known of the registers of @frame. */
static struct dw_registers registers_of(Dwfl_Frame *frame, uint64_t pc)
{
	struct dw_registers registers = {.known = 0};

	for (unsigned i = 0; i < DW_REGISTERS_N; i++) {
		Dwarf_Word value;

		if (dwfl_frame_reg(frame, i, &value) != 0)
			continue;
		registers.values[i] = value;
		registers.known |= UINT32_C(1) << i;
	}
	dw_arch_set_pc(&registers, pc);
	return registers;
}

/*
 * A frame that a signal interrupted is where it is, not behind a call: one is added, because
 * one less than a return address is what is asked for.
 */
static int add_frame(Dwfl_Frame *frame, void *argument)
{
	struct dw_unwinder *unwinder = argument;
	struct walk *walk = unwinder->walk;
	struct dw_frames *frames = walk->frames;
	bool is_first = walk->n_walked == 0, interrupted, was_interrupted;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, &interrupted) || pc == 0)
		return DWARF_CB_ABORT;
	if (frames->n == DW_FRAMES_MAX) {
		frames->flags |= DW_STACK_CUT;
		return DWARF_CB_ABORT;
	}
	walk->end = end_at(unwinder, interrupted ? pc : pc - 1);
	if (walk->end == DW_END_NOWHERE && frames->n > 0)
		return DWARF_CB_ABORT;
	was_interrupted = is_first ? walk->is_interrupted : interrupted;
	pc += is_first && walk->is_called;
	frames->addresses[frames->n] = pc + was_interrupted;
	walk->n_walked++;
	frames->n++;
	if (walk->end == DW_END_TABLE)
		walk->registers = registers_of(frame, pc);
	return walk->end == DW_END_NONE ? DWARF_CB_OK : DWARF_CB_ABORT;
}

/* By tables, as far as there are any. Return: as dwfl_getthread_frames(). */
static int walk_tables(struct dw_unwinder *unwinder)
{
	struct walk *walk = unwinder->walk;

	walk->end = DW_END_NONE;
	walk->n_walked = 0;
	return dwfl_getthread_frames(unwinder->dwfl, 1, add_frame, unwinder);
}

static bool read_stack(void *context, uint64_t address, void *ret, size_t n)
{
	const struct dw_unwinder *unwinder = context;

	return unwinder->process.read(unwinder->process.context, address, ret, n);
}

/* Most words of a stack lead to no file: there is nothing to ask of the kernel. */
static bool read_code(void *context, uint64_t address, void *ret, size_t n)
{
	const struct dw_unwinder *unwinder = context;
	const struct dw_code *code = unwinder->process.code;

	return dw_maps_find(code->maps, code->n_maps, address) &&
	       unwinder->process.read_code(unwinder->process.context, address, ret, n);
}

/*
 * From code without a table to its caller's, which is asked for by an address inside the call, as
 * tables want it; from the end of a signal's handler to what that has interrupted.
 */
static bool leave_code(struct dw_unwinder *unwinder)
{
	const struct dw_caller_memory memory = {read_stack, read_code, unwinder};
	struct walk *walk = unwinder->walk;
	uint8_t code[DW_ARCH_SIGRETURN_SIZE];

	if (walk->end != DW_END_TABLE)
		return false;
	walk->is_interrupted =
	    read_code(unwinder, dw_arch_pc(&walk->registers), code, sizeof(code)) &&
	    dw_arch_is_sigreturn(code);
	walk->is_called = !walk->is_interrupted;
	if (walk->is_interrupted)
		return dw_arch_leave_handler(&walk->registers, read_stack, unwinder);
	if (!dw_callers_step(unwinder->callers, &walk->registers, &memory))
		return false;
	dw_arch_set_pc(&walk->registers, dw_arch_pc(&walk->registers) - 1);
	return true;
}

void dw_unwinder_walk(struct dw_unwinder *unwinder, const struct dw_registers *registers,
		      struct dw_frames *ret)
{
	struct walk walk = {.registers = *registers, .frames = ret};
	int r = -1;

	ret->n = 0;
	ret->flags = 0;
	unwinder->walk = &walk;
	if (unwinder->attached && leave_generated(unwinder, &walk.registers))
		ret->addresses[ret->n++] = dw_arch_pc(registers);
	if (unwinder->attached)
		r = walk_tables(unwinder);
	while (leave_code(unwinder))
		r = walk_tables(unwinder);
	if (ret->n == 0) {
		ret->addresses[ret->n++] = dw_arch_pc(registers);
		walk.end = unwinder->attached ? DW_END_NOWHERE : DW_END_FILE;
	} else if (r < 0 && walk.end == DW_END_NONE) {
		walk.end = walk.memory_missing ? DW_END_MEMORY : DW_END_REGISTER;
	}
	if (walk.end != DW_END_NONE)
		ret->flags |= DW_STACK_SHORT | DW_STACK_ENDS(walk.end);
	unwinder->walk = NULL;
}
