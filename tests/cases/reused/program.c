/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An address that is one lock after the other: orders of different lives do not meet.
 *
 * benign: destroyed and made again at the same address. freed: the memory is freed with
 * no destroy, and the next owner of the memory sets its lock up by copying the static
 * initialiser, so neither the end nor the beginning of a life is a call. same-life: the
 * same two orders within one life, real.
 */
#include "../case.h"

#include <stdint.h>

struct request {
	pthread_mutex_t lock;
	char payload[200];
};

static pthread_mutex_t device_lock = PTHREAD_MUTEX_INITIALIZER;
static struct request *request;

CASE_FN void submit_request(void)
{
	pthread_mutex_lock(&device_lock);
	pthread_mutex_lock(&request->lock);
	pthread_mutex_unlock(&request->lock);
	pthread_mutex_unlock(&device_lock);
}

CASE_FN void complete_request(void)
{
	pthread_mutex_lock(&request->lock);
	pthread_mutex_lock(&device_lock);
	pthread_mutex_unlock(&device_lock);
	pthread_mutex_unlock(&request->lock);
}

CASE_FN struct request *request_new(void)
{
	struct request *r = malloc(sizeof(*r));

	CASE_CHECK(r);
	r->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	return r;
}

/*
 * Ends the request's life and begins another at the same address: malloc gives a thread
 * what it has just freed.
 */
CASE_FN void request_renew(void)
{
	volatile uintptr_t before = (uintptr_t)request;

	if (strstr(case_mode, "same-life"))
		return;
	if (case_is("freed")) {
		free(request);
		request = request_new();
		CASE_CHECK((uintptr_t)request == before);
		return;
	}
	pthread_mutex_destroy(&request->lock);
	pthread_mutex_init(&request->lock, NULL);
}

/* Some allocators keep what a thread frees for it only once it has asked them for something. */
CASE_FN void ask_allocator(void)
{
	void *volatile block = malloc(sizeof(*request));

	free(block);
}

static void *submitter(void *arg)
{
	case_name("submitter");
	ask_allocator();
	case_turn(0);
	submit_request();
	request_renew();
	case_turn_over(0);
	return arg;
}

static void *completer(void *arg)
{
	case_name("completer");
	case_turn(1);
	complete_request();
	case_turn_over(1);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t a, b;

	case_begin(argc, argv);
	request = request_new();
	a = case_start(submitter, NULL);
	b = case_start(completer, NULL);
	case_join(a);
	case_join(b);
	free(request);
	return 0;
}
