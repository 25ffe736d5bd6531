/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "shim/real.h"

#include <dlfcn.h>

#define X(version, type, name, parameters, arguments) \
	static type stub_##name parameters            \
	{                                             \
		shim_real_resolve();                  \
		return shim_real.name arguments;      \
	}
SHIM_REAL(X)
#undef X

#define X(version, type, name, parameters, arguments)  \
	static type stub_old_##name parameters         \
	{                                              \
		shim_real_resolve();                   \
		return shim_real.old_##name arguments; \
	}
SHIM_REAL_OLD(X)
#undef X

struct shim_real shim_real = {
#define X(version, type, name, parameters, arguments) .name = stub_##name,
    SHIM_REAL(X)
#undef X
#define X(version, type, name, parameters, arguments) .old_##name = stub_old_##name,
	SHIM_REAL_OLD(X)
#undef X
};

/* A symbol that the C library lacks keeps its stub, which no program of that library calls. */
static void resolve(void **pointer, const char *name, const char *version)
{
	void *symbol = version ? dlvsym(RTLD_NEXT, name, version) : NULL;

	if (!symbol)
		symbol = dlsym(RTLD_NEXT, name);
	if (symbol)
		__atomic_store_n(pointer, symbol, __ATOMIC_RELAXED);
}

void shim_real_resolve(void)
{
#define X(version, type, name, parameters, arguments) \
	resolve((void **)&shim_real.name, #name, version);
	SHIM_REAL(X)
#undef X
#define X(version, type, name, parameters, arguments) \
	resolve((void **)&shim_real.old_##name, #name, version);
	SHIM_REAL_OLD(X)
#undef X
}
