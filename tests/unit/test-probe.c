/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a process by the probes, and what is lost, is all that it did. */
#include "attach/call.h"
#include "attach/function.h"
#include "attach/probe.h"

#include <dirent.h>
#include <dlfcn.h>
#include <gnu/libc-version.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WORKERS 4
#define ROUNDS 5000
#define ALL (2u * WORKERS * ROUNDS)
#define CALLS 50000

/* Of the ring buffer, in bytes: there is room for all, and for no more than some 30 events. */
#define AMPLE (64u << 20)
#define TINY 4096

/* Who waits for a lock is to have to, also on a machine with nothing else to do. */
#define HELD_US 100
#define AWAITED 20

/*
 * The process that is attached to. Each worker waits for a byte, and says one at its end; or all
 * take one lock again and again.
 */
struct subject {
	pid_t pid;
	int begin, end; /* descriptors */
};

static int begin_fds[2], end_fds[2];

/* Nobody else takes its lock, and what it does holding that is no call. */
static void *work(void *unused)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char byte = 0;

	if (read(begin_fds[0], &byte, 1) != 1)
		_exit(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		pthread_mutex_unlock(&lock);
	}
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	pause();
	return unused;
}

static void *contend(void *lock)
{
	for (;;) {
		pthread_mutex_lock(lock);
		usleep(HELD_US);
		pthread_mutex_unlock(lock);
	}
	return NULL;
}

static void on_signal(int number)
{
	(void)number;
}

/* Whatever this sleeps in, it sleeps until a signal comes, which no other thread gets. */
static void sleep_held(void (*sleep_long)(void))
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	sigset_t signals;
	char byte = 0;

	signal(SIGUSR1, on_signal);
	if (read(begin_fds[0], &byte, 1) != 1)
		_exit(1);
	sigemptyset(&signals);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	pthread_mutex_lock(&lock);
	sleep_long();
	pthread_mutex_unlock(&lock);
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	pause();
}

/* The kernel goes on with it by another call, restart_syscall(). */
static void by_nanosleep(void)
{
	const struct timespec long_time = {.tv_sec = 3600};

	nanosleep(&long_time, NULL);
}

/* And this it makes again. */
static void by_ppoll(void)
{
	const struct timespec long_time = {.tv_sec = 3600};

	ppoll(NULL, 0, &long_time, NULL);
}

static void *nanosleep_held(void *unused)
{
	sleep_held(by_nanosleep);
	return unused;
}

static void *ppoll_held(void *unused)
{
	sleep_held(by_ppoll);
	return unused;
}

/* Who reads is not said by the lock; and one that the thread writes is refused to it. */
static void *try_to_read(void *unused)
{
	static pthread_rwlock_t free_lock = PTHREAD_RWLOCK_INITIALIZER,
				taken = PTHREAD_RWLOCK_INITIALIZER;
	const struct timespec until = {.tv_sec = INT32_MAX};
	char byte = 0;

	if (read(begin_fds[0], &byte, 1) != 1)
		_exit(1);
	pthread_rwlock_wrlock(&taken);
	if (pthread_rwlock_tryrdlock(&taken) == 0 ||
	    pthread_rwlock_timedrdlock(&taken, &until) == 0 ||
	    pthread_rwlock_tryrdlock(&free_lock) != 0 ||
	    pthread_rwlock_timedrdlock(&free_lock, &until) != 0)
		_exit(1);
	pthread_rwlock_unlock(&free_lock);
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	pause();
	return unused;
}

/* Each call counts, at its begin and at its end. */
static void *call_often(void *unused)
{
	char byte = 0;

	if (read(begin_fds[0], &byte, 1) != 1)
		_exit(1);
	for (unsigned i = 0; i < CALLS; i++)
		poll(NULL, 0, 0);
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	pause();
	return unused;
}

