/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/only_lock.h"

#include "inspect/arch.h"

#include <pthread.h>
#include <string.h>
#include <sys/uio.h>

/* Names of one function in all versions of a program. */
#define FUNCTIONS_MAX 16

/* Bytes of "lea distance(%rip)": a prefix, the instruction, a register, the distance. */
#define LEA_SIZE 7

#define ROW(function, event)                                                                      \
	{                                                                                         \
		.name = function, .cookie = {.kind = event, .is_only_lock = 1, .what = DW_MUTEX } \
	}
#define ROW_OF_WAIT(function, hows)           \
	{                                     \
		.name = function, .cookie = { \
			.kind = DW_PARK,      \
			.is_only_lock = 1,    \
			.what = DW_CONDITION, \
			.how = hows,          \
			.object = 1,          \
			.other = 2            \
		}                             \
	}

static const struct dw_probed takes = ROW("take", DW_WANT), lets_go = ROW("let go", DW_DROP);

static const struct dw_probed waits[] = {
    ROW_OF_WAIT("pthread_cond_wait", 0),
    ROW_OF_WAIT("pthread_cond_timedwait", DW_TIMED),
    ROW_OF_WAIT("pthread_cond_clockwait", DW_TIMED),
};

static bool is_among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static const struct dw_probed *find(void *context, const char *name)
{
	const struct dw_only *only = context;

	if (is_among(only->taken_in, only->n_taken_in, name))
		return &takes;
	return is_among(only->let_go_in, only->n_let_go_in, name) ? &lets_go : NULL;
}

struct dw_finder dw_only_lock_finder(const struct dw_only *only)
{
	return (struct dw_finder){.find = find, .context = (void *)only, .is_whole = true};
}

static const struct dw_probed *find_wait(void *context, const char *name)
{
	(void)context;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++)
		if (strcmp(waits[i].name, name) == 0)
			return &waits[i];
	return NULL;
}

struct dw_finder dw_only_lock_waits_finder(void)
{
	return (struct dw_finder){.find = find_wait};
}

/* Whether a mutex may be there: what else a program's variables hold has other kinds. */
static bool is_mutex(const struct dw_attached *process, uint64_t address)
{
	pthread_mutex_t mutex;
	struct iovec to = {&mutex, sizeof(mutex)}, from = {(void *)address, sizeof(mutex)};

	return process_vm_readv(process->pid, &to, 1, &from, 1, 0) == sizeof(mutex) &&
	       mutex.__data.__kind >= 0 && mutex.__data.__kind <= PTHREAD_MUTEX_ADAPTIVE_NP &&
	       mutex.__data.__lock >= 0 && mutex.__data.__lock <= 2;
}

/* What the instruction at @code takes the address of; 0: it is no such instruction. */
static uint64_t address_taken(const uint8_t *code, uint64_t at)
{
	int32_t distance;

	if ((code[0] & 0xf8) != 0x48 || code[1] != 0x8d || (code[2] & 0xc7) != 0x05)
		return 0;
	memcpy(&distance, code + 3, sizeof(distance));
	return at + LEA_SIZE + (uint64_t)(int64_t)distance;
}

/* The mutex that both functions are about. */
static uint64_t common_mutex(const struct dw_attached *process, const struct dw_map *map,
			     const struct dw_symbol_bytes *taking,
			     const struct dw_symbol_bytes *letting_go)
{
	uint64_t bias = dw_map_bias(map);

	for (size_t i = 0; i + LEA_SIZE <= taking->n; i++) {
		uint64_t address = address_taken(taking->bytes + i, taking->start + i);

		if (address &&
		    dw_arch_has_operand(letting_go->bytes, letting_go->n, letting_go->start,
					address) &&
		    address + bias < map->end && is_mutex(process, address + bias))
			return address + bias;
	}
	return 0;
}

uint64_t dw_only_lock_find(struct dw_attached *process, const struct dw_only *only,
			   const struct dw_map *map)
{
	struct dw_located located[FUNCTIONS_MAX];
	struct dw_symbol_bytes taking = {0}, letting_go = {0};
	const struct dw_finder finder = dw_only_lock_finder(only);
	int n = dw_locate(map->file, &finder, located, FUNCTIONS_MAX);
	int64_t symbols = n > 1 ? dw_symbols_add(process->symbols, map->file, NULL, 0) : -1;

	for (int i = 0; symbols >= 0 && i < n; i++)
		dw_symbols_bytes(process->symbols, (uint32_t)symbols, located[i].address,
				 located[i].function == &takes ? &taking : &letting_go);
	return taking.n && letting_go.n ? common_mutex(process, map, &taking, &letting_go) : 0;
}
