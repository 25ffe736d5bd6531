/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage: make-seeds FOLDER. Makes the seeds of fuzz-reader, which the project keeps. */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As fuzz-reader wants it: the number of threads, then what is behind the header. */
static void write_seed(const char *folder, const char *name, const struct recording *recording)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	out = fopen(path, "wb");
	if (!out || fputc(8, out) == EOF ||
	    fwrite(recording->data + DW_REC_HEADER_SIZE, recording->at - DW_REC_HEADER_SIZE, 1,
		   out) != 1 ||
	    fclose(out) != 0) {
		fprintf(stderr, "make-seeds: cannot write '%s'\n", path);
		exit(1);
	}
}

static void everything(struct recording *recording)
{
	recording_fill(recording);
}

static void deep(struct recording *recording)
{
	uint32_t thing = recording_thing(recording, 0x1000), chain = 0;

	recording_thread(recording, 1, 0, 0);
	for (int i = 0; i < 8; i++)
		chain = recording_chain(recording, 1, chain, thing);
	recording_again(recording, chain, 3, 4);
	recording_again(recording, chain, 6, 6);
}

static void eventful(struct recording *recording)
{
	static const unsigned kinds[] = {DW_INIT, DW_WANT, DW_HOLD,  DW_PARK, DW_WAKE, DW_ENTER,
					 DW_KICK, DW_IDLE, DW_LEAVE, DW_POST, DW_DROP, DW_EXIT};

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		recording_event(recording, i + 1, 1 + i % 2, kinds[i], 0x1000);
}

/* A thread that joins another with a lock held, and one that has waited for a semaphore. */
static void waiting(struct recording *recording)
{
	const uint64_t ending = dw_thing_address(DW_ENDING, 2);
	uint32_t thing = recording_thing(recording, 0x1000);
	uint32_t end = recording_thing(recording, ending);
	uint32_t held = recording_chain(recording, 1, 0, thing), wait;
	struct dw_rec_thing *ended = recording_record(recording, end);
	struct dw_rec_slot slot = {.slot = {.top = 1, .max = 1, .thread = 1}};
	struct dw_held locks[3] = {[1] = {.thing = 0x1000, .chain = held, .what = DW_MUTEX}};

	ended->kind = DW_ENDING;
	ended->place = 0;
	wait = recording_wait(recording, 1, held, end);
	slot.slot.waits = (struct dw_held){.thing = ending, .chain = wait, .what = DW_ENDING};
	recording_post(recording, 2, end, recording_chain(recording, 2, 0, thing));
	recording_thread(
	    recording, 1, 0,
	    recording_add(recording, DW_REC_SLOT, &slot, sizeof(slot), locks, sizeof(locks)));
	recording_event(recording, 1, 1, DW_PARK, ending);
	recording_found(recording,
			(struct dw_rec_found_leg[]){{.thread = 1, .holds = held, .needs = wait}}, 1,
			0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct recording *recording);
	} seeds[] = {{"everything", everything},
		     {"deep", deep},
		     {"eventful", eventful},
		     {"waiting", waiting}};

	if (argc != 2)
		return 2;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		struct recording recording;

		recording_init(&recording);
		seeds[i].make(&recording);
		write_seed(argv[1], seeds[i].name, &recording);
		recording_done(&recording);
	}
	return 0;
}
