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

static bool is_among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool find(void *context, const char *name, struct dw_probed *ret)
{
	const struct dw_only_lock *lock = context;
	bool takes = is_among(lock->taken_in, lock->n_taken_in, name);

	if (!takes && !is_among(lock->let_go_in, lock->n_let_go_in, name))
		return false;
	*ret = (struct dw_probed){
	    .name = name,
	    .cookie = {.kind = takes ? DW_WANT : DW_DROP, .lock = lock->number, .what = DW_MUTEX}};
	return true;
}

struct dw_finder dw_only_lock_finder(const struct dw_only_lock *lock)
{
	return (struct dw_finder){.find = find, .context = (void *)lock, .is_whole = true};
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

uint64_t dw_only_lock_find(struct dw_attached *process, const struct dw_only_lock *lock,
			   const struct dw_map *map)
{
	struct dw_located located[FUNCTIONS_MAX];
	struct dw_symbol_bytes taking = {0}, letting_go = {0};
	const struct dw_finder finder = dw_only_lock_finder(lock);
	int n = dw_locate(map->file, &finder, located, FUNCTIONS_MAX);
	int64_t symbols = n > 1 ? dw_symbols_add(process->symbols, map->file, NULL, 0) : -1;

	for (int i = 0; symbols >= 0 && i < n; i++)
		dw_symbols_bytes(process->symbols, (uint32_t)symbols, located[i].address,
				 located[i].function.cookie.kind == DW_WANT ? &taking
									    : &letting_go);
	return taking.n && letting_go.n ? common_mutex(process, map, &taking, &letting_go) : 0;
}
