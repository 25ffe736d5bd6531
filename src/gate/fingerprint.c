/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate/fingerprint.h"

#include "analysis/leg.h"
#include "base/hash.h"
#include "model/event.h"
#include "symbol/names.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The part of a function's name that counts. What is cut is the end of a C++ template. */
#define FUNCTION_SIZE 512

/* Rust's hash: `::h` and 16 hexadecimal digits. */
#define RUST_HASH_SIZE 19

/* What compilers put between a function's name and a number, in the order of the Latin alphabet. */
static const char *const suffixes[] = {
    ".cold", ".constprop", ".isra", ".llvm", ".localalias", ".lto_priv", ".part",
};

static size_t without_digits(const char *name, size_t n)
{
	size_t digits = 0;

	while (digits < n && isdigit((unsigned char)name[n - 1 - digits]))
		digits++;
	return digits && digits + 1 < n && name[n - 1 - digits] == '.' ? n - digits - 1 : n;
}

static size_t without_suffix(const char *name, size_t n)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t size = strlen(suffixes[i]);

		if (n > size && memcmp(name + n - size, suffixes[i], size) == 0)
			return n - size;
	}
	return n;
}

static size_t without_rust_hash(const char *name, size_t n)
{
	const char *hash = name + n - RUST_HASH_SIZE;

	if (n <= RUST_HASH_SIZE || memcmp(hash, "::h", 3) != 0)
		return n;
	for (size_t i = 3; i < RUST_HASH_SIZE; i++)
		if (!isxdigit((unsigned char)hash[i]))
			return n;
	return n - RUST_HASH_SIZE;
}

/* The demangler's way to write a suffix: `f() [clone .part.0]`. */
static size_t without_clone(const char *name, size_t n)
{
	static const char start[] = " [clone .";

	if (n == 0 || name[n - 1] != ']')
		return n;
	for (size_t i = n - 1; i > 0; i--)
		if (n - i >= sizeof(start) - 1 && memcmp(name + i, start, sizeof(start) - 1) == 0)
			return i;
	return n;
}

/* `lock #2`: the number of a lock among those of its name. */
static size_t without_number(const char *name, size_t n)
{
	size_t digits = 0;

	while (digits < n && isdigit((unsigned char)name[n - 1 - digits]))
		digits++;
	if (digits == 0 || n < digits + 3 || memcmp(name + n - digits - 2, " #", 2) != 0)
		return n;
	return n - digits - 2;
}

void dw_fingerprint_function(const char *name, char *ret, size_t size)
{
	size_t n = strlen(name), before;

	do {
		before = n;
		n = without_number(name, n);
		n = without_clone(name, n);
		n = without_digits(name, n);
		n = without_suffix(name, n);
		n = without_rust_hash(name, n);
	} while (n != before);
	snprintf(ret, size, "%.*s", (int)n, name);
}

/* Texts are hashed with their NUL, so that "ab" "c" is not "a" "bc". */
static uint64_t hash_name(uint64_t hash, const char *name)
{
	char plain[FUNCTION_SIZE];

	dw_fingerprint_function(name ? name : "?", plain, sizeof(plain));
	return dw_hash_text(hash, plain, strlen(plain) + 1);
}

/* A number as text: the same on machines of either byte order. */
static uint64_t hash_number(uint64_t hash, uint64_t number)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, number);

	return dw_hash_text(hash, text, (size_t)n + 1);
}

static const char *outermost(const struct dw_named_stack *stack)
{
	for (uint32_t i = stack->n_frames; i > 0; i--) {
		const struct dw_frame *frame = &stack->frames[i - 1];

		if (frame->function && !(frame->flags & DW_FRAME_RUNTIME))
			return frame->function;
	}
	return NULL;
}

static const char *site_function(const struct dw_named_stack *stack)
{
	return stack->site < stack->n_frames ? stack->frames[stack->site].function : NULL;
}

static uint64_t hash_stack(uint64_t hash, uint32_t stack, uint32_t hint, struct dw_names *names)
{
	return hash_name(hash, outermost(dw_names_stack(names, stack, hint)));
}

