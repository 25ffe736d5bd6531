/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Facts from a story, in the words of stories, for tests of the analysis alone: what
 * the threads hold is followed here in the plainest way, so that these tests depend
 * neither on the tracker nor on recordings.
 *
 *   1 hold A; 1 hold B shared; 1 drop B; 1 park c A; 1 wake c A; 1 born 2; 1 join 2
 *   1 destroy A                  (the next A is another life of the address)
 *   1 init R writers             (a queued writer stops new readers)
 *   1 wait c; 1 wait c long      (what is no lock; for a moment, or for a second)
 *   2 post c                     (gives it, after the locks taken in this activity)
 *   2 idle c                     (back from an idle point, woken by c: a new activity)
 *
 * Threads are numbers below 1100, things words. The facts live until the next story.
 */
#pragma once

#include "model/facts.h"

const struct dw_facts *facts_of_story(const char *story);

/* The word for a thing of the last story. */
const char *story_word(uint32_t thing);
