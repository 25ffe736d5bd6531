/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signal handlers. Nothing is put in their way: it is just noted which signals have one. That
 * code runs in a handler, its stack shows.
 */
#include "shim/handler.h"
#include "shim/note.h"
#include "shim/real.h"
#include "shim/sandbox.h"

#include <signal.h>
#include <ucontext.h>

/* What a thread's own instructions bring about comes when it comes: no mask keeps it away. */
#define FAULTS                                                                                    \
	(SHIM_SIGNAL(SIGSEGV) | SHIM_SIGNAL(SIGBUS) | SHIM_SIGNAL(SIGFPE) | SHIM_SIGNAL(SIGILL) | \
	 SHIM_SIGNAL(SIGTRAP) | SHIM_SIGNAL(SIGSYS))

uint64_t shim_caught;

/* By signal less one: its handler's address. Not wiped by a fork, as handlers are not. */
static uint64_t handlers[64];

/* A child by vfork() changes its own handlers, in its parent's memory. */
static void note(int number, __sighandler_t handler)
{
	uint64_t bit = number > 0 && number <= 64 ? SHIM_SIGNAL(number) & ~FAULTS : 0;

	if (!bit || shim_tls.vforked)
		return;
	if (handler == SIG_DFL || handler == SIG_IGN) {
		__atomic_fetch_and(&shim_caught, ~bit, __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&handlers[number - 1], (uint64_t)handler, __ATOMIC_RELAXED);
	__atomic_fetch_or(&shim_caught, bit, __ATOMIC_RELAXED);
}

SHIM int sigaction(int number, const struct sigaction *action, struct sigaction *old)
{
	/* Both may be the same. */
	__sighandler_t handler = action ? action->sa_handler : SIG_DFL;
	int r = shim_real.sigaction(number, action, old);

	if (r == 0 && action)
		note(number, handler);
	return r;
}

SHIM __sighandler_t signal(int number, __sighandler_t handler)
{
	__sighandler_t before = shim_real.signal(number, handler);

	if (before != SIG_ERR)
		note(number, handler);
	return before;
}

/* The first word has all that there are. @ret is of the calling thread. Return: whether it may ask.
 */
static bool ask_mask(uint64_t *ret)
{
	sigset_t set;

	if (shim->writer.sealed || shim_sandbox_met ||
	    shim_real.pthread_sigmask(SIG_BLOCK, NULL, &set))
		return false;
	*ret = set.__val[0];
	return true;
}

uint64_t shim_exposed(struct shim_thread *t, uint32_t stack)
{
	uint64_t caught = __atomic_load_n(&shim_caught, __ATOMIC_RELAXED);

	if (!caught)
		return 0;
	if (!stack || t->masked != stack) {
		if (!ask_mask(&t->mask))
			return 0;
		t->masked = stack;
	}
	return caught & ~t->mask;
}

static void forget_mask(const sigset_t *set)
{
	if (set && shim_self)
		shim_self->masked = 0;
}

SHIM int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	int r = shim_real.pthread_sigmask(how, set, old);

	forget_mask(set);
	return r;
}

SHIM int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	int r = shim_real.sigprocmask(how, set, old);

	forget_mask(set);
	return r;
}

static uint64_t signals_of(uint64_t handler)
{
	uint64_t caught = __atomic_load_n(&shim_caught, __ATOMIC_RELAXED), found = 0;

	for (unsigned i = 0; i < 64; i++)
		if (caught >> i & 1 && __atomic_load_n(&handlers[i], __ATOMIC_RELAXED) == handler)
			found |= UINT64_C(1) << i;
	return found;
}

/*
 * Of several that share a handler, that which it is called for is blocked while it runs, and was
 * not before; or it was, but for the call that let it in (sigsuspend() and its kin).
 */
static uint64_t blocked_since(uint64_t signals, uint64_t context)
{
	uint64_t before = ((const ucontext_t *)context)->uc_sigmask.__val[0], mask;

	if (!ask_mask(&mask))
		return signals;
	return signals & mask & ~before ? signals & mask & ~before : signals & mask;
}

uint32_t shim_signal_of(uint64_t handler, uint64_t context)
{
	uint64_t found = signals_of(handler);

	if (found & (found - 1))
		found = blocked_since(found, context);
	if (!found || found & (found - 1))
		return 0;
	return (uint32_t)__builtin_ctzll(found) + 1;
}
