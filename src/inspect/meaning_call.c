/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that can block: by the system call's number, or by the functions' names. */
#include "inspect/meaning_parts.h"

#include <linux/kvm.h>
#include <string.h>
#include <sys/syscall.h>

/* How long a call may take, told by its arguments. */
enum limit {
	NONE,
	ALWAYS,     /* its time is always limited */
	BY_NUMBER,  /* unless that argument, an int, is negative */
	BY_POINTER, /* unless that argument, a pointer, is null */
};

struct call {
	long number;
	const char *name; /* in DW_CALLS */
	uint8_t limit;    /* enum limit */
	uint8_t argument; /* which one that is */
	bool sleeps;      /* if its first (or, of polls, its second) argument is 0, or always */
	bool idles;
};

#define NO_CALL (-1)

static const struct call calls[] = {
#ifdef SYS_poll
    {SYS_poll, "poll", BY_NUMBER, 2, false, true},
    {SYS_select, "select", BY_POINTER, 4, false, true},
    {SYS_epoll_wait, "epoll_wait", BY_NUMBER, 3, false, true},
    {SYS_pause, "pause", NONE, 0, false, false},
    {SYS_accept, "accept", NONE, 0, false, false},
    {SYS_open, "open", NONE, 0, false, false},
    {SYS_creat, "open", NONE, 0, false, false},
#endif
    {SYS_ppoll, "ppoll", BY_POINTER, 2, false, true},
    {SYS_pselect6, "pselect", BY_POINTER, 4, false, true},
    {SYS_epoll_pwait, "epoll_pwait", BY_NUMBER, 3, false, true},
    {SYS_epoll_pwait2, "epoll_pwait", BY_POINTER, 3, false, true},
    {SYS_read, "read", NONE, 0, false, false},
    {SYS_readv, "read", NONE, 0, false, false},
    {SYS_pread64, "read", NONE, 0, false, false},
    {SYS_preadv, "read", NONE, 0, false, false},
    {SYS_write, "write", NONE, 0, false, false},
    {SYS_writev, "write", NONE, 0, false, false},
    {SYS_pwrite64, "write", NONE, 0, false, false},
    {SYS_pwritev, "write", NONE, 0, false, false},
    {SYS_recvfrom, "recvfrom", NONE, 0, false, false},
    {SYS_recvmsg, "recvmsg", NONE, 0, false, false},
    {SYS_sendto, "sendto", NONE, 0, false, false},
    {SYS_sendmsg, "sendmsg", NONE, 0, false, false},
    {SYS_connect, "connect", NONE, 0, false, false},
    {SYS_accept4, "accept", NONE, 0, false, false},
    {SYS_nanosleep, "nanosleep", ALWAYS, 0, true, false},
    {SYS_clock_nanosleep, "clock_nanosleep", ALWAYS, 0, true, false},
    {SYS_ioctl, "ioctl", NONE, 0, false, false},
    {SYS_flock, "flock", NONE, 0, false, false},
    {SYS_fcntl, "fcntl", NONE, 0, false, false},
    {SYS_fsync, "fsync", NONE, 0, false, false},
    {SYS_fdatasync, "fdatasync", NONE, 0, false, false},
    {SYS_wait4, "waitpid", NONE, 0, false, false},
    {SYS_waitid, "waitid", NONE, 0, false, false},
    {SYS_rt_sigtimedwait, "sigwait", BY_POINTER, 2, false, false},
    {SYS_rt_sigsuspend, "sigsuspend", NONE, 0, false, false},
    {SYS_preadv2, "read", NONE, 0, false, false},
    {SYS_pwritev2, "write", NONE, 0, false, false},
    {SYS_recvmmsg, "recvmmsg", BY_POINTER, 4, false, false},
    {SYS_sendmmsg, "sendmmsg", NONE, 0, false, false},
    {SYS_sync, "sync", NONE, 0, false, false},
    {SYS_syncfs, "sync", NONE, 0, false, false},
    {SYS_msync, "msync", NONE, 0, false, false},
    {SYS_openat, "open", NONE, 0, false, false},
    {SYS_splice, "splice", NONE, 0, false, false},
    {SYS_tee, "splice", NONE, 0, false, false},
    {SYS_vmsplice, "splice", NONE, 0, false, false},
    {SYS_sendfile, "sendfile", NONE, 0, false, false},
    {SYS_copy_file_range, "copy_file_range", NONE, 0, false, false},
    {SYS_mq_timedreceive, "mq_receive", BY_POINTER, 4, false, false},
    {SYS_mq_timedsend, "mq_send", BY_POINTER, 4, false, false},
    {SYS_msgrcv, "msgrcv", NONE, 0, false, false},
    {SYS_msgsnd, "msgsnd", NONE, 0, false, false},
    {SYS_semop, "semop", NONE, 0, false, false},
    {SYS_semtimedop, "semop", BY_POINTER, 3, false, false},
    {SYS_io_uring_enter, "io_uring_enter", NONE, 0, false, false},
    {SYS_io_getevents, "io_getevents", BY_POINTER, 4, false, false},

    /* Functions that have no system call to themselves. */
    {NO_CALL, "usleep", ALWAYS, 0, true, false},
    {NO_CALL, "sleep", ALWAYS, 0, true, false},
    {NO_CALL, "recv", NONE, 0, false, false},
    {NO_CALL, "send", NONE, 0, false, false},
    {NO_CALL, "tcdrain", NONE, 0, false, false},
    {NO_CALL, "aio_suspend", NONE, 0, false, false},
    {NO_CALL, "getaddrinfo", NONE, 0, false, false},
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

static const struct {
	const char *name;
	uint32_t number;
} words[] = {
#define X(value, text) {text, value},
    DW_CALLS(X)
#undef X
};

#define N_WORDS (sizeof(words) / sizeof(words[0]))

/* Names of functions that are called for the same: with checks, or by other names. */
static const struct {
	const char *function, *word;
} synonyms[] = {
    {"accept4", "accept"},
    {"g_poll", "poll"},
    {"readv", "read"},
    {"pread", "read"},
    {"preadv", "read"},
    {"writev", "write"},
    {"pwrite", "write"},
    {"pwritev", "write"},
    {"thrd_sleep", "nanosleep"},
    {"wait", "waitpid"},
    {"wait3", "waitpid"},
    {"wait4", "waitpid"},
    {"sigwaitinfo", "sigwait"},
    {"sigtimedwait", "sigwait"},
    {"epoll_pwait2", "epoll_pwait"},
    {"openat", "open"},
    {"mq_timedreceive", "mq_receive"},
    {"mq_timedsend", "mq_send"},
    {"semtimedop", "semop"},
    {"lockf", "fcntl"},
    {"syncfs", "sync"},
};

#define N_SYNONYMS (sizeof(synonyms) / sizeof(synonyms[0]))

/* 0: it is none of DW_CALLS. */
static uint32_t number_of(const char *word, size_t n)
{
	for (size_t i = 0; i < N_WORDS; i++)
		if (strlen(words[i].name) == n && !strncmp(words[i].name, word, n))
			return words[i].number;
	return 0;
}

/* `__poll_chk`, `nanosleep@plt` and `clock_nanosleep_time64` are known by what they begin with. */
static uint32_t number_of_function(const char *function)
{
	const char *plain = dw_meaning_plain(function);
	size_t n = strcspn(plain, "@");

	if (n > 4 && !strncmp(plain + n - 4, "_chk", 4))
		n -= 4;
	if (n > 2 && !strncmp(plain + n - 2, "64", 2))
		n -= 2;
	for (size_t i = 0; i < N_SYNONYMS; i++)
		if (strlen(synonyms[i].function) == n && !strncmp(synonyms[i].function, plain, n))
			return number_of(synonyms[i].word, strlen(synonyms[i].word));
	return number_of(plain, n);
}

/* What the program called: usleep() is told as that, though nanosleep() is what it does inside. */
static uint32_t number_by_frames(const struct dw_asleep *asleep, uint32_t site)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < site; i++) {
		const char *function = asleep->frames[i].function;
		uint32_t number = function ? number_of_function(function) : 0;

		found = number ? number : found;
	}
	return found == number_of("syscall", strlen("syscall")) ? 0 : found;
}

