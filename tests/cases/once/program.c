/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An initialiser, run once, takes a lock with which another thread asks for it to be run.
 *
 * benign: it has run before the other one asks: real. hang: it is running then. fixed: the
 * other one asks before it takes the lock.
 */
#include "../case.h"

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t types_once = PTHREAD_ONCE_INIT;
static unsigned is_initialising, n_types, has_registry, is_initialised;

CASE_FN void type_init(void)
{
	case_flag_raise(&is_initialising);
	if (case_hangs())
		case_flag_await(&has_registry, 1);
	pthread_mutex_lock(&registry_lock);
	n_types++;
	pthread_mutex_unlock(&registry_lock);
}

CASE_FN void ensure_types(void)
{
	pthread_once(&types_once, type_init);
}

static void *loader_thread(void *arg)
{
	case_name("loader");
	ensure_types();
	case_flag_raise(&is_initialised);
	return arg;
}

CASE_FN unsigned registry_find(void)
{
	unsigned n;

	if (case_is("fixed"))
		ensure_types();
	pthread_mutex_lock(&registry_lock);
	case_flag_raise(&has_registry);
	if (!case_is("fixed"))
		ensure_types();
	n = n_types;
	pthread_mutex_unlock(&registry_lock);
	return n;
}

int main(int argc, char **argv)
{
	pthread_t loader;
	unsigned n;

	case_begin(argc, argv);
	loader = case_start(loader_thread, NULL);
	if (!case_is("race"))
		case_flag_await(case_hangs() ? &is_initialising : &is_initialised, 1);
	n = registry_find();
	case_join(loader);
	return n == 1 ? 0 : 1;
}
