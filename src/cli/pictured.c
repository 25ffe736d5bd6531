/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/pictured.h"

#include "base/arena.h"
#include "base/error.h"
#include "cli/blind.h"
#include "cli/cored.h"
#include "cli/inspection.h"
#include "cli/profiles.h"
#include "inspect/scene.h"
#include "model/event.h"
#include "render/inspected.h"
#include "render/words.h"
#include "symbol/annotated.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* The name of the system call, where it is one that threads wait in. */
static const char *call_name(const struct dw_scene_thread *seen)
{
	static const char *const words[] = {
#define X(value, text) [value] = text,
	    DW_CALLS(X)
#undef X
	};
	uint32_t number = dw_thing_number(seen->meaning.address);

	if (seen->sighted->thread.call == SYS_futex)
		return "futex";
	if (seen->meaning.kind != DW_CALL || number >= sizeof(words) / sizeof(words[0]))
		return NULL;
	return words[number];
}

static const char *why_no_stack(int error)
{
	switch (-error) {
	case 0:
		return NULL;
	case EINTR:
		return "it is in a system call that a stop would interrupt";
	case ESRCH:
		return "it has ended meanwhile";
	case ETIMEDOUT:
		return "it did not stop within 200 ms: it has no processor, or the kernel keeps it";
	case ENODATA:
		return "its stack could not be unwound";
	case EPERM:
	case EACCES:
		return "tracing it is not permitted, or somebody else traces it already";
	default:
		return strerror(-error);
	}
}

/* One look shows no time. */
static uint64_t shown_ns(uint64_t ns)
{
	return ns == DW_SIGHT_ALWAYS ? 0 : ns;
}

static struct dw_inspected_thread pictured_of(const struct dw_scene_thread *seen, const char *role)
{
	const struct dw_process_thread *thread = &seen->sighted->thread;
	struct dw_inspected_thread pictured = {
	    .role = role,
	    .stack = seen->stack,
	    .no_stack = seen->stack ? NULL : why_no_stack(seen->sighted->stack_error),
	    .has_ended = seen->sighted->stack_error == -ESRCH,
	    .chain = seen->chain,
	    .state = thread->state,
	    .has_call = thread->call >= 0,
	    .call = thread->call >= 0 ? (uint32_t)thread->call : 0,
	    .call_name = call_name(seen),
	    .idles = seen->meaning.idles,
	    .polls = seen->polls,
	    .same_ns = shown_ns(seen->sighted->same_ns),
	    .still_ns = shown_ns(seen->sighted->still_ns),
	};

	for (uint32_t i = 0; i < seen->sighted->n_samples; i++)
		pictured.n_samples += seen->sighted->samples[i].n_samples;

	memcpy(pictured.arguments, thread->arguments, sizeof(pictured.arguments));
	return pictured;
}

static uint64_t longest_stop(const struct dw_scene_thread *seen, uint32_t n)
{
	uint64_t longest = 0;

	for (uint32_t t = 1; t < n; t++)
		if (seen[t].sighted->stopped_ns > longest)
			longest = seen[t].sighted->stopped_ns;
	return longest;
}

int dw_pictured_make(const struct dw_inspected **ret, struct dw_arena *arena,
		     struct dw_scene *scene, const struct dw_facts *facts,
		     const struct dw_profiles *profiles)
{
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	struct dw_inspected *picture = dw_arena_alloc(arena, sizeof(*picture));
	struct dw_inspected_thread *threads =
	    dw_arena_alloc(arena, facts->n_threads * sizeof(*threads));
	bool *is_inferred = dw_arena_alloc(arena, facts->n_things * sizeof(*is_inferred));
	const char *const *roles;
	int r = picture && threads && is_inferred ? 0 : dw_raise(-ENOMEM);

	if (r == 0)
		r = dw_profiles_roles(&roles, arena, profiles, facts, dw_scene_names(scene));
	if (r < 0)
		return dw_pass(r);
	for (uint32_t t = 1; t < facts->n_threads; t++)
		threads[t] = pictured_of(&seen[t], roles[t]);
	for (uint32_t i = 1; i < facts->n_things; i++)
		is_inferred[i] = dw_scene_grounds(scene, i) == DW_GROUNDS_REFERENCE;
	*picture = (struct dw_inspected){
	    .threads = threads,
	    .is_inferred = is_inferred,
	    .is_text = facts->n_frames > 0,
	    .stopped_ns = longest_stop(seen, facts->n_threads),
	    .span_ns = facts->run_ns ? facts->run_ns : dw_scene_span_ns(scene),
	};
	*ret = picture;
	return 0;
}

/*
 * What is in a call that a stop would interrupt is known by that call; who has ended is gone. Of
 * others without a stack it may be known which call they are in, but not for what.
 */
