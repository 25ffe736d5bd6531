// SPDX-License-Identifier: GPL-2.0-or-later
// Exceptions fly through frames that hold locks, in several threads, and the locks are let go;
// shared locks, conditions, futures and locks of several at once do what they always do.
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <thread>
#include <vector>

namespace
{

constexpr int n_threads = 4, rounds = 300;

struct Account {
	std::mutex mutex;
	std::shared_mutex shared;
	long value = 0;
};

Account accounts[n_threads][2];
std::recursive_timed_mutex timed;

struct Refused : std::runtime_error {
	using std::runtime_error::runtime_error;
};

[[gnu::noinline]] void book(Account &account, int amount)
{
	std::lock_guard<std::mutex> guard(account.mutex);
	std::unique_lock<std::shared_mutex> writer(account.shared);

	account.value += amount;
	if (amount % 3 == 0)
		throw Refused("by threes");
}

[[gnu::noinline]] int transfer(Account &from, Account &to, int amount)
{
	std::scoped_lock both(from.shared, timed);

	try {
		book(to, amount);
	} catch (const Refused &) {
		return 1;
	}
	return 0;
}

[[gnu::noinline]] long sum(Account &account)
{
	std::shared_lock<std::shared_mutex> reader(account.shared);
	std::shared_lock<std::shared_mutex> again(account.shared, std::try_to_lock);

	return account.value * again.owns_lock();
}

long work(int number)
{
	Account(&own)[2] = accounts[number];
	long refused = 0;

	for (int i = 0; i < rounds; i++)
		refused += transfer(own[0], own[1], i);
	return refused * 1000000 + sum(own[1]);
}

// A wait whose predicate throws has its mutex again.
bool wait_that_throws()
{
	std::mutex mutex;
	std::condition_variable_any changed;
	bool set = false, owned = false;
	std::thread setter([&] {
		std::lock_guard<std::mutex> guard(mutex);
		set = true;
		changed.notify_all();
	});
	std::unique_lock<std::mutex> lock(mutex);

	try {
		changed.wait(lock, [&] { return set ? throw Refused("set") : false; });
	} catch (const Refused &) {
		owned = lock.owns_lock();
	}
	lock.unlock();
	setter.join();
	return owned;
}

int once_in_the_end()
{
	std::once_flag flag;
	int tries = 0;

	for (int i = 0; i < 4; i++) {
		try {
			std::call_once(flag, [&] {
				if (++tries < 3)
					throw Refused("not yet");
			});
		} catch (const Refused &) {
		}
	}
	return tries;
}

} // namespace

int main()
{
	std::vector<std::future<long>> results;
	std::promise<int> promise;
	std::future<int> broken = promise.get_future();

	for (int i = 0; i < n_threads; i++)
		results.push_back(std::async(std::launch::async, work, i));
	for (std::future<long> &result : results)
		std::printf("%ld\n", result.get());
	std::printf("owned: %d\n", wait_that_throws());
	std::printf("tries: %d\n", once_in_the_end());
	std::thread(
	    [](std::promise<int> given) {
		    try {
			    throw Refused("promised");
		    } catch (...) {
			    given.set_exception(std::current_exception());
		    }
	    },
	    std::move(promise))
	    .join();
	try {
		broken.get();
	} catch (const Refused &refused) {
		std::printf("refused: %s\n", refused.what());
	}
	return 0;
}
