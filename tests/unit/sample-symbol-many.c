/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As many exported functions as QEMU has, to see that looking one up is quick; and one whose size
 * is left out, with one behind it that is not exported.
 */
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
	".noaltmacro\n"
	".globl without_size\n"
	".type without_size, @function\n"
	"without_size: ret\n"
	".type hidden, @function\n"
	"hidden: ret\n"
	".size hidden, 1\n");
