/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/call.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>

static const struct {
	long call;
	const char *name; /* in DW_CALLS; NULL: it is no wait that has one */
	unsigned flags, timeout;
} rows[] = {
#ifdef SYS_poll
    {SYS_poll, "poll", DW_WIRE_IDLE | DW_WIRE_MS | DW_WIRE_POLLS, 3},
    {SYS_select, "select", DW_WIRE_IDLE | DW_WIRE_SELECTS, 5},
    {SYS_epoll_wait, "epoll_wait", DW_WIRE_IDLE | DW_WIRE_MS, 4},
    {SYS_pause, "pause", 0, 0},
    {SYS_open, "open", 0, 0},
    {SYS_creat, "open", 0, 0},
#endif
    {SYS_openat, "open", 0, 0},
    {SYS_ppoll, "ppoll", DW_WIRE_IDLE | DW_WIRE_POLLS, 3},
    {SYS_pselect6, "pselect", DW_WIRE_IDLE | DW_WIRE_SELECTS, 5},
    {SYS_epoll_pwait, "epoll_pwait", DW_WIRE_IDLE | DW_WIRE_MS, 4},
    {SYS_epoll_pwait2, "epoll_pwait", DW_WIRE_IDLE, 4},
    {SYS_read, "read", 0, 0},
    {SYS_readv, "read", 0, 0},
    {SYS_write, "write", 0, 0},
    {SYS_writev, "write", 0, 0},
    {SYS_recvfrom, "recvfrom", DW_WIRE_DONTWAIT, 0},
    {SYS_recvmsg, "recvmsg", 0, 0},
    {SYS_sendto, "sendto", DW_WIRE_DONTWAIT, 0},
    {SYS_sendmsg, "sendmsg", 0, 0},
    {SYS_connect, "connect", 0, 0},
    {SYS_accept, "accept", 0, 0},
    {SYS_accept4, "accept", 0, 0},
    {SYS_nanosleep, "nanosleep", DW_WIRE_SLEEPS, 1},
    {SYS_clock_nanosleep, "clock_nanosleep", DW_WIRE_SLEEPS, 3},
    {SYS_ioctl, "ioctl", DW_WIRE_IDLE | DW_WIRE_KVM, 0},
    {SYS_flock, "flock", 0, 0},
    {SYS_fsync, "fsync", 0, 0},
    {SYS_fdatasync, "fdatasync", 0, 0},
    {SYS_wait4, "waitpid", 0, 0},
    {SYS_waitid, "waitid", 0, 0},
    {SYS_rt_sigtimedwait, "sigwait", 0, 3},
    {SYS_rt_sigsuspend, "sigsuspend", 0, 0},
    {SYS_pread64, "read", 0, 0},
    {SYS_preadv, "read", 0, 0},
    {SYS_preadv2, "read", 0, 0},
    {SYS_pwrite64, "write", 0, 0},
    {SYS_pwritev, "write", 0, 0},
    {SYS_pwritev2, "write", 0, 0},
    {SYS_recvmmsg, "recvmmsg", DW_WIRE_DONTWAIT, 5},
    {SYS_sendmmsg, "sendmmsg", DW_WIRE_DONTWAIT, 0},
    {SYS_sync, "sync", 0, 0},
    {SYS_syncfs, "sync", 0, 0},
    {SYS_msync, "msync", 0, 0},
    {SYS_splice, "splice", 0, 0},
    {SYS_tee, "splice", 0, 0},
    {SYS_vmsplice, "splice", 0, 0},
    {SYS_sendfile, "sendfile", 0, 0},
    {SYS_copy_file_range, "copy_file_range", 0, 0},
    {SYS_mq_timedreceive, "mq_receive", 0, 5},
    {SYS_mq_timedsend, "mq_send", 0, 5},
    {SYS_msgrcv, "msgrcv", 0, 0},
    {SYS_msgsnd, "msgsnd", 0, 0},
    {SYS_semop, "semop", 0, 0},
    {SYS_semtimedop, "semop", 0, 4},
    {SYS_io_uring_enter, "io_uring_enter", DW_WIRE_RING, 0},
    {SYS_io_getevents, "io_getevents", DW_WIRE_COUNTS, 5},
    {SYS_mmap, NULL, DW_WIRE_MAPS, 0},
    {SYS_futex, NULL, DW_WIRE_FUTEX, 4},
    {SYS_tkill, NULL, DW_WIRE_KICK, 0},
    {SYS_tgkill, NULL, DW_WIRE_KICK, 0},
};

static uint32_t number_of(const char *name)
{
#define X(number, text)              \
	if (strcmp(name, text) == 0) \
		return number;
	DW_CALLS(X)
#undef X
	return 0;
}

void dw_calls_fill(struct dw_wire_call ret[DW_WIRE_CALLS_MAX])
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		ret[rows[i].call] = (struct dw_wire_call){
		    .number = (uint16_t)(rows[i].name ? number_of(rows[i].name) : 0),
		    .flags = (uint16_t)rows[i].flags,
		    .timeout = (uint16_t)rows[i].timeout,
		};
}