/* None of these is there, so none waits: their arguments say that three would. */
static void *await_events(void *unused)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const struct timespec moment = {.tv_nsec = 1};
	char byte = 0;

	if (read(begin_fds[0], &byte, 1) != 1)
		_exit(1);
	pthread_mutex_lock(&lock);
	syscall(SYS_io_uring_enter, -1, 1, 0, IORING_ENTER_GETEVENTS, NULL, 0);
	syscall(SYS_io_uring_enter, -1, 1, 1, 0, NULL, 0);
	syscall(SYS_io_uring_enter, -1, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
	syscall(SYS_io_getevents, 0, 0L, 1L, NULL, &moment);
	syscall(SYS_io_getevents, 0, 1L, 1L, NULL, NULL);
	syscall(SYS_io_getevents, 0, 1L, 1L, NULL, &moment);
	pthread_mutex_unlock(&lock);
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	pause();
	return unused;
}

static void run_subject(void *(*worker)(void *))
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_t thread;
	sigset_t signals;
	char byte = 0;

	sigfillset(&signals);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		if (pthread_create(&thread, NULL, worker, &lock) != 0)
			_exit(1);
	if (write(end_fds[1], &byte, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void await_bytes(const struct subject *subject, unsigned n)
{
	char byte;

	for (unsigned i = 0; i < n; i++)
		assert_int_equal(read(subject->end, &byte, 1), 1);
}

static struct subject start(void *(*worker)(void *))
{
	struct subject subject;

	assert_int_equal(pipe(begin_fds), 0);
	assert_int_equal(pipe(end_fds), 0);
	subject = (struct subject){fork(), begin_fds[1], end_fds[0]};
	assert_true(subject.pid >= 0);
	if (subject.pid == 0)
		run_subject(worker);
	close(begin_fds[0]);
	close(end_fds[1]);
	await_bytes(&subject, 1);
	return subject;
}

static void end(const struct subject *subject)
{
	close(subject->begin);
	close(subject->end);
	kill(subject->pid, SIGKILL);
	assert_int_equal(waitpid(subject->pid, NULL, 0), subject->pid);
}

/* What was told, of each kind. */
struct told {
	uint32_t n[128];
	uint32_t all, n_lost; /* as the latest event has it */

	/* What came of attempts to take a rwlock, in their order. */
	uint8_t got[8];
	uint32_t n_got;
	bool tries;

	/* Calls that can block, in their order. */
	struct {
		uint32_t number, how;
	} calls[8];
	uint32_t n_calls;
};

static void on_event(void *context, const struct dw_wire_event *event)
{
	struct told *told = context;

	assert_in_range(event->kind, 0, 127);
	assert_true(event->n_lost >= told->n_lost);
	if (told->tries && told->n_got < sizeof(told->got))
		told->got[told->n_got++] = event->got;
	if (event->kind == DW_ENTER && told->n_calls < sizeof(told->calls) / sizeof(*told->calls)) {
		told->calls[told->n_calls].number = dw_thing_number(event->object);
		told->calls[told->n_calls++].how = event->how;
	}
	told->tries = event->what == DW_RWLOCK && event->how & (DW_TRY | DW_TIMED);
	told->n[event->kind]++;
	told->all++;
	told->n_lost = event->n_lost;
}

/* The probe, or NULL: it cannot be here, and it was said why. */
static struct dw_probe *load(bool every_taking, uint32_t ring_size, struct told *told)
{
	const struct dw_probe_options options = {.every_taking = every_taking,
						 .ring_size = ring_size,
						 .event = on_event,
						 .context = told};
	struct dw_probe *probe = NULL;
	int r = dw_probe_new(&probe, &options);

	if (r != 0)
		print_message("there is no probe (%d): not permitted, or not by this kernel\n", r);
	return probe;
}

static struct dw_probe *attach(const struct subject *subject, uint32_t ring_size, struct told *told)
{
	const struct dw_finder finder = dw_probed_finder(NULL);
	struct dw_probe *probe = load(/* every_taking= */ true, ring_size, told);
	Dl_info library;

	if (!probe)
		return NULL;
	assert_true(dladdr((const void *)gnu_get_libc_version, &library));
	assert_true(dw_probe_file(probe, subject->pid, library.dli_fname, &finder) > 0);
	assert_int_equal(dw_probe_add(probe, subject->pid, /* only_locks= */ NULL), 0);
	return probe;
}

static void let_work(const struct subject *subject)
{
	const char bytes[WORKERS] = {0};

	assert_int_equal(write(subject->begin, bytes, WORKERS), WORKERS);
}

/* All that there is, of a process that does nothing any more. */
static void drain(struct dw_probe *probe)
{
	while (dw_probe_poll(probe, 0) > 0)
		;
}

static void check_sums(struct dw_probe *probe, const struct subject *subject,
		       const struct told *told)
{
	uint64_t losses[DW_WIRE_LOSS_MAX];

	assert_int_equal(dw_probe_n_events(probe), ALL);
	assert_int_equal(told->all + dw_probe_loss(probe, DW_WIRE_LOSS_RING), ALL);
	dw_probe_remove(probe, subject->pid, losses);
	assert_int_equal(losses[DW_WIRE_LOSS_RING], dw_probe_loss(probe, DW_WIRE_LOSS_RING));
}

/* What is told of work that is over before anybody listens. Return: whether there is a probe. */
static bool listen_afterwards(uint32_t ring_size, struct told *ret)
{
	struct subject subject = start(work);
	struct dw_probe *probe = attach(&subject, ring_size, ret);

	if (probe) {
		let_work(&subject);
		await_bytes(&subject, WORKERS);
		drain(probe);
		check_sums(probe, &subject, ret);
		dw_probe_free(probe);
	}
	end(&subject);
	return probe;
}

static void where_there_is_room_nothing_is_lost(void **state)
{
	struct told told = {0};

	(void)state;
	if (!listen_afterwards(AMPLE, &told))
		return;
	assert_int_equal(told.n[DW_WANT], ALL / 2);
	assert_int_equal(told.n[DW_DROP], ALL / 2);
}

static void where_nobody_listens_what_has_no_room_is_counted(void **state)
{
	struct told told = {0};

	(void)state;
	if (listen_afterwards(TINY, &told))
		assert_in_range(told.all, 1, TINY / sizeof(struct dw_wire_event));
}

static void where_events_come_faster_than_they_are_taken_the_rest_is_counted(void **state)
{
	struct subject subject = start(work);
	struct told told = {0};
	struct dw_probe *probe = attach(&subject, TINY, &told);

	(void)state;
	if (probe) {
		let_work(&subject);
		while (dw_probe_n_events(probe) < ALL)
			dw_probe_poll(probe, 1);
		await_bytes(&subject, WORKERS);
		drain(probe);
		check_sums(probe, &subject, &told);
		dw_probe_free(probe);
	}
	end(&subject);
}

/* Those with a stack have no room at all. */
static void what_waits_for_locks_is_counted_without_order(void **state)
{
	struct told told = {0};
	struct dw_probe *probe = load(/* every_taking= */ false, TINY, &told);
	struct subject subject = start(contend);

	(void)state;
	if (probe) {
		assert_int_equal(dw_probe_add(probe, subject.pid, /* only_locks= */ NULL), 0);
		while (dw_probe_loss(probe, DW_WIRE_LOSS_RING) < AWAITED)
			dw_probe_poll(probe, 1);
	}
	end(&subject);
	if (probe) {
		drain(probe);
		assert_int_equal(told.all + dw_probe_loss(probe, DW_WIRE_LOSS_RING),
				 dw_probe_n_events(probe));
		dw_probe_free(probe);
	}
}

/* A stop ends no call. */
static void check_stopped(void *(*worker)(void *))
{
	struct subject subject = start(worker);
	struct told told = {0};
	struct dw_probe *probe = attach(&subject, AMPLE, &told);
	const char byte = 0;

	if (probe) {
		assert_int_equal(write(subject.begin, &byte, 1), 1);
		while (told.n[DW_ENTER] == 0)
			dw_probe_poll(probe, 1);
		kill(subject.pid, SIGSTOP);
		assert_int_equal(waitpid(subject.pid, NULL, WUNTRACED), subject.pid);
		drain(probe);
		assert_int_equal(told.n[DW_WIRE_LEFT], 0);
		kill(subject.pid, SIGCONT);
		kill(subject.pid, SIGUSR1);
		await_bytes(&subject, 1);
		drain(probe);
		assert_int_equal(told.n[DW_ENTER], 1);
		assert_int_equal(told.n[DW_WIRE_LEFT], 1);
		assert_int_equal(told.n[DW_DROP], 1);
		dw_probe_free(probe);
	}
	end(&subject);
}

static void a_stop_does_not_end_a_sleep(void **state)
{
	(void)state;
	check_stopped(nanosleep_held);
}

static void a_stop_does_not_end_a_call_that_is_made_again(void **state)
{
	(void)state;
	check_stopped(ppoll_held);
}

static void what_came_of_trying_to_read_is_seen(void **state)
{
	const uint8_t expected[] = {DW_WIRE_GOT_NOT, DW_WIRE_GOT_NOT, DW_WIRE_GOT, DW_WIRE_GOT};
	struct subject subject = start(try_to_read);
	struct told told = {0};
	struct dw_probe *probe = attach(&subject, AMPLE, &told);
	const char byte = 0;

	(void)state;
	if (probe) {
		assert_int_equal(write(subject.begin, &byte, 1), 1);
		await_bytes(&subject, 1);
		drain(probe);
		assert_int_equal(told.n_got, sizeof(expected));
		assert_memory_equal(told.got, expected, sizeof(expected));
		dw_probe_free(probe);
	}
	end(&subject);
}

static void waits_for_events_of_the_kernel_are_calls(void **state)
{
	static struct dw_wire_call known[DW_WIRE_CALLS_MAX];
	struct subject subject = start(await_events);
	struct told told = {0};
	struct dw_probe *probe = attach(&subject, AMPLE, &told);
	const char byte = 0;

	(void)state;
	dw_calls_fill(known);
	if (probe) {
		assert_int_equal(write(subject.begin, &byte, 1), 1);
		await_bytes(&subject, 1);
		drain(probe);
		assert_int_equal(told.n_calls, 3);
		assert_int_equal(told.calls[0].number, known[SYS_io_uring_enter].number);
		assert_int_equal(told.calls[1].number, known[SYS_io_getevents].number);
		assert_int_equal(told.calls[1].how, 0);
		assert_int_equal(told.calls[2].number, known[SYS_io_getevents].number);
		assert_int_equal(told.calls[2].how, DW_TIMED);
		assert_int_equal(told.n[DW_WIRE_LEFT], 3);
		dw_probe_free(probe);
	}
	end(&subject);
}

/* Any of its threads but the main one. */
static pid_t find_worker(const struct subject *subject)
{
	char path[64];
	struct dirent *entry;
	pid_t tid = 0;
	DIR *threads;

	snprintf(path, sizeof(path), "/proc/%d/task", subject->pid);
	threads = opendir(path);
	assert_non_null(threads);
	while ((entry = readdir(threads)))
		if (atoi(entry->d_name) > subject->pid)
			tid = atoi(entry->d_name);
	closedir(threads);
	return tid;
}

static void who_is_watched_or_not_is_where_it_is(void **state)
{
	struct told told = {0};
	struct dw_probe *probe = load(/* every_taking= */ false, AMPLE, &told);
	struct subject subject = start(call_often);
	struct pollfd over = {.fd = subject.end, .events = POLLIN};
	struct dw_probe_thread thread = {find_worker(&subject), find_worker(&subject)};
	struct dw_wire_thread known;

	(void)state;
	if (probe) {
		assert_int_equal(dw_probe_add(probe, subject.pid, /* only_locks= */ NULL), 0);
		dw_probe_watch(probe, subject.pid, &thread, false);
		let_work(&subject);
		for (bool watched = false; poll(&over, 1, 0) == 0; watched = !watched)
			dw_probe_watch(probe, subject.pid, &thread, watched);
		await_bytes(&subject, WORKERS);
		assert_true(dw_probe_state(probe, thread.tid, &known));
		assert_true(known.seq > 2 * CALLS);
		dw_probe_free(probe);
	}
	end(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_there_is_room_nothing_is_lost),
	    cmocka_unit_test(where_nobody_listens_what_has_no_room_is_counted),
	    cmocka_unit_test(where_events_come_faster_than_they_are_taken_the_rest_is_counted),
	    cmocka_unit_test(what_waits_for_locks_is_counted_without_order),
	    cmocka_unit_test(a_stop_does_not_end_a_sleep),
	    cmocka_unit_test(a_stop_does_not_end_a_call_that_is_made_again),
	    cmocka_unit_test(what_came_of_trying_to_read_is_seen),
	    cmocka_unit_test(who_is_watched_or_not_is_where_it_is),
	    cmocka_unit_test(waits_for_events_of_the_kernel_are_calls),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
