/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stacks: walked by call frame information, told once.
 *
 * What the row of an address says is packed into a word and remembered for the whole process, so
 * a frame of a place that was seen before costs a look-up and a few loads.
 *
 * Telling runs on a stack of our own: the program's may be as small as PTHREAD_STACK_MIN, or a
 * signal handler's.
 */
#include "shim/cfi.h"
#include "shim/handler.h"
#include "shim/shim.h"

#include <errno.h>
#include <string.h>

/* Deeper stacks were never seen to say more. */
#define FRAMES_MAX 128

/* More than the frames of our own between here and the program. */
#define FRAMES_OWN 32

/* A stack or row whose hash has this many neighbours is told or read again: longer, not wrong. */
#define STACK_PROBES 16
#define ROW_PROBES 4

/* The key of an entry that is being filled; no address is so low. */
#define ROW_BUSY 1

struct capture {
	struct shim_thread *t;
	struct shim_latest *latest; /* NULL: this one is not to be remembered */
	struct cfi_registers registers;
	uint64_t caller; /* return address of the program's call */
	uint32_t id;     /* of the stack that was told */

	/* Of the signal handler that it is in, the innermost: where it is, and what the kernel
	 * saved. */
	uint64_t handler, context; /* 0: in none */
};

/*
 * A row as a word: bit 0 is set, bit 1 says that the CFA is based on rbp and not on rsp, 20 bits
 * are its offset, and 6 bits for each register where below the CFA it is saved, 0 being nowhere;
 * both in units of 8 bytes. Nearly all rows are of this kind, or say that here the stack ends;
 * 0 stands for the others.
 */
static const uint8_t packed_registers[] = {CFI_RBX,     CFI_RBP,     CFI_R12,
					   CFI_R12 + 1, CFI_R12 + 2, CFI_R15};

#define ROW_END 2

#define N_PACKED (sizeof(packed_registers) / sizeof(*packed_registers))
#define OFFSET_BITS 20
#define SAVED_BITS 6
#define SAVED_SHIFT(i) (2 + OFFSET_BITS + SAVED_BITS * (i))

/* Return: whether @rule is "saved below the CFA" or "not changed", with @ret_words saying where. */
static bool is_saved(const struct cfi_rule *rule, uint64_t *ret_words)
{
	*ret_words = (uint64_t)-rule->number / 8;
	if (rule->kind == CFI_SAME)
		return true;
	return rule->kind == CFI_OFFSET && rule->number < 0 && rule->number % 8 == 0 &&
	       *ret_words < 1u << SAVED_BITS;
}

static uint64_t packed(const struct cfi_row *row)
{
	uint64_t word = 1, words;

	if (row->rules[CFI_RA].kind == CFI_UNDEFINED)
		return ROW_END;
	if (row->cfa_expression || row->signal_frame || row->cfa_offset < 0 ||
	    row->cfa_offset % 8 || row->cfa_offset / 8 >= 1 << OFFSET_BITS ||
	    (row->cfa_register != CFI_RSP && row->cfa_register != CFI_RBP))
		return 0;
	if (row->rules[CFI_RA].kind != CFI_OFFSET || row->rules[CFI_RA].number != -8 ||
	    row->rules[CFI_RSP].kind != CFI_SAME)
		return 0;
	word |= (uint64_t)(row->cfa_register == CFI_RBP) << 1;
	word |= (uint64_t)(row->cfa_offset / 8) << 2;
	for (unsigned i = 0; i < N_PACKED; i++) {
		if (!is_saved(&row->rules[packed_registers[i]], &words))
			return 0;
		word |= words << SAVED_SHIFT(i);
	}
	return word;
}

static bool step_packed(uint64_t word, struct cfi_registers *registers)
{
	uint64_t base = registers->value[word & 2 ? CFI_RBP : CFI_RSP];
	const uint64_t *cfa = (const uint64_t *)(base + (word >> 2 & ((1 << OFFSET_BITS) - 1)) * 8);

	for (unsigned i = 0; i < N_PACKED; i++) {
		uint64_t words = word >> SAVED_SHIFT(i) & ((1 << SAVED_BITS) - 1);

		if (words)
			registers->value[packed_registers[i]] = cfa[-(int64_t)words];
	}
	registers->value[CFI_RSP] = (uint64_t)cfa;
	registers->value[CFI_RA] = cfa[-1];
	return registers->value[CFI_RA] != 0;
}

