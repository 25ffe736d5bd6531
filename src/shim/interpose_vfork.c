/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A child by vfork() runs in this thread's memory, as this thread, until it ends or executes
 * another program: meanwhile this thread is deaf. vfork() returns twice into a stack frame that
 * the child may have overwritten in between, so where it returns to is kept elsewhere.
 */
#include "shim/interpose.h"
#include "shim/real.h"

#if defined(__x86_64__)
struct vfork_return {
	long r;
	uint64_t to;
};

struct vfork_call {
	pid_t (*real)(void);
	uint64_t nested; /* by such a child: nothing more is to be done about it */
};

__attribute__((used)) struct vfork_call shim_vfork_begin(uint64_t return_to);
struct vfork_call shim_vfork_begin(uint64_t return_to)
{
	struct vfork_call call = {.nested = shim_tls.vforked != NULL};

	/* A stub has a stack frame of its own, and must not be what is called. */
	if (!shim_real_resolved)
		shim_real_resolve();
	call.real = shim_real.vfork;
	if (!call.nested)
		shim_tls.vfork_return = return_to;
	return call;
}

__attribute__((used)) struct vfork_return shim_vfork_returned(long r);
struct vfork_return shim_vfork_returned(long r)
{
	if (r == 0) {
		shim_tls.vforked = shim_self;
		shim_self = &shim_deaf;
	} else if (shim_tls.vforked) {
		shim_self = shim_tls.vforked;
		shim_tls.vforked = NULL;
	}
	return (struct vfork_return){r, shim_tls.vfork_return};
}

__asm__(".globl vfork\n"
	".type vfork, @function\n"
	"vfork:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	movq (%rsp), %rdi\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call shim_vfork_begin\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	testq %rdx, %rdx\n"
	"	jz 1f\n"
	"	jmp *%rax\n"
	"1:	addq $8, %rsp\n"
	"	.cfi_undefined %rip\n"
	"	call *%rax\n"
	"	movslq %eax, %rdi\n"
	"	call shim_vfork_returned\n"
	"	pushq %rdx\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size vfork, . - vfork\n");

SHIM_ALIAS(__vfork, vfork);
#endif
