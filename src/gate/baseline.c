/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/baseline.h"

#include "analysis/array.h"
#include "analysis/index.h"
#include "base/arena.h"
#include "base/hash.h"
#include "gate/lines.h"

#include <stdlib.h>

/* Far more than a reader of the file would ever go through. */
#define MEMORY_MAX ((size_t)256 << 20)

#define FIRST_LINE "# deadwatch baseline 1"
#define FIRST_LINE_OF_ANY "# deadwatch baseline "

struct dw_baseline {
	struct dw_arena *arena;
	struct dw_baseline_entry *entries;
	struct dw_index index; /* of entries, by fingerprint and verdict */
	uint32_t n, room;
	const char *rest; /* the lines behind the last entry */
};

int dw_baseline_new(struct dw_baseline **ret)
{
	dw_auto(baseline) baseline = calloc(1, sizeof(*baseline));
	int r;

	if (!baseline)
		return dw_raise(-ENOMEM);
	r = dw_arena_new(&baseline->arena, MEMORY_MAX);
	if (r < 0)
		return dw_pass(r);
	baseline->rest = "";
	*ret = dw_take(baseline);
	return 0;
}

struct dw_baseline *dw_baseline_free(struct dw_baseline *baseline)
{
	if (baseline)
		dw_arena_free(baseline->arena);
	free(baseline);
	return NULL;
}

struct dw_baseline_entry *dw_baseline_entries(struct dw_baseline *baseline, size_t *ret_n)
{
	*ret_n = baseline->n;
	return baseline->entries;
}

struct key {
	const char *verdict, *fingerprint;
};

static uint64_t hash_key(const struct key *key)
{
	uint64_t hash =
	    dw_hash_text(DW_HASH_TEXT_START, key->fingerprint, strlen(key->fingerprint));

	return dw_hash_text(hash, key->verdict, strlen(key->verdict));
}

static bool same_entry(const void *context, uint32_t item, const void *wanted)
{
	const struct dw_baseline_entry *entry =
	    &((const struct dw_baseline *)context)->entries[item];
	const struct key *key = wanted;

	return !strcmp(entry->fingerprint, key->fingerprint) &&
	       !strcmp(entry->verdict, key->verdict);
}

struct dw_baseline_entry *dw_baseline_find(struct dw_baseline *baseline, const char *verdict,
					   const char *fingerprint)
{
	const struct key key = {verdict, fingerprint};
	uint32_t i = dw_index_find(&baseline->index, hash_key(&key), same_entry, baseline, &key);

	return i == DW_INDEX_NONE ? NULL : &baseline->entries[i];
}

/* The word of the table, which outlives all; NULL: it is none. */
static const char *verdict_word(const struct dw_line *word)
{
#define X(name, value, text)        \
	if (dw_line_is(word, text)) \
		return text;
	DW_VERDICTS(X)
#undef X
	return NULL;
}

static bool is_fingerprint(const struct dw_line *word)
{
	if (word->n != DW_FINGERPRINT_SIZE - 1)
		return false;
	for (size_t i = 0; i < word->n; i++)
		if (!strchr("0123456789abcdef", word->text[i]))
			return false;
	return true;
}

/* Takes `"CHAIN":` off the line. */
static bool take_chain(struct dw_line *line, struct dw_line *ret)
{
	const char *end =
	    line->n > 1 && line->text[0] == '"' ? memchr(line->text + 1, '"', line->n - 1) : NULL;
	size_t n = end ? (size_t)(end - line->text) + 1 : 0;

	if (!end || n == line->n || line->text[n] != ':')
		return false;
	*ret = (struct dw_line){line->text + 1, n - 2, line->number};
	line->text += n + 1;
	line->n -= n + 1;
	while (line->n && (line->text[0] == ' ' || line->text[0] == '\t')) {
		line->text++;
		line->n--;
	}
	return true;
}

static int add_entry(struct dw_baseline *baseline, const struct dw_baseline_entry *entry)
{
	const struct key key = {entry->verdict, entry->fingerprint};
	int r = dw_array_room(baseline->arena, (void **)&baseline->entries, baseline->n,
			      &baseline->room, sizeof(*entry));

	if (r == 0)
		r = dw_index_add(&baseline->index, baseline->arena, hash_key(&key), baseline->n);
	if (r < 0)
		return dw_pass(r);
	if (!entry->chain || !entry->reason || !entry->comment)
		return dw_raise(-ENOMEM);
	baseline->entries[baseline->n++] = *entry;
	return 0;
}

/* @comment: the text between the entry before and this one. */
static int parse_entry(struct dw_baseline *baseline, struct dw_line line,
		       const struct dw_line *comment, struct dw_wrong *wrong)
{
	struct dw_line verdict = dw_line_word(&line), fingerprint = dw_line_word(&line), chain;
	struct dw_baseline_entry entry = {.verdict = verdict_word(&verdict), .line = line.number};

	if (!entry.verdict)
		return dw_wrong(wrong, line.number, "'%.*s' is no verdict", (int)verdict.n,
				verdict.text);
	if (!is_fingerprint(&fingerprint))
		return dw_wrong(wrong, line.number,
				"'%.*s' is no fingerprint: 16 of the digits 0 to 9 and a to f",
				(int)fingerprint.n, fingerprint.text);
	memcpy(entry.fingerprint, fingerprint.text, DW_FINGERPRINT_SIZE - 1);
	if (!take_chain(&line, &chain))
		return dw_wrong(wrong, line.number, "what is found, as \"CHAIN\":, is missing");
	if (line.n == 0)
		return dw_wrong(wrong, line.number, "the reason is missing, behind the colon");
	if (dw_baseline_find(baseline, entry.verdict, entry.fingerprint))
		return dw_wrong(wrong, line.number, "%s %s is there already", entry.verdict,
				entry.fingerprint);
	entry.chain = dw_arena_text(baseline->arena, chain.text, chain.n);
	entry.reason = dw_arena_text(baseline->arena, line.text, line.n);
	entry.comment = dw_arena_text(baseline->arena, comment->text, comment->n);
	return add_entry(baseline, &entry);
}

