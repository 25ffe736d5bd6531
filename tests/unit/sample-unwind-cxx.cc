/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames with personalities and landing pads. */
#include <csetjmp>
#include <exception>

extern "C" {
#include "sample-unwind.h"
}

namespace
{
struct guard {
	sample_inner *inner;
	~guard()
	{
		inner();
	}
};

__attribute__((noinline)) void fail(sample_inner *inner)
{
	guard here{inner};

	throw 7;
}

sample_inner *last_words;
std::jmp_buf back;

[[noreturn]] void say_last_words()
{
	last_words();
	std::longjmp(back, 1);
}

__attribute__((noinline)) void fail_plainly()
{
	throw 8;
}

__attribute__((noinline)) void fail_fatally() noexcept
{
	fail_plainly();
}
} // namespace

extern "C" __attribute__((visibility("default"))) void sample_passing(sample_inner *inner)
{
	try {
		fail(inner);
	} catch (int) {
	}
}

extern "C" __attribute__((visibility("default"))) void sample_catching(sample_inner *inner)
{
	try {
		throw 9;
	} catch (int) {
		inner();
	}
}

extern "C" __attribute__((visibility("default"))) void sample_terminating(sample_inner *inner)
{
	std::terminate_handler before = std::set_terminate(say_last_words);

	last_words = inner;
	if (!setjmp(back))
		fail_fatally();
	std::set_terminate(before);
}
