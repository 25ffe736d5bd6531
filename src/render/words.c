/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "render/words.h"

#include "model/event.h"
#include "model/facts.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stddef.h>

const char *dw_words_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

const char *dw_words_misuse(unsigned misuse)
{
	switch (misuse) {
#define X(name, value, text) \
	case name:           \
		return text;
		DW_MISUSES(X)
#undef X
	default:
		return "?";
	}
}

/* Without a default: a new kind of misuse must find its words here. */
struct dw_words_deed dw_words_deed(unsigned misuse)
{
	switch ((enum dw_misuse_kind)misuse) {
	case DW_MISUSE_UNLOCK:
		return (struct dw_words_deed){"unlocks", ", which it does not hold"};
	case DW_MISUSE_RELOCK:
		return (struct dw_words_deed){"waits for", ", which it holds itself"};
	case DW_MISUSE_DESTROY:
		return (struct dw_words_deed){"destroys", ", which is held"};
	case DW_MISUSE_FREE:
		return (struct dw_words_deed){"frees the memory of", ", which is held"};
	case DW_MISUSE_EXIT:
		return (struct dw_words_deed){"ends holding", ""};
	case DW_MISUSE_PARK:
		return (struct dw_words_deed){"waits on a condition with",
					      ", which it does not hold"};
	case DW_MISUSE_PARK_TWICE:
		return (struct dw_words_deed){"waits on a condition with",
					      ", which it has taken more than once"};
	}
	return (struct dw_words_deed){"misuses", ""}; /* of a later version */
}

/* What changes whether the lock can block; that it may be taken again does not. */
const char *dw_words_how(unsigned how)
{
	if (how & DW_TRY)
		return how & DW_SHARED ? " (for reading, trylock)" : " (trylock)";
	if (how & DW_TIMED)
		return how & DW_SHARED ? " (for reading, timed)" : " (timed)";
	return how & DW_SHARED ? " (for reading)" : "";
}

const char *dw_words_taken(unsigned how)
{
	if (how & DW_RETAKEN)
		return "taken again at the end of a condition wait, at";
	return "first taken at";
}

const char *dw_words_signal(unsigned number)
{
#define NAMED(name) [name] = #name
	static const char *const words[DW_SIGNALS + 1] = {
	    NAMED(SIGHUP),   NAMED(SIGINT),  NAMED(SIGQUIT), NAMED(SIGABRT), NAMED(SIGUSR1),
	    NAMED(SIGUSR2),  NAMED(SIGPIPE), NAMED(SIGALRM), NAMED(SIGTERM), NAMED(SIGSTKFLT),
	    NAMED(SIGCHLD),  NAMED(SIGCONT), NAMED(SIGTSTP), NAMED(SIGTTIN), NAMED(SIGTTOU),
	    NAMED(SIGURG),   NAMED(SIGXCPU), NAMED(SIGXFSZ), NAMED(SIGPROF), NAMED(SIGVTALRM),
	    NAMED(SIGWINCH), NAMED(SIGIO),   NAMED(SIGPWR),
	};
#undef NAMED

	return number <= DW_SIGNALS && words[number] ? words[number] : "a real-time signal";
}

const char *dw_words_end(uint32_t flags)
{
	switch (DW_STACK_END(flags)) {
	case DW_END_GENERATED:
		return "the stack ends here: nobody describes this generated code";
	case DW_END_FILE:
		return "the stack ends here: the file cannot be read, or is not the one that ran";
	case DW_END_TABLE:
		return "the stack ends here: the file has no table for unwinding this code";
	case DW_END_MEMORY:
		return "the stack ends here: its memory cannot be read";
	case DW_END_REGISTER:
		return "the stack ends here: what a register held is not known";
	case DW_END_NOWHERE:
		return "the stack ends here: there is no code where it leads to";
	case DW_END_NONE:
		break;
	}
	return flags & DW_STACK_SHORT ? "the stack could not be unwound further" : NULL;
}

const char *dw_words_end_kind(uint32_t flags)
{
	static const char *const words[] = {
#define X(name, word) [name] = word,
	    DW_STACK_END_KINDS(X)
#undef X
	};
	uint32_t end = DW_STACK_END(flags);

	return end < sizeof(words) / sizeof(*words) ? words[end] : NULL;
}

const char *dw_words_loss(unsigned loss)
{
	static const char *const words[DW_LOSS_MAX] = {
#define X(name, value, text, sentence) [value] = text,
	    DW_LOSSES(X)
#undef X
	};

	return loss < DW_LOSS_MAX ? words[loss] : NULL;
}

const char *dw_words_found(unsigned flag)
{
	switch (flag) {
	case DW_FOUND_INFERRED:
		return "inferred";
	case DW_FOUND_NO_POSTER:
		return "no-poster";
	case DW_FOUND_POSTERS_GONE:
		return "posters-gone";
	case DW_FOUND_POLLING:
		return "polling";
	case DW_FOUND_RUNNING:
		return "running";
	case DW_FOUND_UNSEEN:
		return "holder-unseen";
	case DW_FOUND_REFERENCE:
		return "holder-inferred";
	case DW_FOUND_KICKED:
		return "kick-inferred";
	case DW_FOUND_COMPLETION:
		return "completion-inferred";
	default:
		return NULL;
	}
}

/* Those that a VMM's own code is run for, and that take its locks. */
struct dw_words_exit dw_words_exit(unsigned exit)
{
	switch (exit) {
	case KVM_EXIT_IO:
		return (struct dw_words_exit){"a", "PIO"};
	case KVM_EXIT_HYPERCALL:
		return (struct dw_words_exit){"a", "hypercall"};
	case KVM_EXIT_DEBUG:
		return (struct dw_words_exit){"a", "debug"};
	case KVM_EXIT_HLT:
		return (struct dw_words_exit){"an", "HLT"};
	case KVM_EXIT_MMIO:
		return (struct dw_words_exit){"an", "MMIO"};
	case KVM_EXIT_SHUTDOWN:
		return (struct dw_words_exit){"a", "shutdown"};
	case KVM_EXIT_INTR:
		return (struct dw_words_exit){"an", "interrupted"};
	case KVM_EXIT_SYSTEM_EVENT:
		return (struct dw_words_exit){"a", "system event"};
	case KVM_EXIT_IOAPIC_EOI:
		return (struct dw_words_exit){"an", "EOI"};
	case KVM_EXIT_HYPERV:
		return (struct dw_words_exit){"a", "Hyper-V"};
	case KVM_EXIT_X86_RDMSR:
		return (struct dw_words_exit){"an", "RDMSR"};
	case KVM_EXIT_X86_WRMSR:
		return (struct dw_words_exit){"a", "WRMSR"};
	default:
		return (struct dw_words_exit){"an", NULL};
	}
}