static int check_first_line(struct dw_lines *lines, struct dw_wrong *wrong)
{
	struct dw_line line;
	size_t n = strlen(FIRST_LINE_OF_ANY);

	if (dw_lines_next(lines, &line) && dw_line_is(&line, FIRST_LINE))
		return 0;
	if (lines->number && line.n > n && memcmp(line.text, FIRST_LINE_OF_ANY, n) == 0)
		return dw_wrong(wrong, 1, "it is of another version than this deadwatch knows");
	return dw_wrong(wrong, 1, "it is no baseline: its first line is not '%s'", FIRST_LINE);
}

static int parse(struct dw_baseline *baseline, struct dw_lines *lines, struct dw_wrong *wrong)
{
	struct dw_line line, comment = {.text = lines->text};
	int r = 0;

	while (r == 0 && dw_lines_next(lines, &line)) {
		if (dw_line_is_empty(&line)) {
			comment.n = (size_t)(lines->text - comment.text);
			continue;
		}
		r = parse_entry(baseline, line, &comment, wrong);
		comment = (struct dw_line){.text = lines->text};
	}
	if (r != 0)
		return r;
	baseline->rest = dw_arena_text(baseline->arena, comment.text, comment.n);
	return baseline->rest ? 0 : dw_raise(-ENOMEM);
}

int dw_baseline_parse(struct dw_baseline **ret, const char *text, size_t size,
		      struct dw_wrong *ret_wrong)
{
	dw_auto(baseline) baseline = NULL;
	struct dw_lines lines = {text, size, 0};
	int r = dw_lines_check(text, size, ret_wrong);

	if (r == 0)
		r = check_first_line(&lines, ret_wrong);
	if (r == 0)
		r = dw_baseline_new(&baseline);
	if (r == 0)
		r = parse(baseline, &lines, ret_wrong);
	if (r != 0)
		return r < 0 ? dw_pass(r) : r;
	*ret = dw_take(baseline);
	return 0;
}

int dw_baseline_add(struct dw_baseline *baseline, const char *verdict, const char *fingerprint,
		    const char *chain)
{
	struct dw_baseline_entry entry = {
	    .verdict = verdict, .reason = DW_BASELINE_TODO, .comment = "", .seen = true};
	char *text = dw_arena_text(baseline->arena, chain, strlen(chain));

	for (char *c = text; c && *c; c++) {
		if (*c == '"')
			*c = '\'';
		else if ((unsigned char)*c < ' ' || *c == '\177')
			*c = '?';
	}
	entry.chain = text;
	snprintf(entry.fingerprint, sizeof(entry.fingerprint), "%s", fingerprint);
	return add_entry(baseline, &entry);
}

int dw_baseline_renew(struct dw_baseline *baseline, struct dw_baseline *judged)
{
	int r, n = 0;

	for (uint32_t i = 0; i < baseline->n; i++) {
		struct dw_baseline_entry *entry = &baseline->entries[i];
		const struct dw_baseline_entry *known =
		    dw_baseline_find(judged, entry->verdict, entry->fingerprint);

		/* Nobody has looked for what was not there yet. */
		entry->seen = !known || known->seen;
	}
	for (uint32_t i = 0; i < judged->n; i++) {
		const struct dw_baseline_entry *entry = &judged->entries[i];

		if (entry->line || dw_baseline_find(baseline, entry->verdict, entry->fingerprint))
			continue;
		r = dw_baseline_add(baseline, entry->verdict, entry->fingerprint, entry->chain);
		if (r < 0)
			return dw_pass(r);
		n++;
	}
	return n;
}

static int compare_entries(const void *a, const void *b)
{
	const struct dw_baseline_entry *x = a, *y = b;
	int r = strcmp(x->fingerprint, y->fingerprint);

	return r ? r : strcmp(x->verdict, y->verdict);
}

int dw_baseline_write(FILE *out, struct dw_baseline *baseline, bool prune)
{
	struct dw_baseline_entry *sorted =
	    dw_arena_alloc(baseline->arena, ((size_t)baseline->n + 1) * sizeof(*sorted));

	if (!sorted)
		return dw_raise(-ENOMEM);
	if (baseline->n)
		memcpy(sorted, baseline->entries, baseline->n * sizeof(*sorted));
	qsort(sorted, baseline->n, sizeof(*sorted), compare_entries);
	fputs(FIRST_LINE "\n", out);
	for (uint32_t i = 0; i < baseline->n; i++)
		if (!prune || sorted[i].seen)
			fprintf(out, "%s%s %s \"%s\": %s\n", sorted[i].comment, sorted[i].verdict,
				sorted[i].fingerprint, sorted[i].chain, sorted[i].reason);
	fputs(baseline->rest, out);
	return ferror(out) ? dw_raise(errno ? -errno : -EIO) : 0;
}
