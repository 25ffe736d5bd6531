/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks of the C++ library: a guard and a shared lock in both orders, in a namespace
 * and a class, so that names have something to be demangled.
 */
#include <mutex>
#include <pthread.h>
#include <semaphore.h>
#include <shared_mutex>
#include <string>
#include <thread>

namespace vmm
{
std::mutex device_mutex;
std::shared_mutex memory_mutex;
static sem_t turn;

class DeviceManager
{
      public:
	__attribute__((noinline)) void attach(const std::string &name);
	__attribute__((noinline)) unsigned long map(const std::string &name);

      private:
	unsigned long devices = 0;
};

void DeviceManager::attach(const std::string &name)
{
	std::lock_guard<std::mutex> guard(device_mutex);
	std::unique_lock<std::shared_mutex> writer(memory_mutex);

	devices += name.size();
}

unsigned long DeviceManager::map(const std::string &name)
{
	std::shared_lock<std::shared_mutex> reader(memory_mutex);
	std::lock_guard<std::mutex> guard(device_mutex);

	return devices + name.size();
}
} // namespace vmm

int main(int argc, char **argv)
{
	const std::string mode = argc > 1 ? argv[1] : "benign";
	vmm::DeviceManager manager;

	sem_init(&vmm::turn, 0, 0);
	std::thread attacher([&] {
		pthread_setname_np(pthread_self(), "attacher");
		manager.attach("net");
		sem_post(&vmm::turn);
	});
	std::thread mapper([&] {
		pthread_setname_np(pthread_self(), "mapper");
		if (mode != "race")
			sem_wait(&vmm::turn);
		if (mode == "fixed")
			manager.attach("net");
		else
			manager.map("net");
	});
	attacher.join();
	mapper.join();
	return 0;
}
