/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU and its vhost-user back end, a second process, each waiting for the other's answer.
 *
 * QEMU asks on channel A, and waits for the answer with the BQL held. The back end asks on
 * channel B, which only QEMU's main loop serves.
 *
 * hang: the back end asks before it answers. benign: it answers first. fixed: it asks
 * before it answers, and QEMU serves channel B also while it waits for channel A.
 */
#include "../case.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define N_VCPUS 2

enum request { VHOST_USER_GET_VRING_BASE = 11, VHOST_USER_SLAVE_FS_UNMAP = 7 };

/* QEMU's end of a channel, and the back end's. */
enum end { FRONT, BACK };

static pthread_mutex_t bql = PTHREAD_MUTEX_INITIALIZER;
static int channel_a[2], channel_b[2];
static unsigned n_unmapped, quit;

static void send_word(int fd, unsigned word)
{
	struct iovec iov = {.iov_base = &word, .iov_len = sizeof(word)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	CASE_CHECK(sendmsg(fd, &msg, 0) == sizeof(word));
}

/* Ends the process when the peer is gone: in mode "hang" somebody killed it. */
static unsigned receive_word(int fd)
{
	unsigned word;
	struct iovec iov = {.iov_base = &word, .iov_len = sizeof(word)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (recvmsg(fd, &msg, 0) != sizeof(word))
		_exit(98);
	return word;
}

/* The back end's process. */

CASE_FN void fs_unmap(void)
{
	send_word(channel_b[BACK], VHOST_USER_SLAVE_FS_UNMAP);
	receive_word(channel_b[BACK]);
}

CASE_FN void vu_get_vring_base_exec(void)
{
	if (!case_is("benign"))
		fs_unmap();
	send_word(channel_a[BACK], 0);
	if (case_is("benign"))
		fs_unmap();
}

CASE_FN void vu_dispatch(void)
{
	CASE_CHECK(receive_word(channel_a[BACK]) == VHOST_USER_GET_VRING_BASE);
	vu_get_vring_base_exec();
}

static void run_back_end(void)
{
	case_name("virtiofsd");
	close(channel_a[FRONT]);
	close(channel_b[FRONT]);
	vu_dispatch();
	_exit(0);
}

/* QEMU's. */

CASE_FN void bql_lock_impl(void)
{
	pthread_mutex_lock(&bql);
}

CASE_FN void bql_unlock_impl(void)
{
	pthread_mutex_unlock(&bql);
}

CASE_FN void prepare_mmio_access(void)
{
	bql_lock_impl();
}

static void *mttcg_cpu_thread_fn(void *arg)
{
	char name[16];

	snprintf(name, sizeof(name), "CPU %u/TCG", *(unsigned *)arg);
	case_name(name);
	while (!case_flag_is_up(&quit)) {
		case_sleep_ms(1);
		prepare_mmio_access();
		bql_unlock_impl();
	}
	return NULL;
}

CASE_FN void slave_read(void)
{
	CASE_CHECK(receive_word(channel_b[FRONT]) == VHOST_USER_SLAVE_FS_UNMAP);
	n_unmapped++;
	send_word(channel_b[FRONT], 0);
}

CASE_FN void serve_slave_until_answered(void)
{
	struct pollfd fds[] = {{.fd = channel_a[FRONT], .events = POLLIN},
			       {.fd = channel_b[FRONT], .events = POLLIN}};

	for (;;) {
		CASE_CHECK(ppoll(fds, 2, NULL, NULL) > 0);
		if (fds[0].revents)
			return;
		slave_read();
	}
}

CASE_FN unsigned vhost_user_read(void)
{
	if (case_is("fixed"))
		serve_slave_until_answered();
	return receive_word(channel_a[FRONT]);
}

CASE_FN void vhost_user_write(enum request request)
{
	send_word(channel_a[FRONT], request);
}

CASE_FN void vhost_user_get_vring_base(void)
{
	vhost_user_write(VHOST_USER_GET_VRING_BASE);
	vhost_user_read();
}

CASE_FN void virtio_device_stop(void)
{
	vhost_user_get_vring_base();
}

CASE_FN void main_loop_wait(void)
{
	struct pollfd fd = {.fd = channel_b[FRONT], .events = POLLIN};

	bql_unlock_impl();
	CASE_CHECK(ppoll(&fd, 1, NULL, NULL) == 1);
	bql_lock_impl();
	slave_read();
}

static void run_qemu(void)
{
	unsigned numbers[N_VCPUS] = {0, 1};
	pthread_t vcpus[N_VCPUS];

	bql_lock_impl();
	for (unsigned i = 0; i < N_VCPUS; i++)
		vcpus[i] = case_start(mttcg_cpu_thread_fn, &numbers[i]);
	virtio_device_stop();
	while (n_unmapped == 0)
		main_loop_wait();
	bql_unlock_impl();
	case_flag_raise(&quit);
	for (unsigned i = 0; i < N_VCPUS; i++)
		case_join(vcpus[i]);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	case_begin(argc, argv);
	CASE_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel_a) == 0);
	CASE_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, channel_b) == 0);
	pid = fork();
	if (pid == 0)
		run_back_end();
	close(channel_a[BACK]);
	close(channel_b[BACK]);
	run_qemu();
	CASE_CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}
