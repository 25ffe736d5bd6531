/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The MMIO bus against the resource allocator.
 *
 * The VMM thread attaches a device: allocator, then the bus for writing. A vCPU reads
 * from the bus and creates an MSI group: bus for reading, then the allocator. Fixed,
 * the allocator is let go before the bus is written. In mode "readers" there are just
 * readers of the bus, nested in two orders with a second one.
 */
#include "../case.h"

static pthread_rwlock_t mmio_bus = PTHREAD_RWLOCK_INITIALIZER;
static pthread_rwlock_t pio_bus = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t resource_allocator = PTHREAD_MUTEX_INITIALIZER;
static unsigned devices = 1, groups;

static bool is_of_readers(void)
{
	return strstr(case_mode, "readers");
}

CASE_FN void bus_insert(void)
{
	pthread_rwlock_wrlock(&mmio_bus);
	devices++;
	pthread_rwlock_unlock(&mmio_bus);
}

CASE_FN void attach_pci_virtio_device(void)
{
	pthread_mutex_lock(&resource_allocator);
	if (case_is("fixed"))
		pthread_mutex_unlock(&resource_allocator);
	case_meet(2);
	bus_insert();
	if (!case_is("fixed"))
		pthread_mutex_unlock(&resource_allocator);
}

CASE_FN void create_msix_group(void)
{
	pthread_mutex_lock(&resource_allocator);
	groups++;
	pthread_mutex_unlock(&resource_allocator);
}

CASE_FN void bus_write(void)
{
	pthread_rwlock_rdlock(&mmio_bus);
	case_meet(2);
	create_msix_group();
	pthread_rwlock_unlock(&mmio_bus);
}

CASE_FN unsigned bus_read(pthread_rwlock_t *outer, pthread_rwlock_t *inner)
{
	unsigned n;

	pthread_rwlock_rdlock(outer);
	pthread_rwlock_rdlock(inner);
	n = devices;
	pthread_rwlock_unlock(inner);
	pthread_rwlock_unlock(outer);
	return n;
}

static void *vcpu_run(void *arg)
{
	char name[16];
	unsigned number = *(unsigned *)arg;

	snprintf(name, sizeof(name), "fc_vcpu %u", number);
	case_name(name);
	case_turn(number);
	if (!is_of_readers())
		bus_write();
	else if (number % 2)
		bus_read(&pio_bus, &mmio_bus);
	else
		bus_read(&mmio_bus, &pio_bus);
	case_turn_over(number);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned numbers[4] = {0, 1, 2, 3};
	unsigned n_vcpus;
	pthread_t vcpus[4];

	case_begin(argc, argv);
	n_vcpus = is_of_readers() ? 4 : 1;
	for (unsigned i = 0; i < n_vcpus; i++)
		vcpus[i] = case_start(vcpu_run, &numbers[i]);
	case_turn(n_vcpus);
	if (!is_of_readers())
		attach_pci_virtio_device();
	for (unsigned i = 0; i < n_vcpus; i++)
		case_join(vcpus[i]);
	return 0;
}
