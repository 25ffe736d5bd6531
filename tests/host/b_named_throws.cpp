// SPDX-License-Identifier: GPL-2.0-or-later
// Exceptions fly out of named calls that are made with a lock held, through several of them, and
// are caught; those that nobody catches end the program where they always did.
#include "b_named_library.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>

namespace
{

std::mutex outer;

void throw_out(void *argument)
{
	throw std::runtime_error(*static_cast<std::string *>(argument));
}

void call_deeper(void *argument)
{
	library_calls_back(throw_out, argument);
}

void catch_and_throw(void *argument)
{
	try {
		library_calls_back(throw_out, argument);
	} catch (const std::runtime_error &error) {
		std::string more = std::string(error.what()) + " again";

		library_calls_back(call_deeper, &more);
	}
}

std::string thrown_by(void (*call)(void *))
{
	std::lock_guard<std::mutex> guard(outer);
	std::string what = "thrown";

	try {
		library_calls_back(call, &what);
	} catch (const std::exception &error) {
		return error.what();
	}
	return "nothing";
}

void end()
{
	std::puts("not caught");
	std::fflush(stdout);
	std::_Exit(0);
}

} // namespace

int main()
{
	for (int i = 0; i < 500; i++)
		if (thrown_by(throw_out) != "thrown" || thrown_by(call_deeper) != "thrown" ||
		    thrown_by(catch_and_throw) != "thrown again")
			return 1;
	std::puts("thrown");
	std::fflush(stdout);
	std::set_terminate(end);
	std::string what = "for ever";
	outer.lock();
	library_calls_back(call_deeper, &what);
}