/* An address as the key of its row; another one after every unload of a file. */
static uint64_t row_key(uint64_t address)
{
	uint64_t unloads = __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE);

	return address | unloads << 48;
}

static struct shim_row *row_at(uint64_t key, uint32_t probe)
{
	return &shim->rows[((dw_hash(0, key) >> 16) + probe) & (SHIM_ROWS - 1)];
}

static uint64_t find_row(uint64_t key)
{
	for (uint32_t i = 0; i < ROW_PROBES; i++) {
		const struct shim_row *row = row_at(key, i);

		if (__atomic_load_n(&row->key, __ATOMIC_ACQUIRE) == key)
			return row->word;
	}
	return 0;
}

/* Takes a free entry, or one from before the last unload. */
static void remember_row(uint64_t key, uint64_t word)
{
	for (uint32_t i = 0; i < ROW_PROBES; i++) {
		struct shim_row *row = row_at(key, i);
		uint64_t there = __atomic_load_n(&row->key, __ATOMIC_ACQUIRE);

		if (there == ROW_BUSY || (there && there >> 48 == key >> 48))
			continue;
		if (!__atomic_compare_exchange_n(&row->key, &there, ROW_BUSY, 0, __ATOMIC_ACQUIRE,
						 __ATOMIC_RELAXED))
			continue;
		row->word = word;
		__atomic_store_n(&row->key, key, __ATOMIC_RELEASE);
		return;
	}
}

/*
 * From a frame to its caller's. @called: the frame's address is where a call returns to, which may
 * be behind its function's end. Then whether the caller's is one too.
 */
static bool step(struct cfi_registers *registers, bool *called)
{
	uint64_t address = registers->value[CFI_RA] - *called;
	uint64_t key = row_key(address), word = find_row(key);
	struct cfi_row row;

	*called = true;
	if (word)
		return word != ROW_END && step_packed(word, registers);
	if (!cfi_find(address, &row))
		return false;
	word = packed(&row);
	if (word)
		remember_row(key, word);
	*called = !row.signal_frame;
	return cfi_step(&row, registers);
}

/* A frame that was interrupted has no return address where others have theirs. */
static bool add_return(struct shim_latest *latest, const struct cfi_registers *registers,
		       bool called)
{
	const uint64_t *at = (const uint64_t *)registers->value[CFI_RSP] - 1;

	if (!called || latest->n == SHIM_LATEST_MAX || *at != registers->value[CFI_RA])
		return false;
	latest->returns[latest->n++] = (struct shim_return){at, registers->value[CFI_RA]};
	return true;
}

/*
 * Fills @frames from the program's call outwards with return addresses, and for interrupted
 * functions with what one more than the address is, so that all are read alike. Our own frames
 * (a thread's begin, a hook of QEMU's) are left out.
 *
 * Return: how many.
 */
static uint32_t unwind(struct capture *c, uint64_t *frames)
{
	struct cfi_registers *registers = &c->registers;
	bool called = true, in_program = false;
	uint64_t inner = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < FRAMES_OWN + FRAMES_MAX && n < FRAMES_MAX; i++) {
		uint64_t address = registers->value[CFI_RA], stack = registers->value[CFI_RSP];

		in_program |= address == c->caller;
		if (in_program && !shim_is_ours(address))
			frames[n++] = address + !called;
		if ((!in_program && i == FRAMES_OWN) || !step(registers, &called))
			break;
		if (c->latest && !add_return(c->latest, registers, called))
			c->latest = NULL;
		if (!called && !c->context) {
			c->handler = inner;
			c->context = stack;
		}
		inner = address;
	}
	return n;
}

