/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/real.h"

#include <dlfcn.h>
#include <link.h>

#define X(version, type, name, parameters, arguments, ...) \
	static type stub_##name parameters                 \
	{                                                  \
		shim_real_resolve();                       \
		return shim_real.name arguments;           \
	}
SHIM_REAL(X)
#undef X

#define X(version, type, name, parameters, arguments, ...) \
	static type stub_old_##name parameters             \
	{                                                  \
		shim_real_resolve();                       \
		return shim_real.old_##name arguments;     \
	}
SHIM_REAL_OLD(X)
#undef X

struct shim_real shim_real = {
#define X(version, type, name, parameters, arguments, ...) .name = stub_##name,
    SHIM_REAL(X)
#undef X
#define X(version, type, name, parameters, arguments, ...) .old_##name = stub_old_##name,
	SHIM_REAL_OLD(X)
#undef X
};

bool shim_real_resolved;

const void *shim_file_of(const void *symbol)
{
	struct link_map *map = NULL;
	Dl_info info;

	return dladdr1(symbol, &info, (void **)&map, RTLD_DL_LINKMAP) ? map : NULL;
}

/*
 * Whoever comes next may be another preloaded library, whose symbols have no version, and which
 * dlvsym() would pass over; the version is for the C library. A symbol that it lacks keeps its
 * stub, which no program of that library calls.
 */
static void resolve(void **pointer, const char *name, const char *version)
{
	void *symbol = dlsym(RTLD_NEXT, name);
	void *versioned = version ? dlvsym(RTLD_NEXT, name, version) : NULL;

	if (versioned && shim_file_of(symbol) == shim_file_of(versioned))
		symbol = versioned;
	if (symbol)
		__atomic_store_n(pointer, symbol, __ATOMIC_RELAXED);
}

static void leave(void *memory)
{
	(void)memory;
}

void shim_real_resolve(void)
{
	/* dlsym() itself frees the text of an error before: better not at all than by way of here.
	 */
	if (shim_real.free == stub_free)
		shim_real.free = leave;
#define X(version, type, name, parameters, arguments, ...) \
	resolve((void **)&shim_real.name, #name, version);
	SHIM_REAL(X)
#undef X
#define X(version, type, name, parameters, arguments, ...) \
	resolve((void **)&shim_real.old_##name, #name, version);
	SHIM_REAL_OLD(X)
#undef X
	__atomic_store_n(&shim_real_resolved, true, __ATOMIC_RELEASE);
}
