/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the shim is told through the environment.
 *
 * Single-threaded: it changes the environment of the calling process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dw_command;

enum dw_setting_kind {
	DW_SETTING_TEXT,
	DW_SETTING_NUMBER,
	DW_SETTING_MIB,
	DW_SETTING_WORDS,
	DW_SETTING_TIMES
};

/* A key of DEADWATCH_OPTIONS; see DW_SETTINGS(). */
struct dw_setting {
	const char *key;
	enum dw_setting_kind kind;
	const char *values;
	const char *otherwise;
	const char *help; /* one line */
};

/* Ends with a row whose key is NULL. */
extern const struct dw_setting dw_settings[];

/*
 * Whether the shim will understand the user's DEADWATCH_OPTIONS: it cannot complain itself,
 * so what is wrong is said on stderr here. Return: 0, or 1.
 */
int dw_environment_check(void);

/*
 * The value of @key in DEADWATCH_OPTIONS: the last one that fits into @ret, of @size bytes.
 * Return: whether there is one.
 */
bool dw_environment_option(const char *key, char *ret, size_t size);

/* The same as a number; @otherwise if there is none. */
uint64_t dw_environment_number(const char *key, uint64_t otherwise);

/* The longest list of heartbeats: names of C++ and Rust are long. */
#define DW_HEARTBEAT_SIZE 4096

/*
 * Adds FUNCTION=TIME, as --heartbeat has it, to the heartbeats of DEADWATCH_OPTIONS; see
 * dw_pulse_check(). Return: 0, or DW_EXIT_USAGE, and it was said why.
 */
int dw_environment_take_heartbeat(const struct dw_command *command, const char *wish);

/*
 * Sets LD_PRELOAD and DEADWATCH_OPTIONS for a program about to be executed, behind and before
 * what the user has there. @events: every event is to be recorded. @calls: NAME+NAME, calls of
 * libraries that are to be watched beside those of the user; or empty. @more: options that count
 * before the user's; NULL: none.
 *
 * Return: 0, or -ENOMEM.
 */
int dw_environment_set(const char *library, const char *record_path, bool events, const char *calls,
		       const char *more);
