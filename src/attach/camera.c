/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/camera.h"

#include "attach/only.h"
#include "attach/track.h"
#include "base/error.h"
#include "base/hash.h"
#include "inspect/scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

/* Two sights of a process with the kernel's greatest number of threads. */
#define MEMORY_MAX ((size_t)2 << 30)

/* Who sleeps on a word for so long may be stuck. Nearly all waits for locks are shorter. */
#define PATIENCE_NS UINT64_C(500000000)

/* From one picture to the next at least; and to the most, while nobody who sleeps is new. */
#define GAP_NS UINT64_C(400000000)
#define GAP_MAX_NS UINT64_C(30000000000)

/* Of a processor's time, pictures take one part in so many. */
#define SPENT_PART 20

struct dw_camera {
	struct dw_attached *attached;
	struct dw_process *process;
	bool alone;

	/* The latest one, with which the next is compared. */
	struct dw_arena *arena;
	struct dw_sight *sight;
	struct dw_scene *scene;

	uint64_t begun_ns; /* all stacks had been read */
	uint64_t sleepers; /* hash of who slept then */
	uint64_t gap_ns, next_ns;
};

int dw_camera_new(struct dw_camera **ret, struct dw_attached *attached, bool alone)
{
	dw_auto(camera) camera = calloc(1, sizeof(*camera));
	struct dw_process_refusal refusal;
	int r;

	if (!camera)
		return dw_raise(-ENOMEM);
	camera->attached = attached;
	camera->alone = alone;
	r = dw_process_live_new(&camera->process, attached->pid, &refusal);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(camera);
	return 0;
}

struct dw_camera *dw_camera_free(struct dw_camera *camera)
{
	if (!camera)
		return NULL;
	dw_scene_free(camera->scene);
	dw_arena_free(camera->arena);
	dw_process_free(camera->process);
	free(camera);
	return NULL;
}

/* Our thread that the scene has as number @t; NULL: it is none that lives. */
static struct dw_attached_thread *thread_of(const struct dw_camera *camera,
					    const struct dw_facts *facts, uint32_t t)
{
	if (t == 0 || t >= facts->n_threads || !facts->threads[t].tid)
		return NULL;
	/* One that is not known has ended since the picture was taken. */
	return dw_attached_find(camera->attached, (pid_t)facts->threads[t].tid);
}

/* What has no address has the number of a thread, which is another one here. Return: 0: none. */
static uint64_t address_of(const struct dw_camera *camera, const struct dw_facts *facts,
			   const struct dw_held *held)
{
	const struct dw_attached_thread *other;

	if (held->what != DW_ENDING && held->what != DW_ANSWER)
		return held->thing & DW_NO_MEMORY && held->what != DW_CALL ? 0 : held->thing;
	other = thread_of(camera, facts, dw_thing_number(held->thing));
	return other ? dw_thing_address((enum dw_thing_kind)held->what, other->thread.number) : 0;
}

/* The stack as addresses of the process. */
static void fill_frames(const struct dw_sight *sight, const struct dw_sighted *sighted,
			struct dw_frames *ret)
{
	ret->n = sighted->n_frames < DW_FRAMES_MAX ? sighted->n_frames : DW_FRAMES_MAX;
	ret->flags = sighted->stack_flags;
	for (uint32_t i = 0; i < ret->n; i++) {
		uint32_t module = DW_PLACE_MODULE(sighted->frames[i]);

		ret->addresses[i] = DW_PLACE_OFFSET(sighted->frames[i]);
		if (module && module < sight->n_modules)
			ret->addresses[i] += sight->modules[module].start;
	}
}

static bool is_held_in(const struct dw_slot *slot, uint64_t thing)
{
	for (uint32_t i = 1; slot && i <= slot->top; i++)
		if (slot->held[i].thing == thing)
			return true;
	return false;
}

/* Where pictures are all that is known, what they do not show any more is over. */
static void drop_what_is_over(struct dw_attached_thread *thread, const struct dw_slot *slot)
{
	struct dw_slot *own = thread->thread.slot;

	for (uint32_t i = own->top; i > 0; i--)
		if (!is_held_in(slot, own->held[i].thing))
			dw_thread_drop(&thread->thread, own->held[i].thing);
}

/* Where not all is probed: whether it would be told that such a thing is let go. */
static bool is_told_of(const struct dw_attached *attached, const struct dw_held *held)
{
	return !attached->only || dw_attached_is_only_lock(attached, held->thing) ||
	       dw_only_tells(attached->only, held->what);
}

/* What a thread was seen taking, or letting go, since is known from that. */
static bool is_news(const struct dw_camera *camera, const struct dw_attached_thread *thread,
		    const struct dw_held *held)
{
	uint64_t thing = held->thing;

	if (camera->alone)
		return true;
	return is_told_of(camera->attached, held) && thread->thread.unsure &&
	       !dw_numbering_find(&camera->attached->touched,
				  dw_hash(thread->thread.number, thing));
}

