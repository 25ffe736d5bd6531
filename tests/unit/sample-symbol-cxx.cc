// SPDX-License-Identifier: GPL-2.0-or-later
//
// Takes a std::mutex and says where pthread_mutex_lock() was called from: in libstdc++'s
// wrappers, inlined into fence::Queue::poll().
#include <cstdio>
#include <mutex>

extern "C" char __executable_start[];

extern "C" __attribute__((noinline)) int pthread_mutex_lock(pthread_mutex_t *)
{
	printf("locked %lx\n",
	       (unsigned long)((char *)__builtin_return_address(0) - __executable_start));
	return 0;
}

namespace fence
{
class Queue
{
      public:
	__attribute__((noinline)) int poll(int n)
	{
		std::lock_guard<std::mutex> guard(lock);

		return n + 1;
	}

      private:
	std::mutex lock;
};
} // namespace fence

int main()
{
	fence::Queue queue;

	auto in_lambda = [](int n) __attribute__((noinline))
	{
		printf("lambda %lx\n", (unsigned long)((char *)&&here - __executable_start));
	here:
		return n;
	};

	return in_lambda(queue.poll(-1));
}
