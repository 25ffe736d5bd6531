/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a core file: what is handed out can be used, and all questions have an answer. */
#include "inspect/arch.h"
#include "inspect/core.h"
#include "symbol/build_id.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RANGES_MAX 16

static void must(int condition)
{
	if (!condition)
		abort();
}

static void use_threads(const struct dw_core *core)
{
	uint64_t arguments[6], value;
	uint32_t n;
	const struct dw_core_thread *threads = dw_core_threads(core, &n);

	must(n > 0);
	for (uint32_t i = 0; i < n; i++) {
		struct dw_registers registers = dw_arch_registers(threads[i].registers);

		if (dw_arch_call(threads[i].registers, arguments) >= 0)
			dw_core_read(core, arguments[0], &value, sizeof(value));
		dw_core_read(core, dw_arch_sp(&registers), &value, sizeof(value));
	}
}

static void use_files(const struct dw_core *core)
{
	char begin[4096] __attribute__((aligned(16)));
	struct dw_build_id id;
	uint64_t before = 0;
	uint32_t n;
	const struct dw_core_file *files = dw_core_files(core, &n);

	for (uint32_t i = 0; i < n; i++) {
		must(files[i].start < files[i].end && files[i].start >= before);
		must(strlen(files[i].path) < SIZE_MAX);
		before = files[i].start;
		if (dw_core_read(core, files[i].start, begin, sizeof(begin)) == 0 &&
		    dw_build_id_of_memory(begin, sizeof(begin), &id))
			must(id.size <= DW_BUILD_ID_MAX);
	}
	must(dw_core_gaps(core).no_files == (n == 0));
}

static void use_code(const struct dw_core *core)
{
	struct dw_range ranges[RANGES_MAX], vdso = dw_core_vdso(core);
	uint32_t n = dw_core_generated(core, ranges, RANGES_MAX);
	uint8_t byte;

	must(n <= RANGES_MAX && vdso.start <= vdso.end);
	for (uint32_t i = 0; i < n; i++)
		must(ranges[i].start <= ranges[i].end);
	if (vdso.start < vdso.end)
		must(dw_core_read(core, vdso.start, &byte, 1) == 0);
	dw_core_program(core);
	must(strlen(dw_core_name(core)) < 16);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	dw_auto(core) core = NULL;
	int fd = memfd_create("core", MFD_CLOEXEC);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	if (dw_core_new(&core, fd) != 0) {
		close(fd);
		return 0;
	}
	use_threads(core);
	use_files(core);
	use_code(core);
	return 0;
}