static uint64_t hash_chain(uint64_t hash, uint32_t number, const struct dw_facts *facts,
			   struct dw_names *names)
{
	const struct dw_chain *chain = &facts->chains[number];

	hash = hash_name(hash, dw_names_taken_plain(names, number));
	return hash_stack(hash, chain->stack, chain->hint, names);
}

static uint64_t hash_given(uint64_t hash, const struct dw_finding *finding, uint32_t leg,
			   const struct dw_facts *facts, struct dw_names *names)
{
	const struct dw_post *post = &facts->posts[finding->legs[leg].post];

	if (finding->legs[leg].holds)
		return hash_chain(hash, finding->legs[leg].holds, facts, names);
	hash = hash_name(hash, dw_names_thing_plain(names, dw_leg_given(facts, finding, leg)));
	return finding->legs[leg].post ? hash_stack(hash, post->stack, post->hint, names) : hash;
}

static uint64_t hash_needed(uint64_t hash, const struct dw_finding *finding, uint32_t leg,
			    const struct dw_facts *facts, struct dw_names *names)
{
	uint32_t needed = dw_leg_needed(facts, finding, leg);

	if (finding->legs[leg].needs)
		return hash_chain(hash, finding->legs[leg].needs, facts, names);
	if (needed)
		hash = hash_name(hash, dw_names_thing_plain(names, needed));
	return hash_stack(hash, finding->legs[leg].stack, /* hint= */ 0, names);
}

static uint64_t hash_leg(const struct dw_finding *finding, uint32_t leg,
			 const struct dw_facts *facts, struct dw_names *names)
{
	uint64_t hash = hash_given(DW_HASH_TEXT_START, finding, leg, facts, names);

	if (finding->legs[leg].signal)
		hash = hash_number(hash, finding->legs[leg].signal);
	return hash_needed(hash, finding, leg, facts, names);
}

/* The hash of the legs, told from leg @first on. */
static uint64_t hash_from(const struct dw_finding *finding, uint32_t first,
			  const struct dw_facts *facts, struct dw_names *names)
{
	uint64_t hash = hash_number(DW_HASH_TEXT_START, finding->verdict);

	for (uint32_t i = 0; i < finding->n_legs; i++) {
		uint32_t leg = (first + i) % finding->n_legs;

		hash = hash_number(hash, hash_leg(finding, leg, facts, names));
	}
	return hash;
}

/* Wherever the telling of a cycle starts, the smallest hash of all rotations is the same. */
static uint64_t hash_legs(const struct dw_finding *finding, const struct dw_facts *facts,
			  struct dw_names *names)
{
	uint32_t n_rotations = dw_leg_is_cycle(finding) ? finding->n_legs : 1;
	uint64_t smallest = UINT64_MAX;

	for (uint32_t i = 0; i < n_rotations; i++) {
		uint64_t hash = hash_from(finding, i, facts, names);

		if (hash < smallest)
			smallest = hash;
	}
	return smallest;
}

static uint64_t hash_misuse(const struct dw_finding *finding, const struct dw_facts *facts,
			    struct dw_names *names)
{
	const struct dw_misuse *misuse = &facts->misuses[finding->misuse];
	const struct dw_named_stack *stack = dw_names_stack(names, misuse->stack, misuse->hint);
	uint64_t hash = hash_number(DW_HASH_TEXT_START, finding->verdict);

	hash = hash_number(hash, misuse->kind);
	hash = hash_name(hash, dw_names_thing_plain(names, misuse->thing));
	hash = hash_name(hash, site_function(stack));
	return hash_name(hash, outermost(stack));
}

void dw_fingerprint(const struct dw_finding *finding, const struct dw_facts *facts,
		    struct dw_names *names, char ret[DW_FINGERPRINT_SIZE])
{
	uint64_t hash =
	    finding->misuse ? hash_misuse(finding, facts, names) : hash_legs(finding, facts, names);

	snprintf(ret, DW_FINGERPRINT_SIZE, "%016" PRIx64, hash);
}