static void adopt_one(struct dw_camera *camera, struct dw_attached_thread *thread,
		      const struct dw_held *held)
{
	uint32_t thing = dw_scene_facts(camera->scene)->chains[held->chain].thing;

	dw_track_interrupt(thread);
	dw_thread_found(&thread->thread, &(struct dw_taking){.thing = held->thing,
							     .how = held->how & DW_SHARED,
							     .what = held->what});
	if (dw_scene_grounds(camera->scene, thing) == DW_GROUNDS_REFERENCE)
		dw_attached_thing_infer(camera->attached, held->thing);
	dw_track_resume(thread);
}

static void adopt_held(struct dw_camera *camera, struct dw_attached_thread *thread,
		       const struct dw_slot *slot)
{
	if (camera->alone)
		drop_what_is_over(thread, slot);
	for (uint32_t i = 1; i <= slot->top; i++)
		if (!dw_thread_find(&thread->thread, slot->held[i].thing) &&
		    is_news(camera, thread, &slot->held[i]))
			adopt_one(camera, thread, &slot->held[i]);
}

/* What the thread waits for; NULL: nothing. */
static const struct dw_held *waited_for(const struct dw_slot *slot)
{
	if (slot->wants)
		return &slot->held[slot->top + 1];
	return slot->waits.thing ? &slot->waits : NULL;
}

static const struct dw_slot *slot_of(const struct dw_facts *facts, uint32_t t)
{
	uint32_t number = facts->threads[t].slot;

	return number < facts->n_slots ? facts->slots[number].slot : NULL;
}

/*
 * A picture is not of one moment: who holds what is read later than the stacks. Who has not run
 * in between, or was only interrupted in its wait, held then what it held when it began to wait.
 */
static bool slept_through(const struct dw_camera *camera, const struct dw_attached_thread *thread,
			  const struct dw_sighted *sighted, struct dw_probe *probe)
{
	struct dw_wire_thread state;

	if (sighted->has_moved)
		return false;
	if (sighted->still_since_ns && sighted->still_since_ns <= camera->begun_ns)
		return true;
	return thread->slept && dw_probe_state(probe, thread->tid, &state) &&
	       state.call == SYS_futex + 1 && state.n_over == thread->n_over;
}

/* What the thread waits for, as far as that goes with what it is said to hold; 0: nothing. */
static uint64_t waits_for(const struct dw_camera *camera, const struct dw_attached_thread *thread,
			  uint32_t number, struct dw_probe *probe)
{
	const struct dw_facts *facts = dw_scene_facts(camera->scene);
	const struct dw_sighted *sighted = dw_scene_threads(camera->scene)[number].sighted;
	const struct dw_held *waits = waited_for(slot_of(facts, number));
	uint64_t address = waits ? address_of(camera, facts, waits) : 0;

	if (!address || waits->what == DW_ANSWER || slept_through(camera, thread, sighted, probe))
		return address;
	return 0;
}

static void adopt_wait(struct dw_camera *camera, struct dw_attached_thread *thread, uint32_t number,
		       uint64_t address, uint64_t now_ns)
{
	const struct dw_facts *facts = dw_scene_facts(camera->scene);
	const struct dw_scene_thread *seen = &dw_scene_threads(camera->scene)[number];
	const struct dw_slot *slot = facts->slots[facts->threads[number].slot].slot;
	const struct dw_held *waits = waited_for(slot);
	struct dw_frames frames;

	if (!address || !dw_track_is_free(thread, address))
		return;
	fill_frames(camera->sight, seen->sighted, &frames);
	dw_track_wait(
	    thread,
	    &(struct dw_taking){.thing = address, .how = seen->meaning.how, .what = waits->what},
	    seen->meaning.mutex, &frames, now_ns);
	if (slot->held[slot->top].polled || waits->what == DW_ANSWER)
		dw_thread_poll(&thread->thread, now_ns);
}

/* First what is held, then the waits of those who hold it. */
static void adopt(struct dw_camera *camera, struct dw_probe *probe, uint64_t now_ns)
{
	const struct dw_facts *facts = dw_scene_facts(camera->scene);

	for (uint32_t t = 1; t < facts->n_threads; t++) {
		struct dw_attached_thread *thread = thread_of(camera, facts, t);

		if (!thread || !slot_of(facts, t))
			continue;
		dw_track_pictured(thread, waits_for(camera, thread, t, probe));
		adopt_held(camera, thread, slot_of(facts, t));
	}
	for (uint32_t t = 1; t < facts->n_threads; t++) {
		struct dw_attached_thread *thread = thread_of(camera, facts, t);

		if (thread && slot_of(facts, t))
			adopt_wait(camera, thread, t, waits_for(camera, thread, t, probe), now_ns);
	}
}

