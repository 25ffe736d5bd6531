/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: make-core FILE. Makes the seed of fuzz-core, which the project keeps. */
#include "core-file.h"

#include <stdio.h>

int main(int argc, char **argv)
{
	static uint8_t bytes[CORE_FILE_SIZE];
	size_t size = core_file_make(bytes);
	FILE *out = argc == 2 ? fopen(argv[1], "wb") : NULL;

	if (!out || fwrite(bytes, size, 1, out) != 1 || fclose(out) != 0) {
		fprintf(stderr, "make-core: cannot write the file\n");
		return 1;
	}
	return 0;
}
