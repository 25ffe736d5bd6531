/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks, by libunwind's cached unwinder (unw_backtrace).
 *
 * libunwind is opened privately, from our constructor: as a dependency its _Unwind_*
 * functions would stand before libgcc's and run the program's C++ exceptions. Where it
 * cannot be opened, or may not be used now, a stack is just the site, and is marked short.
 *
 * Telling runs on a stack of our own: the program's may be as small as
 * PTHREAD_STACK_MIN, or a signal handler's. The unwinder walks from the one to the other
 * by the frame pointer.
 *
 * libunwind takes the loader's list lock (dl_iterate_phdr) for code that it sees for the
 * first time. While the program itself walks that list, and its callback might wait for a
 * lock that our thread holds, stacks are short.
 */
#include "shim/real.h"
#include "shim/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

/* Deeper stacks were never seen to say more. */
#define FRAMES_MAX 128

/* More than the frames of our own between the unwinder and the program. */
#define FRAMES_OWN 32

/* A stack whose hash has this many neighbours is told again: longer, not wrong. */
#define STACK_PROBES 16

static int (*backtrace_of)(void **buffer, int size);

/* Threads inside libunwind. Not wiped by a fork: the child must know what it inherited. */
static uint32_t unwinding;

uint32_t shim_loader_walks;

struct capture {
	struct shim_thread *t;
	uint64_t caller; /* return address of the program's call */
	uint32_t id;     /* of the stack that was told */
};

void shim_unwind_init(void)
{
	void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
	void *symbol = library ? dlsym(library, "unw_backtrace") : NULL;
	void *frames[4];

	if (!symbol)
		return;
	memcpy(&backtrace_of, &symbol, sizeof(symbol));
	/* The first call sets libunwind up; better here than under some lock of the program. */
	backtrace_of(frames, 4);
}

const void *shim_unwinder(void)
{
	return (const void *)backtrace_of;
}

/*
 * Calls @function(@argument) on the stack that ends at @top. The frame pointer leads back, for
 * the unwinder as for us.
 */
#if defined(__x86_64__)
void shim_call_on_stack(void (*function)(void *), void *argument, uintptr_t top);
__asm__(".pushsection .text\n"
	".hidden shim_call_on_stack\n"
	".globl shim_call_on_stack\n"
	".type shim_call_on_stack, @function\n"
	"shim_call_on_stack:\n"
	"	.cfi_startproc\n"
	"	endbr64\n"
	"	push %rbp\n"
	"	.cfi_def_cfa_offset 16\n"
	"	.cfi_offset %rbp, -16\n"
	"	mov %rsp, %rbp\n"
	"	.cfi_def_cfa_register %rbp\n"
	"	mov %rdx, %rsp\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	call *%rax\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp\n"
	"	.cfi_def_cfa %rsp, 8\n"
	"	ret\n"
	"	.cfi_endproc\n"
	".size shim_call_on_stack, .-shim_call_on_stack\n"
	".popsection\n");
#else
static void shim_call_on_stack(void (*function)(void *), void *argument, uintptr_t top)
{
	(void)top;
	function(argument);
}
#endif

static bool may_unwind(void)
{
	return backtrace_of && shim->settings.stacks && !shim->unwinding_off &&
	       !shim->writer.sealed && __atomic_load_n(&shim_loader_walks, __ATOMIC_ACQUIRE) == 0;
}

/* Return: how many of @frames were filled, from the program's call outwards; 0: none. */
static uint32_t unwind(void **frames, uint64_t caller, uint32_t *first)
{
	int n;

	__atomic_fetch_add(&unwinding, 1, __ATOMIC_RELAXED);
	n = backtrace_of(frames, FRAMES_MAX + FRAMES_OWN);
	__atomic_fetch_sub(&unwinding, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < n && i < FRAMES_OWN; i++) {
		if ((uint64_t)frames[i] == caller) {
			*first = (uint32_t)i;
			return (uint32_t)(n - i);
		}
	}
	return 0;
}

/* Equal stacks are told once: return its id, or 0 with @ret_free a place for it, or NULL. */
static uint32_t find_told(const uint64_t *frames, uint32_t n, uint64_t hash, uint64_t **ret_free)
{
	*ret_free = NULL;
	for (uint32_t i = 0; i < STACK_PROBES; i++) {
		uint64_t *entry = &shim->stacks[(hash + i) & (SHIM_STACKS - 1)];
		uint64_t there = __atomic_load_n(entry, __ATOMIC_ACQUIRE);
		const struct dw_rec_stack *stack;

		if (!there) {
			*ret_free = entry;
			return 0;
		}
		if (there >> 32 != hash >> 32)
			continue;
		stack = dw_writer_record(&shim->writer, (uint32_t)there);
		if (stack->n_frames == n && !memcmp(stack->frames, frames, n * sizeof(*frames)))
			return (uint32_t)there;
	}
	return 0;
}