/* The sight and its scene, instead of those before. */
static int look_whole(struct dw_camera *camera)
{
	const struct dw_scene_prepare plain = {.symbols = camera->attached->symbols};
	dw_auto(arena) arena = NULL;
	struct dw_scene *scene;
	struct dw_sight *sight;
	int r = dw_arena_new(&arena, MEMORY_MAX);

	if (r < 0)
		return dw_pass(r);
	sight = dw_arena_alloc(arena, sizeof(*sight));
	if (!sight)
		return dw_raise(-ENOMEM);
	r = camera->scene ? dw_scene_watch_signals(camera->scene) : 0;
	if (r == 0)
		r = dw_sight_take(sight, camera->process, arena);
	if (r == 0)
		r = dw_sight_look_again(sight);
	if (r < 0)
		return dw_pass(r);
	camera->begun_ns = sight->time_ns;
	if (camera->sight)
		dw_sight_continue(sight, camera->sight);
	r = dw_scene_new(&scene, sight, camera->scene, &plain);
	if (r < 0)
		return dw_pass(r);
	r = dw_sight_look_again(sight);
	if (r < 0) {
		dw_scene_free(scene);
		return dw_pass(r);
	}
	dw_scene_free(camera->scene);
	dw_arena_free(camera->arena);
	camera->arena = dw_take(arena);
	camera->sight = sight;
	camera->scene = scene;
	return 0;
}

static void note_sleeps(const struct dw_camera *camera, struct dw_probe *probe)
{
	for (uint32_t i = 1; i < camera->attached->n_threads; i++) {
		struct dw_attached_thread *thread = camera->attached->threads[i];
		struct dw_wire_thread state;

		thread->slept = !thread->ended && dw_probe_state(probe, thread->tid, &state) &&
				state.call == SYS_futex + 1;
		thread->n_over = thread->slept ? state.n_over : 0;
	}
}

int dw_camera_take(struct dw_camera *camera, struct dw_probe *probe, uint64_t now_ns)
{
	int r;

	note_sleeps(camera, probe);
	r = look_whole(camera);
	/* What was told until the picture was taken comes first; if it does not, it is old. */
	if (r == 0)
		r = dw_probe_poll(probe, /* timeout_ms= */ 0);
	if (r < 0)
		return dw_pass(r);
	if (r > 0 && !camera->alone)
		return 0;
	adopt(camera, probe, now_ns);
	return 0;
}

/* Whether @thread has long slept on a word, as far as the probes, or pictures before, tell. */
static bool sleeps(const struct dw_attached_thread *thread, struct dw_probe *probe, uint64_t now_ns,
		   uint64_t *ret_seq)
{
	struct dw_wire_thread state;

	if (thread->ended)
		return false;
	*ret_seq = 0;
	if (thread->pictured)
		return true;
	if (!dw_probe_state(probe, thread->tid, &state) || state.call != SYS_futex + 1)
		return false;
	*ret_seq = state.seq;
	return now_ns - state.since_ns >= PATIENCE_NS;
}

/* A hash of the threads that have long slept on words, and of their sleeps; 0: there is none. */
static uint64_t find_sleepers(const struct dw_camera *camera, struct dw_probe *probe,
			      uint64_t now_ns)
{
	const struct dw_attached *attached = camera->attached;
	uint64_t hash = 0, seq;

	for (uint32_t i = 1; i < attached->n_threads; i++)
		if (sleeps(attached->threads[i], probe, now_ns, &seq))
			hash = dw_hash(dw_hash(hash | 1, i), seq);
	return hash;
}

/* On a busy machine all takes longer, and costs what it costs. */
static uint64_t spent_so_far_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

uint64_t dw_camera_look(struct dw_camera *camera, struct dw_probe *probe, uint64_t now_ns)
{
	uint64_t sleepers, spent_ns;

	if (now_ns < camera->next_ns)
		return 0;
	sleepers = find_sleepers(camera, probe, now_ns);
	if (!sleepers && camera->gap_ns)
		return 0;
	if (sleepers != camera->sleepers || !camera->gap_ns)
		camera->gap_ns = GAP_NS;
	else
		camera->gap_ns = 2 * camera->gap_ns < GAP_MAX_NS ? 2 * camera->gap_ns : GAP_MAX_NS;
	camera->sleepers = sleepers;
	spent_ns = spent_so_far_ns();
	dw_camera_take(camera, probe, now_ns);
	spent_ns = spent_so_far_ns() - spent_ns;
	camera->next_ns = now_ns + (SPENT_PART * spent_ns > camera->gap_ns ? SPENT_PART * spent_ns
									   : camera->gap_ns);
	return spent_ns;
}
