/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of DEADWATCH_OPTIONS=KEY=VALUE:KEY=VALUE, and which values each may have. This is the
 * only list: the shim reads by it, `deadwatch` checks by it, deadwatch-options(7) is made of it.
 *
 * X(reader, key, kind, values, otherwise, help)
 *
 *   reader     SHIM: libdeadwatch.so, by a function set_KEY(); DEADWATCH: the program
 *   kind       TEXT; NUMBER; MIB: a number up to DW_RECORD_MIB_MAX; WORDS: one of `values`, which
 *              has bars in between; TIMES: of functions, see dw_pulse_check()
 *   values     what users may write
 *   otherwise  what holds if it is not set
 */
#pragma once

#include <stdint.h>

/*
 * A program that may have less address space or data than this (RLIMIT_AS, RLIMIT_DATA) keeps all
 * of it: nothing is recorded. The shim's own part is some 30 MiB of space, 11 MiB of data.
 */
#define DW_ROOM_MIN (UINT64_C(64) << 20)

/* Records refer to each other by 32 bits, in units of 8 bytes. */
#define DW_RECORD_MIB_MAX 32767

#define DW_SETTINGS(X)                                                                            \
	X(SHIM, record_path, TEXT, "PATH", "deadwatch.PID.rec in the working directory",          \
	  "where the recording goes")                                                             \
	X(SHIM, record_limit, MIB, "MIB", "64, or 8192 with events=1",                            \
	  "the most that a recording may grow to, in MiB: 1 to 32767")                            \
	X(SHIM, events, WORDS, "0|1", "0", "whether to record every event, not just what is new") \
	X(SHIM, stacks, WORDS, "new|always|off", "new",                                           \
	  "whether to record stacks: of what is new, of every event, or none")                    \
	X(SHIM, calls, TEXT, "NAME+NAME", "what profiles name",                                   \
	  "functions of libraries to watch as calls that can block, or off")                      \
	X(DEADWATCH, profile, TEXT, "PATH", "what is built in",                                   \
	  "what else is known about the program")                                                 \
	X(SHIM, monitor, WORDS, "0|1", "1", "whether a monitor looks for what is stuck")          \
	X(DEADWATCH, stall_ms, NUMBER, "MS", "5000",                                              \
	  "how long somebody has to wait for a lock for it to be a stall")                        \
	X(DEADWATCH, log_path, TEXT, "PATH", "standard error",                                    \
	  "where the monitor tells what it finds")                                                \
	X(DEADWATCH, heartbeat, TIMES, "FUNCTION=TIME+FUNCTION=TIME", "none",                     \
	  "functions to tell of when they have not run for so long")                              \
	X(DEADWATCH, halt_on_deadlock, WORDS, "0|1", "0",                                         \
	  "whether to end the process by SIGABRT once a deadlock was told")                       \
	X(DEADWATCH, halt_on_stall, WORDS, "0|1", "0", "whether to do so once a stall was told")  \
	X(SHIM, delay, TEXT, "MS/LAST+LEG+LEG", "none",                                           \
	  "where to keep threads for a moment; set by 'deadwatch confirm'")                       \
	X(DEADWATCH, attach_ring, NUMBER, "KIB", "32768",                                         \
	  "room for events that wait to be taken by 'deadwatch attach', in KiB")                  \
	X(DEADWATCH, verbosity, WORDS, "0|1|2", "1", "how much the monitor tells")
