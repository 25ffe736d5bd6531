/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A picture from words, for tests of what is stuck now.
 *
 *   1 has A; 1 has B shared; 1 wants C; 2 wants A timed
 *   1 waits c condition; 1 waits w futex; 1 parks c M     (M is to be taken again)
 *   1 joins 2; 1 asks 2                                   (waits for its end, for its answer)
 *   1 calls 11                                            (a number of DW_CALLS)
 *   1 posts c; 1 posts c A           (it was seen giving c; and that needed lock A)
 *   1 polls; 1 runs 20; 1 ends; 1 lost A           (it has A, but its chain was lost)
 *   1 locks                          (the word that it waits on is a lock: its stack says so)
 *   1 handles signals                (it runs now and then, and yet its wait is the same)
 *   1 since 300                      (milliseconds that it has been still, or has polled)
 *
 * Who runs is on a processor for that many percent of each second, else all the time. Who is not
 * said to run has been still for `since`, or for ever. Threads are numbers below
 * NOW_THREADS, things words. The facts live until the next picture.
 */
#pragma once

#include "analysis/now.h"

#define NOW_THREADS 1100
#define NOW_NS UINT64_C(1000000000000)

const struct dw_now *now_picture(const char *text);

/* The word for a thing of the last picture. */
const char *now_word(uint32_t thing);
