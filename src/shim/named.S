/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thunks for calls that a profile names. All registers that can carry arguments or results are
 * kept, vectors up to 16 bytes; r10 and r11 are not, as the loader's own binding does not keep
 * them. The frames can be unwound, and exceptions pass through them.
 */
#include "shim/named.h"

#if defined(__x86_64__)

#ifdef __CET__
#include <cet.h>
#endif

	.hidden shim_tls
	.hidden shim_named
	.hidden shim_named_call

	.text

/* Thunk i: shim_named[i] in r11. Each takes 16 bytes. */
	.globl shim_named_thunks
	.hidden shim_named_thunks
	.type shim_named_thunks, @function
	.p2align 4
shim_named_thunks:
	.cfi_startproc
	.set i, 0
	.rept SHIM_NAMED_MAX
	endbr64
	leaq shim_named + i * SHIM_NAMED_SIZE(%rip), %r11
	jmp enter
	.p2align 4
	.set i, i + 1
	.endr
	.cfi_endproc
	.size shim_named_thunks, . - shim_named_thunks

/* A thread that has not begun has no slot; one that holds nothing has top 0. */
	.type enter, @function
enter:
	.cfi_startproc
	cmpq $0, SHIM_NAMED_UNBOUND(%r11)
	jne watched
	movq shim_tls@gottpoff(%rip), %r10
	movq %fs:(%r10), %r10
	movq (%r10), %r10
	testq %r10, %r10
	jz 1f
	cmpl $0, SHIM_NAMED_SLOT_TOP(%r10)
	jne watched
1:	jmp *SHIM_NAMED_REAL(%r11)
	.cfi_endproc
	.size enter, . - enter

/* Keeps the arguments in a struct shim_named_frame, and takes the results from there. */
	.type watched, @function
watched:
	.cfi_startproc
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	subq $SHIM_NAMED_FRAME, %rsp
	movaps %xmm0, 0(%rsp)
	movaps %xmm1, 16(%rsp)
	movaps %xmm2, 32(%rsp)
	movaps %xmm3, 48(%rsp)
	movaps %xmm4, 64(%rsp)
	movaps %xmm5, 80(%rsp)
	movaps %xmm6, 96(%rsp)
	movaps %xmm7, 112(%rsp)
	movq %rdi, SHIM_NAMED_RDI(%rsp)
	movq %rsi, SHIM_NAMED_RSI(%rsp)
	movq %rdx, SHIM_NAMED_RDX(%rsp)
	movq %rcx, SHIM_NAMED_RCX(%rsp)
	movq %r8, SHIM_NAMED_R8(%rsp)
	movq %r9, SHIM_NAMED_R9(%rsp)
	movq %rax, SHIM_NAMED_RAX(%rsp)
	movq %r11, SHIM_NAMED_CALL(%rsp)
	movq %rsp, %rdi
	call shim_named_call
	testl %eax, %eax
	jz 1f
	movaps 0(%rsp), %xmm0
	movaps 16(%rsp), %xmm1
	movq SHIM_NAMED_RDX(%rsp), %rdx
	movq SHIM_NAMED_RAX(%rsp), %rax
	leave
	.cfi_remember_state
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_restore_state
/* It was not called: as if we had never been here. */
1:	movaps 0(%rsp), %xmm0
	movaps 16(%rsp), %xmm1
	movaps 32(%rsp), %xmm2
	movaps 48(%rsp), %xmm3
	movaps 64(%rsp), %xmm4
	movaps 80(%rsp), %xmm5
	movaps 96(%rsp), %xmm6
	movaps 112(%rsp), %xmm7
	movq SHIM_NAMED_RDI(%rsp), %rdi
	movq SHIM_NAMED_RSI(%rsp), %rsi
	movq SHIM_NAMED_RDX(%rsp), %rdx
	movq SHIM_NAMED_RCX(%rsp), %rcx
	movq SHIM_NAMED_R8(%rsp), %r8
	movq SHIM_NAMED_R9(%rsp), %r9
	movq SHIM_NAMED_RAX(%rsp), %rax
	movq SHIM_NAMED_CALL(%rsp), %r11
	leave
	.cfi_def_cfa %rsp, 8
	jmp *SHIM_NAMED_REAL(%r11)
	.cfi_endproc
	.size watched, . - watched

/*
 * void shim_named_invoke(struct shim_named_frame *frame, uint64_t real, size_t stack_size):
 * calls @real with the arguments of @frame, of which @stack_size bytes, a multiple of 16, are on
 * the stack; leaves the results in @frame.
 */
	.globl shim_named_invoke
	.hidden shim_named_invoke
	.type shim_named_invoke, @function
shim_named_invoke:
	.cfi_startproc
	endbr64
	pushq %rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq %rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq %rbx
	.cfi_offset %rbx, -24
	subq $8, %rsp
	subq %rdx, %rsp
	movq %rdi, %rbx
	movq %rsi, %r11
	movq %rdx, %rcx
	shrq $3, %rcx
	leaq SHIM_NAMED_STACK(%rbx), %rsi
	movq %rsp, %rdi
	rep movsq
	movaps 0(%rbx), %xmm0
	movaps 16(%rbx), %xmm1
	movaps 32(%rbx), %xmm2
	movaps 48(%rbx), %xmm3
	movaps 64(%rbx), %xmm4
	movaps 80(%rbx), %xmm5
	movaps 96(%rbx), %xmm6
	movaps 112(%rbx), %xmm7
	movq SHIM_NAMED_RDI(%rbx), %rdi
	movq SHIM_NAMED_RSI(%rbx), %rsi
	movq SHIM_NAMED_RDX(%rbx), %rdx
	movq SHIM_NAMED_RCX(%rbx), %rcx
	movq SHIM_NAMED_R8(%rbx), %r8
	movq SHIM_NAMED_R9(%rbx), %r9
	movq SHIM_NAMED_RAX(%rbx), %rax
	call *%r11
	movaps %xmm0, 0(%rbx)
	movaps %xmm1, 16(%rbx)
	movq %rdx, SHIM_NAMED_RDX(%rbx)
	movq %rax, SHIM_NAMED_RAX(%rbx)
	leaq -8(%rbp), %rsp
	popq %rbx
	.cfi_restore %rbx
	popq %rbp
	.cfi_restore %rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size shim_named_invoke, . - shim_named_invoke

#endif

	.section .note.GNU-stack, "", @progbits