static const struct call *call_of(long number)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

/* The call of that name, where only names are known. */
static const struct call *call_named(uint32_t number)
{
	for (size_t i = 0; i < N_CALLS; i++)
		if (number_of(calls[i].name, strlen(calls[i].name)) == number)
			return &calls[i];
	return NULL;
}

static bool is_limited(const struct call *call, const uint64_t *arguments)
{
	switch ((enum limit)call->limit) {
	case NONE:
		return false;
	case ALWAYS:
		return true;
	case BY_NUMBER:
		return (int32_t)arguments[call->argument] >= 0;
	case BY_POINTER:
		return arguments[call->argument] != 0;
	}
	return false;
}

/* A poll of nothing is a sleep. */
static bool polls_nothing(const struct call *call, const uint64_t *arguments)
{
	switch (call->number) {
#ifdef SYS_poll
	case SYS_poll:
#endif
	case SYS_ppoll:
		return (uint32_t)arguments[1] == 0;
#ifdef SYS_select
	case SYS_select:
#endif
	case SYS_pselect6:
		return (int32_t)arguments[0] == 0;
	default:
		return false;
	}
}

/* In a text there are no arguments; QEMU has a function for the one ioctl that runs a guest. */
static bool runs_guest(const struct dw_asleep *asleep, const struct call *call, uint32_t site)
{
	if (strcmp(call->name, "ioctl") != 0)
		return false;
	if (asleep->arguments)
		return (uint32_t)asleep->arguments[1] == KVM_RUN;
	return site + 1 < asleep->n_frames && asleep->frames[site + 1].function &&
	       !strcmp(asleep->frames[site + 1].function, "kvm_cpu_exec");
}

static void fill(const struct dw_asleep *asleep, const struct call *call, uint32_t number,
		 struct dw_meaning *ret)
{
	bool guest = runs_guest(asleep, call, ret->site);

	ret->kind = DW_CALL;
	ret->address = dw_thing_address(DW_CALL, guest ? DW_CALL_KVM_RUN : number);
	ret->sleeps = call->sleeps;
	ret->idles = guest || call->idles;
	if (call->limit == ALWAYS || (asleep->arguments && is_limited(call, asleep->arguments)))
		ret->how |= DW_TIMED;
	if (asleep->arguments && polls_nothing(call, asleep->arguments))
		ret->sleeps = true;
}

bool dw_meaning_runs(const struct dw_asleep *asleep)
{
	return asleep->call < 0 && asleep->arguments;
}

bool dw_meaning_call(const struct dw_asleep *asleep, struct dw_meaning *ret)
{
	uint32_t called = number_by_frames(asleep, ret->site);
	const struct call *call;

	/* A call that goes on after a stop has its arguments, but not its number any more. */
	if (asleep->call < 0 || asleep->call == SYS_restart_syscall)
		call = call_named(called);
	else
		call = call_of(asleep->call);
	if (!call)
		return false;
	fill(asleep, call, called ? called : number_of(call->name, strlen(call->name)), ret);
	return true;
}