static uint32_t tell_stack(struct shim_thread *t, const uint64_t *frames, uint32_t n,
			   uint32_t flags)
{
	uint64_t hash = flags, *entry, none = 0;
	struct dw_rec_stack *stack;
	uint32_t id;

	for (uint32_t i = 0; i < n; i++)
		hash = dw_hash(hash, frames[i]);
	id = find_told(frames, n, hash, &entry);
	if (id)
		return id;
	stack = dw_writer_reserve(&shim->writer, &t->cursor, sizeof(*stack) + n * sizeof(*frames));
	if (!stack)
		return 0;
	stack->n_frames = n;
	stack->flags = flags;
	memcpy(stack->frames, frames, n * sizeof(*frames));
	id = dw_writer_submit(&shim->writer, stack, DW_REC_STACK);
	if (entry)
		__atomic_compare_exchange_n(entry, &none, hash >> 32 << 32 | id, 0,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED);
	return id;
}

/* The entry of a stack by its addresses: its own, or a free one; NULL: there is no place. */
static struct shim_told_stack *find_addresses(uint64_t hash)
{
	for (uint32_t i = 0; i < STACK_PROBES; i++) {
		struct shim_told_stack *told = &shim->addresses[(hash + i) & (SHIM_STACKS - 1)];
		uint64_t there = __atomic_load_n(&told->hash, __ATOMIC_ACQUIRE);

		if (!there || there == hash)
			return told;
	}
	return NULL;
}

/*
 * The told stack with these frames. A stack that is met again is found by the addresses of its
 * frames, which is quicker than finding out what files they are in; 64 bits of hash are taken
 * for equality.
 */
static uint32_t tell_frames(struct shim_thread *t, void *const *frames, uint32_t n, uint32_t flags)
{
	uint64_t hash = dw_hash(flags, __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE));
	uint64_t places[FRAMES_MAX + FRAMES_OWN], none = 0;
	struct shim_told_stack *told;
	uint32_t id;

	for (uint32_t i = 0; i < n; i++)
		hash = dw_hash(hash, (uint64_t)frames[i]);
	hash |= 1;
	told = find_addresses(hash);
	if (told && __atomic_load_n(&told->hash, __ATOMIC_ACQUIRE) == hash) {
		id = (uint32_t)__atomic_load_n(&told->id, __ATOMIC_ACQUIRE);
		if (id)
			return id;
	}
	for (uint32_t i = 0; i < n; i++)
		places[i] = shim_place(t, (uint64_t)frames[i]);
	id = tell_stack(t, places, n, flags);
	if (id && told &&
	    (__atomic_compare_exchange_n(&told->hash, &none, hash, 0, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE) ||
	     none == hash))
		__atomic_store_n(&told->id, id, __ATOMIC_RELEASE);
	return id;
}

static void capture(void *argument)
{
	struct capture *c = argument;
	void *frames[FRAMES_MAX + FRAMES_OWN];
	uint32_t first = 0, flags = 0;
	uint32_t n = may_unwind() ? unwind(frames, c->caller, &first) : 0;

	if (!n) {
		frames[0] = (void *)c->caller;
		n = 1;
		flags = DW_STACK_SHORT;
		__atomic_fetch_add(&shim->writer.header->short_stacks, 1, __ATOMIC_RELAXED);
	} else if (first + n == FRAMES_MAX + FRAMES_OWN) {
		flags = DW_STACK_CUT;
	}
	c->id = tell_frames(c->t, frames + first, n, flags);
}

uint32_t shim_stack(struct shim_thread *t, uint64_t caller)
{
	struct capture c = {.t = t, .caller = caller};
	int error = errno;

	shim_call_on_stack(capture, &c, t->stack_top);
	errno = error;
	return c.id;
}

/* If another thread was inside libunwind at the fork, libunwind's locks stay taken for ever. */
bool shim_unwind_inherited(void)
{
	return __atomic_exchange_n(&unwinding, 0, __ATOMIC_RELAXED) != 0;
}
