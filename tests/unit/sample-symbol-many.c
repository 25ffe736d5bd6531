/* SPDX-License-Identifier: GPL-2.0-or-later */
/* As many exported functions as QEMU has, to see that looking one up is quick. */
__asm__(".altmacro\n"
	".macro one n\n"
	".globl many_\\n\n"
	".type many_\\n, @function\n"
	"many_\\n: ret\n"
	".size many_\\n, 1\n"
	".endm\n"
	".text\n"
	".set i, 0\n"
	".rept 20000\n"
	"one %i\n"
	".set i, i + 1\n"
	".endr\n"
	".noaltmacro\n");
