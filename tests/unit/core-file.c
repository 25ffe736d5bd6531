/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core-file.h"

#include <elf.h>
#include <string.h>
#include <sys/procfs.h>
#include <sys/user.h>

enum { N_HEADERS = 4, NOTES_AT = sizeof(Elf64_Ehdr) + N_HEADERS * sizeof(Elf64_Phdr) };

static uint8_t *add_note(uint8_t *at, uint32_t type, const void *content, size_t size)
{
	const Elf64_Nhdr header = {.n_namesz = 5, .n_descsz = (uint32_t)size, .n_type = type};

	memcpy(at, &header, sizeof(header));
	memcpy(at + sizeof(header), "CORE", 5);
	memcpy(at + sizeof(header) + 8, content, size);
	return at + sizeof(header) + 8 + (size + 3) / 4 * 4;
}

static uint8_t *add_thread(uint8_t *at, pid_t tid, struct user_regs_struct registers)
{
	struct elf_prstatus status = {.pr_pid = tid, .pr_cursig = CORE_FILE_SIGNAL};

	memcpy(&status.pr_reg, &registers, sizeof(registers));
	return add_note(at, NT_PRSTATUS, &status, sizeof(status));
}

static uint8_t *add_files(uint8_t *at)
{
	static const struct {
		uint64_t head[2], entries[2][3];
		char names[sizeof(CORE_FILE_LIBRARY) + sizeof(CORE_FILE_PROGRAM)];
	} files = {
	    .head = {2, 4096},
	    .entries = {{CORE_FILE_LIBRARY_CODE, CORE_FILE_LIBRARY_CODE + 4096, 0},
			{CORE_FILE_CODE, CORE_FILE_CODE + 4096, 0}},
	    .names = CORE_FILE_LIBRARY "\0" CORE_FILE_PROGRAM,
	};

	return add_note(at, NT_FILE, &files, sizeof(files));
}

static uint8_t *add_notes(uint8_t *at)
{
	const Elf64_auxv_t auxiliary[] = {
	    {.a_type = AT_ENTRY, .a_un.a_val = CORE_FILE_CODE + 16},
	    {.a_type = AT_NULL},
	};
	struct elf_prpsinfo info = {.pr_fname = "sample", .pr_pid = CORE_FILE_PID};

	/* -512: the call was interrupted, and would be made again. */
	at = add_thread(at, CORE_FILE_PID,
			(struct user_regs_struct){.orig_rax = CORE_FILE_CALL,
						  .rax = (unsigned long)-512,
						  .rdi = CORE_FILE_MEMORY,
						  .rip = CORE_FILE_CODE + 1,
						  .rsp = CORE_FILE_MEMORY});
	at = add_note(at, NT_PRPSINFO, &info, sizeof(info));
	at = add_note(at, NT_AUXV, auxiliary, sizeof(auxiliary));
	at = add_files(at);
	return add_thread(at, CORE_FILE_PID + 1,
			  (struct user_regs_struct){.orig_rax = (unsigned long)-1});
}

size_t core_file_make(uint8_t ret[CORE_FILE_SIZE])
{
	const Elf64_Ehdr header = {
	    .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
	    .e_type = ET_CORE,
	    .e_machine = EM_X86_64,
	    .e_version = EV_CURRENT,
	    .e_phoff = sizeof(header),
	    .e_ehsize = sizeof(header),
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phnum = N_HEADERS,
	};
	uint64_t end = (uint64_t)(add_notes(ret + NOTES_AT) - ret);
	const Elf64_Phdr headers[N_HEADERS] = {
	    {.p_type = PT_NOTE, .p_offset = NOTES_AT, .p_filesz = end - NOTES_AT},
	    /* Two pieces that meet. */
	    {.p_type = PT_LOAD,
	     .p_offset = end + CORE_FILE_MEMORY_SIZE / 2,
	     .p_vaddr = CORE_FILE_MEMORY + CORE_FILE_MEMORY_SIZE / 2,
	     .p_filesz = CORE_FILE_MEMORY_SIZE / 2,
	     .p_memsz = CORE_FILE_MEMORY_SIZE / 2},
	    {.p_type = PT_LOAD,
	     .p_offset = end,
	     .p_vaddr = CORE_FILE_MEMORY,
	     .p_filesz = CORE_FILE_MEMORY_SIZE / 2,
	     .p_memsz = CORE_FILE_MEMORY_SIZE / 2},
	    /* Code, which is not in the core itself. */
	    {.p_type = PT_LOAD, .p_vaddr = CORE_FILE_CODE, .p_memsz = 4096, .p_flags = PF_X},
	};

	memcpy(ret, &header, sizeof(header));
	memcpy(ret + sizeof(header), headers, sizeof(headers));
	for (unsigned i = 0; i < CORE_FILE_MEMORY_SIZE; i++)
		ret[end + i] = (uint8_t)i;
	return end + CORE_FILE_MEMORY_SIZE;
}