/*
 * Calls @function(@argument) on the stack that ends at @top.
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
static uint32_t tell_frames(struct shim_thread *t, const uint64_t *frames, uint32_t n,
			    uint32_t flags)
{
	uint64_t hash = dw_hash(flags, __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE));
	uint64_t places[FRAMES_MAX], none = 0;
	struct shim_told_stack *told;
	uint32_t id;

	for (uint32_t i = 0; i < n; i++)
		hash = dw_hash(hash, frames[i]);
	hash |= 1;
	told = find_addresses(hash);
	if (told && __atomic_load_n(&told->hash, __ATOMIC_ACQUIRE) == hash) {
		id = (uint32_t)__atomic_load_n(&told->id, __ATOMIC_ACQUIRE);
		if (id)
			return id;
	}
	for (uint32_t i = 0; i < n; i++)
		places[i] = shim_place(t, frames[i]);
	id = tell_stack(t, places, n, flags);
	if (id && told &&
	    (__atomic_compare_exchange_n(&told->hash, &none, hash, 0, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE) ||
	     none == hash))
		__atomic_store_n(&told->id, id, __ATOMIC_RELEASE);
	return id;
}

/* Leaves out what the shim itself is doing in the middle of the stack, or at its outer end. */
static uint32_t without_own(uint64_t *frames, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++)
		if (!shim_is_ours(frames[i]))
			frames[kept++] = frames[i];
	return kept;
}

static void capture(void *argument)
{
	struct capture *c = argument;
	uint64_t frames[FRAMES_MAX];
	uint32_t n = 0, flags = 0;

	if (shim->settings.stacks)
		n = unwind(c, frames);
	if (!n) {
		frames[n++] = c->caller;
		flags = DW_STACK_SHORT;
		__atomic_fetch_add(&shim->writer.header->short_stacks, 1, __ATOMIC_RELAXED);
	} else if (n == FRAMES_MAX) {
		flags = DW_STACK_CUT;
	}
	c->id = tell_frames(c->t, frames, without_own(frames, n), flags);
	/* In a handler: two signals may have the same, which no return address tells. */
	if (c->latest && !flags && !c->context)
		c->latest->id = c->id;
	c->t->interrupted = c->context != 0;
	c->t->signal = c->context ? shim_signal_of(cfi_function(c->handler - 1), c->context) : 0;
}

static void look(void *argument)
{
	struct capture *c = argument;
	uint64_t frames[FRAMES_MAX];
	uint32_t n = unwind(c, frames);

	if (c->latest && n && n < FRAMES_MAX && !c->context)
		c->latest->id = 1;
}

#if defined(__x86_64__)
/* This frame's own registers, to begin with. */
static inline __attribute__((always_inline)) void registers_now(struct cfi_registers *registers)
{
	__asm__ volatile("lea 0(%%rip), %%rax\n"
			 "mov %%rax, 128(%0)\n"
			 "mov %%rbx, 24(%0)\n"
			 "mov %%rbp, 48(%0)\n"
			 "mov %%rsp, 56(%0)\n"
			 "mov %%r12, 96(%0)\n"
			 "mov %%r13, 104(%0)\n"
			 "mov %%r14, 112(%0)\n"
			 "mov %%r15, 120(%0)\n"
			 :
			 : "r"(registers->value)
			 : "rax", "memory");
}
#else
static inline void registers_now(struct cfi_registers *registers)
{
	(void)registers;
}
#endif

static bool is_latest(const struct shim_latest *latest, uint64_t top, uint64_t unloads)
{
	if (!latest->id || latest->top != top || latest->unloads != unloads)
		return false;
	for (uint32_t i = 0; i < latest->n; i++)
		if (*latest->returns[i].at != latest->returns[i].to)
			return false;
	return true;
}

/* Return: whether the stack that @c begins at is @latest's; if not, @latest is to become it. */
static bool take_latest(struct capture *c, struct shim_latest *latest)
{
	uint64_t unloads = __atomic_load_n(&shim_unloads, __ATOMIC_ACQUIRE);
	uint64_t top = c->registers.value[CFI_RSP];

	if (is_latest(latest, top, unloads))
		return true;
	latest->top = top;
	latest->unloads = unloads;
	latest->id = latest->n = 0;
	c->latest = latest;
	return false;
}

uint32_t shim_stack(struct shim_thread *t, uint64_t caller)
{
	struct capture c = {.t = t, .caller = caller};
	int error = errno;

	registers_now(&c.registers);
	if (take_latest(&c, &t->latest))
		return t->latest.id;
	shim_call_on_stack(capture, &c, t->stack_top);
	errno = error;
	return c.id;
}

void shim_mark_handler(struct shim_thread *t, struct dw_taking *taking)
{
	struct capture c = {.t = t, .caller = taking->caller};
	int error = errno;

	registers_now(&c.registers);
	if (take_latest(&c, &t->outside))
		return;
	shim_call_on_stack(look, &c, t->stack_top);
	errno = error;
	if (c.context)
		taking->site |= SHIM_IN_HANDLER;
}
