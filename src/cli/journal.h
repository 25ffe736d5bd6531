/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system's journal. libsystemd is loaded when something is to be sent, and not before: the
 * monitor of each process would otherwise start more slowly for what few ask for.
 */
#pragma once

#include <stddef.h>

/* What stands for the journal in place of a log's path. */
#define DW_JOURNAL "journal"

struct dw_journal_field {
	const char *key; /* of capital letters, digits and underscores */
	const char *value;
};

/* So many fields an entry may have. */
#define DW_JOURNAL_FIELDS_MAX 16

/*
 * Sends an entry.
 *
 * Return: 0, or a negative errno; -ENOSYS: libsystemd cannot be loaded; -ENOENT: there is no
 * journal.
 */
int dw_journal_send(const struct dw_journal_field *fields, size_t n);