static bool is_unseen(const struct dw_scene_thread *seen)
{
	int error = seen->sighted->stack_error;

	if (seen->stack || error == -ESRCH)
		return false;
	return error != -EINTR || seen->sighted->thread.call < 0;
}

static int judge_stacks(struct dw_blind_list *list, struct dw_arena *arena,
			const struct dw_scene *scene)
{
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	uint32_t n_threads = dw_scene_facts(scene)->n_threads, n = 0, first = 0;
	int r = 0;

	for (uint32_t t = 1; t < n_threads; t++) {
		if (!is_unseen(&seen[t]))
			continue;
		first = n++ ? first : t;
	}
	if (n > 0)
		r = dw_blind_add(list, arena, "no-stacks",
				 "where %u of %u thread%s %s could not be seen: of the first, %s",
				 n, n_threads - 1, dw_words_plural(n_threads - 1),
				 n == 1 ? "is" : "are",
				 seen[first].sighted->stack_error
				     ? why_no_stack(seen[first].sighted->stack_error)
				     : "there is no stack");
	return r < 0 ? dw_pass(r) : 0;
}

/* It waits for ever on a word, which may be that of a lock. */
static bool waits_unknown(const struct dw_scene_thread *seen)
{
	return seen->meaning.is_nameless && seen->meaning.kind == DW_FUTEX &&
	       !(seen->meaning.how & DW_TIMED) && seen->sighted->same_ns;
}

static int judge_waits(struct dw_blind_list *list, struct dw_arena *arena,
		       const struct dw_scene *scene)
{
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	uint32_t n_threads = dw_scene_facts(scene)->n_threads, n = 0;
	int r = 0;

	for (uint32_t t = 1; t < n_threads; t++)
		n += waits_unknown(&seen[t]);
	if (n > 0)
		r = dw_blind_add(list, arena, "waits",
				 "%u of %u thread%s %s, and for what could not be told: of the "
				 "functions on their stacks, none is known by name",
				 n, n_threads - 1, dw_words_plural(n_threads - 1),
				 n == 1 ? "waits" : "wait");
	return r < 0 ? dw_pass(r) : 0;
}

/* Whether the program would tell the shim of what is its own, had it been there. */
static bool has_own(const struct dw_facts *facts)
{
	for (uint32_t i = 1; i < facts->n_modules; i++)
		if (facts->modules[i].file && dw_is_annotated(facts->modules[i].file))
			return true;
	return false;
}

/* Who asks for such a lock again and again, and sleeps meanwhile, looks like one that just sleeps.
 */
static int judge_own(struct dw_blind_list *list, struct dw_arena *arena,
		     const struct dw_scene *scene)
{
	const struct dw_scene_thread *seen = dw_scene_threads(scene);
	const struct dw_facts *facts = dw_scene_facts(scene);
	uint32_t n = 0;
	int r = 0;

	for (uint32_t t = 1; t < facts->n_threads; t++)
		n += seen[t].meaning.sleeps;
	if (n > 0 && has_own(facts))
		r = dw_blind_add(list, arena, "own-locks",
				 "the program tells of locks, waits or calls of its own "
				 "(deadwatch/annotate.h), which cannot be seen from outside, and "
				 "%u of its threads sleep%s: maybe until such a one is given; "
				 "'deadwatch run' sees it",
				 n, n == 1 ? "s" : "");
	return r < 0 ? dw_pass(r) : 0;
}

int dw_pictured_judge(struct dw_reported_process *process, struct dw_arena *arena,
		      const struct dw_scene *scene, const struct dw_inspection_options *options)
{
	struct dw_blind_list list = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < options->n_blind; i++)
		r = dw_blind_add(&list, arena, options->blind[i].reason, "%s",
				 options->blind[i].text);
	if (r == 0)
		r = judge_stacks(&list, arena, scene);
	if (r == 0)
		r = judge_waits(&list, arena, scene);
	if (r == 0)
		r = judge_own(&list, arena, scene);
	if (r == 0 && dw_scene_sight(scene)->is_stopped)
		r = dw_blind_add(
		    &list, arena, "stopped",
		    "the process is stopped, as by SIGSTOP or a debugger: whether anybody "
		    "comes on could not be seen");
	if (r == 0 && dw_scene_sight(scene)->is_replaced)
		r = dw_blind_add(
		    &list, arena, "replaced",
		    "the process has begun another program (exec) while it was looked at");
	if (r == 0 && options->gaps)
		r = dw_cored_judge(&list, arena, options->gaps);
	process->blind = list.entries;
	process->n_blind = list.n;
	return r < 0 ? dw_pass(r) : 0;
}
