/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All commands: the program itself, and what it can be told to do. Whatever lists commands and
 * options is made from these: help, manual pages, completion.
 */
#pragma once

#include "cli/command.h"

/* Ends with a row whose name is NULL. */
extern const struct dw_command dw_commands[];

/* Has no name: its options stand before a command's. */
extern const struct dw_command dw_program;
