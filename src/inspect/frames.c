/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "inspect/frames.h"

#include "base/error.h"
#include "inspect/task.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Reading all files' tables, and a thread that does not stop, are over by then. */
#define ALL_MAX_S 10

/* How long a thread may take to stop. One that sleeps does so at once. */
#define STOP_MAX_MS 200

/*
 * Calls that fail with EINTR when the thread is stopped and let go again (signal(7)); and
 * ioctl, where drivers decide.
 */
static const long not_restarted[] = {
#ifdef SYS_epoll_wait
    SYS_epoll_wait,
#endif
    SYS_epoll_pwait,  SYS_epoll_pwait2,    SYS_semop,          SYS_semtimedop,
    SYS_io_getevents, SYS_rt_sigtimedwait, SYS_io_uring_enter, SYS_ioctl,
};

static bool may_be_stopped(pid_t pid, pid_t tid)
{
	long call = dw_task_call(pid, tid);

	for (size_t i = 0; i < sizeof(not_restarted) / sizeof(*not_restarted); i++)
		if (call == not_restarted[i])
			return false;
	return dw_task_state(pid, tid) != 'D';
}

/* Tables for unwinding are in the files themselves; nothing is fetched from anywhere. */
static int find_no_debug_information(Dwfl_Module *module, void **data, const char *name,
				     Dwarf_Addr base, const char *file, const char *link,
				     GElf_Word crc, char **ret)
{
	(void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc;
	(void)ret;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_linux_proc_find_elf,
    .find_debuginfo = find_no_debug_information,
};

/* What takes its time is done before any thread is stopped. */
static int warm_up(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		   void *argument)
{
	Dwarf_Addr bias;

	(void)data, (void)name, (void)base, (void)argument;
	dwfl_module_eh_cfi(module, &bias);
	return DWARF_CB_OK;
}

static Dwfl *begin(pid_t pid)
{
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl || dwfl_linux_proc_report(dwfl, pid) != 0 ||
	    dwfl_report_end(dwfl, NULL, NULL) != 0)
		return NULL;
	dwfl_getmodules(dwfl, warm_up, NULL, 0);
	return dwfl_linux_proc_attach(dwfl, pid, /* assume_ptrace_stopped= */ true) == 0 ? dwfl
											 : NULL;
}

static int add_frame(Dwfl_Frame *frame, void *argument)
{
	struct dw_frames *frames = argument;
	Dwarf_Addr pc;

	if (frames->n == DW_FRAMES_MAX || !dwfl_frame_pc(frame, &pc, NULL) || pc == 0)
		return DWARF_CB_ABORT;
	frames->addresses[frames->n++] = pc;
	return DWARF_CB_OK;
}

/* Return: 0, or a negative errno: it does not stop. */
static int await_stop(pid_t tid)
{
	const struct timespec millisecond = {.tv_nsec = 1000000};
	int status;

	for (int i = 0; i < STOP_MAX_MS; i++) {
		if (waitpid(tid, &status, WNOHANG | __WALL) == tid)
			return WIFSTOPPED(status) ? 0 : -ESRCH;
		nanosleep(&millisecond, NULL);
	}
	return -ETIMEDOUT;
}

static int read_stack(Dwfl *dwfl, pid_t pid, struct dw_frames *ret)
{
	int r;

	if (!may_be_stopped(pid, ret->tid))
		return -EINTR;
	if (ptrace(PTRACE_SEIZE, ret->tid, NULL, NULL) < 0)
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, ret->tid, NULL, NULL) < 0)
		return -errno;
	r = await_stop(ret->tid);
	if (r == 0)
		dwfl_getthread_frames(dwfl, ret->tid, add_frame, ret);
	ptrace(PTRACE_DETACH, ret->tid, NULL, NULL);
	return r == 0 && ret->n == 0 ? -ENODATA : r;
}

/* In a process of its own. When that ends, all that it has stopped goes on. */
static void read_all(pid_t pid, struct dw_frames *frames, uint32_t n)
{
	Dwfl *dwfl;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGALRM, SIG_DFL);
	alarm(ALL_MAX_S);
	dwfl = begin(pid);
	for (uint32_t i = 0; dwfl && i < n; i++)
		frames[i].error = read_stack(dwfl, pid, &frames[i]);
	_exit(0);
}

static int read_aside(pid_t pid, struct dw_frames *shared, uint32_t n)
{
	pid_t helper = fork();
	int status;

	if (helper < 0)
		return dw_raise(-errno);
	if (helper == 0)
		read_all(pid, shared, n);
	while (waitpid(helper, &status, 0) < 0)
		if (errno != EINTR)
			return dw_raise(-errno);
	return 0;
}

int dw_frames_read(pid_t pid, struct dw_frames *frames, uint32_t n)
{
	size_t size = n * sizeof(*frames);
	struct dw_frames *shared =
	    mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (shared == MAP_FAILED)
		return dw_raise(-ENOMEM);
	for (uint32_t i = 0; i < n; i++)
		shared[i] = (struct dw_frames){.tid = frames[i].tid, .error = -EPERM};
	r = read_aside(pid, shared, n);
	memcpy(frames, shared, size);
	munmap(shared, size + 1);
	return r < 0 ? dw_pass(r) : 0;
}
