/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls that a profile names, under way. The thunks come here when their thread holds something,
 * or when the loader has not bound the function yet.
 */
#include "shim/named.h"

#if defined(__x86_64__)

#include "shim/text.h"
#include "shim/wait.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Arguments on the stack that are handed on. */
#define STACK_SIZE_MAX 128

#define PAGE_SIZE UINT64_C(4096)

/* What the thunk keeps, as it lies on the stack below its caller's arguments. */
struct shim_named_frame {
	uint64_t vectors[16] __attribute__((aligned(16)));
	uint64_t rdi, rsi, rdx, rcx, r8, r9, rax;
	struct shim_named *call;
	uint64_t room[2];
	uint64_t rbp, caller; /* a frame's beginning */
	uint64_t stack[];
};

#define AT(member, offset)                                                                       \
	_Static_assert(offsetof(struct shim_named_frame, member) == (offset), "the thunks know " \
									      "it")
AT(rdi, SHIM_NAMED_RDI);
AT(rsi, SHIM_NAMED_RSI);
AT(rdx, SHIM_NAMED_RDX);
AT(rcx, SHIM_NAMED_RCX);
AT(r8, SHIM_NAMED_R8);
AT(r9, SHIM_NAMED_R9);
AT(rax, SHIM_NAMED_RAX);
AT(call, SHIM_NAMED_CALL);
AT(rbp, SHIM_NAMED_FRAME);
AT(stack, SHIM_NAMED_STACK);
_Static_assert(offsetof(struct shim_named, real) == SHIM_NAMED_REAL, "the thunks know it");
_Static_assert(offsetof(struct shim_named, unbound) == SHIM_NAMED_UNBOUND, "the thunks know it");
_Static_assert(offsetof(struct shim_tls, self) == 0, "the thunks know it");
_Static_assert(offsetof(struct shim_thread, thread.slot) == 0, "the thunks know it");
_Static_assert(offsetof(struct dw_slot, top) == SHIM_NAMED_SLOT_TOP, "the thunks know it");

struct shim_named shim_named[SHIM_NAMED_MAX];

extern const char shim_named_thunks[] __attribute__((visibility("hidden")));

void shim_named_invoke(struct shim_named_frame *frame, uint64_t real, size_t stack_size);
int shim_named_call(struct shim_named_frame *frame);

uint64_t shim_named_thunk(uint32_t i)
{
	return (uint64_t)shim_named_thunks + UINT64_C(16) * i;
}

/* A call under way. */
struct named_call {
	struct shim_named *call;
	struct shim_wait wait;
};

static void *page_of(uint64_t address)
{
	return (void *)(address & ~(PAGE_SIZE - 1));
}

static bool is_supported(void)
{
	return madvise(page_of((uint64_t)shim_named), PAGE_SIZE, MADV_POPULATE_READ) == 0;
}

int shim_page_allows(uint64_t address, int advice)
{
	int error = errno, r;

	if (!shim || shim->writer.sealed)
		return -1;
	r = madvise(page_of(address), PAGE_SIZE, advice) == 0;
	/* Kernels before 5.14 refuse in the same words. */
	if (!r && !is_supported())
		r = -1;
	errno = error;
	return r;
}

/*
 * How many bytes of @stack may be arguments: those that can be read. Where it ends with its page,
 * as that of a coroutine may, what follows may be no stack. Return: negative: it is not known.
 */
static long stack_size(const uint64_t *stack)
{
	uint64_t rest = PAGE_SIZE - ((uint64_t)stack & (PAGE_SIZE - 1));
	int r = rest < STACK_SIZE_MAX ? shim_page_allows((uint64_t)stack + rest, MADV_POPULATE_READ)
				      : 1;

	if (r < 0)
		return -1;
	return r ? STACK_SIZE_MAX : (long)rest;
}

/* Within the same call, as where a file's own entry leads to another file's, there is no other. */
static void begin(struct named_call *named, uint64_t caller)
{
	struct shim_named *call = named->call;
	struct shim_thread *t = shim_self;

	if (!shim_must_tell(t, 0) || t->thread.slot->waits.thing == shim_text_thing(call->number))
		return;
	shim_enter(&named->wait, DW_CALL_NAMED + call->number, 0, 0, caller);
	shim_text_tell(t, call->number);
}

/* Also when an exception passes, or the thread is cancelled. */
static void end(struct named_call *named)
{
	if (named->wait.t)
		shim_left(&named->wait);
	if (named->call->unbound)
		shim_named_bound(named->call);
}

/* Return: whether the call was made. */
int shim_named_call(struct shim_named_frame *frame)
{
	dw_cleanup(end) struct named_call named;
	uint64_t real = __atomic_load_n(&frame->call->real, __ATOMIC_ACQUIRE);
	long size = stack_size(frame->stack);

	named.call = frame->call;
	named.wait.t = NULL;
	if (size < 0)
		return 0;
	begin(&named, frame->caller);
	shim_named_invoke(frame, real, (size_t)size);
	return 1;
}

#endif
