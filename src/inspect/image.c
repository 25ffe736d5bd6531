/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/image.h"

#include <elf.h>
#include <gelf.h>
#include <string.h>

/* What debuggers look for; the names and forms are theirs. */
#define LIST_NAME "__jit_debug_descriptor"

struct descriptor {
	uint32_t version, action;
	uint64_t relevant, first;
};

struct entry {
	uint64_t next, previous, address, size;
};

/* An image describes code, it is not the code; QEMU's has 600 bytes. */
#define IMAGE_MAX_SIZE ((uint64_t)1 << 20)

/* The value of the symbol in @section; 0: it is not there. */
static uint64_t find_symbol(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
	Elf_Data *data = elf_getdata(section, NULL);
	size_t n = header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
	GElf_Sym symbol;

	for (size_t i = 0; data && i < n && gelf_getsym(data, (int)i, &symbol); i++) {
		const char *name;

		if (symbol.st_shndx == SHN_UNDEF || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT)
			continue;
		name = elf_strptr(elf, header->sh_link, symbol.st_name);
		if (name && strcmp(name, LIST_NAME) == 0)
			return symbol.st_value;
	}
	return 0;
}

uint64_t dw_image_list(Elf *elf)
{
	Elf_Scn *section = NULL;
	uint64_t value = 0;

	while (value == 0 && (section = elf_nextscn(elf, section))) {
		GElf_Shdr header;

		if (gelf_getshdr(section, &header) &&
		    (header.sh_type == SHT_SYMTAB || header.sh_type == SHT_DYNSYM))
			value = find_symbol(elf, section, &header);
	}
	return value;
}

/* The one program header of @image; NULL: it has not the form that debuggers want. */
static char *find_program_header(const struct dw_image *image)
{
	Elf64_Ehdr header;

	if (image->size < sizeof(header))
		return NULL;
	memcpy(&header, image->bytes, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_phnum != 1 ||
	    header.e_phentsize != sizeof(Elf64_Phdr) ||
	    header.e_phoff > image->size - sizeof(Elf64_Phdr))
		return NULL;
	return (char *)image->bytes + header.e_phoff;
}

/*
 * Finds where the code is. QEMU leaves the alignment there 0, for which libdwfl would take the
 * code's address for 0.
 */
static bool find_code(struct dw_image *image)
{
	char *at = find_program_header(image);
	Elf64_Phdr program;

	if (!at)
		return false;
	memcpy(&program, at, sizeof(program));
	if (program.p_type != PT_LOAD || program.p_memsz == 0 ||
	    program.p_vaddr > UINT64_MAX - program.p_memsz)
		return false;
	image->start = program.p_vaddr;
	image->end = program.p_vaddr + program.p_memsz;
	program.p_align = 1;
	memcpy(at, &program, sizeof(program));
	return true;
}

uint32_t dw_images_read(struct dw_arena *arena, dw_read_function *read, void *context,
			uint64_t address, struct dw_image *ret)
{
	struct descriptor list;
	struct entry entry;
	uint32_t n = 0;

	if (!read(context, address, &list, sizeof(list)) || list.version != 1)
		return 0;
	entry.next = list.first;
	for (uint32_t i = 0; i < DW_IMAGES_MAX && entry.next; i++) {
		struct dw_image image;

		if (!read(context, entry.next, &entry, sizeof(entry)))
			break;
		if (entry.size > IMAGE_MAX_SIZE)
			continue;
		image = (struct dw_image){.size = entry.size};
		image.bytes = dw_arena_alloc(arena, image.size);
		if (image.bytes && read(context, entry.address, image.bytes, image.size) &&
		    find_code(&image))
			ret[n++] = image;
	}
	return n;
}
