/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the arguments and the place of a system call tell of it. */
#pragma once

#include "bpf/kernel.h"

#include "attach/wire.h"

#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stdint.h>

#define MSG_DONTWAIT 0x40
#define IORING_ENTER_GETEVENTS 1
#define PROT_EXEC 4
#define EINTR 4
/* From here on they mean that the kernel makes it again, unless a handler of a signal comes first.
 */
#define ERESTARTSYS 512
#define ERESTART_LAST 516

/* Of futex(2): its operations that wait, without the flags. */
#define FUTEX_COMMAND 0x7f
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#define FUTEX_LOCK_PI 6
#define FUTEX_UNLOCK_PI 7
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_LOCK_PI2 13

/* In the value of a robust mutex: somebody waits for it. */
#define FUTEX_WAITERS UINT32_C(0x80000000)

/* Distances; see struct dw_wire_place. The C library has some 200 such instructions. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct dw_wire_place);
	__type(value, uint32_t);
} returns SEC(".maps");

/* Whether futex() with these arguments waits. */
static __always_inline bool is_word_wait(const struct dw_wire_thread *thread)
{
	uint32_t command = thread->arguments[1] & FUTEX_COMMAND;

	return command == FUTEX_WAIT || command == FUTEX_LOCK_PI || command == FUTEX_WAIT_BITSET ||
	       command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_LOCK_PI2;
}

/* Whether the call, with these arguments, does not wait. */
static __always_inline bool is_at_once(const struct dw_wire_call *call,
				       const struct dw_wire_thread *thread)
{
	if (call->flags & DW_WIRE_DONTWAIT)
		return thread->arguments[3] & MSG_DONTWAIT;
	if (call->flags & DW_WIRE_COUNTS)
		return (int64_t)thread->arguments[1] <= 0;
	if (call->flags & DW_WIRE_RING)
		return !(thread->arguments[3] & IORING_ENTER_GETEVENTS) ||
		       !(uint32_t)thread->arguments[2];
	return false;
}

/* Whether mmap() with these arguments maps code of a file. */
static __always_inline bool maps_code(const struct dw_wire_thread *thread)
{
	return thread->arguments[2] & PROT_EXEC && (int)thread->arguments[4] >= 0;
}

/* DW_TIMED where its time is limited; not at all: 0xff. */
static __always_inline uint8_t limit_of(const struct dw_wire_call *call,
					const struct dw_wire_thread *thread)
{
	uint32_t i = call->timeout - 1;
	uint64_t value, limit[2] = {0};

	if (i >= 6)
		return 0;
	value = thread->arguments[i];
	if (call->flags & DW_WIRE_MS)
		return (int)value < 0 ? 0 : value == 0 ? 0xff : DW_TIMED;
	if (!value)
		return 0;
	if (call->flags & DW_WIRE_IDLE &&
	    bpf_probe_read_user(limit, sizeof(limit), (void *)value) == 0 && !limit[0] && !limit[1])
		return 0xff;
	return DW_TIMED;
}

/* Who has made the system call that the registers are of. Return: 0: that is not known yet. */
static __always_inline uint64_t caller_of(const struct dw_wire_thread *thread,
					  const struct pt_regs *regs)
{
	struct dw_wire_place at = {.ip = regs->ip, .pid = thread->pid};
	const uint32_t *distance = bpf_map_lookup_elem(&returns, &at);
	uint64_t caller = 0;

	if (!distance)
		return 0;
	if (*distance == DW_WIRE_NO_RETURN ||
	    bpf_probe_read_user(&caller, sizeof(caller), (void *)(regs->sp + *distance)))
		return at.ip;
	return caller;
}

/* After a stop, or a signal that nobody handles: as if it had never come back. */
static __always_inline bool is_made_again(int64_t result)
{
	return result <= -ERESTARTSYS && result >= -ERESTART_LAST;
}

static __always_inline bool is_interrupted(int64_t result)
{
	return result == -EINTR || is_made_again(result);
}
