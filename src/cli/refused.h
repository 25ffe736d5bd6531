/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saying why a process cannot be looked into, and what to do about it. */
#pragma once

#include "inspect/process.h"

/* One line on stderr; @answer: a dw_process_answer. */
void dw_refused_say(pid_t pid, int answer, const struct dw_process_refusal *refusal);
