/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/host.h"

#include "doctor/try.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SECURITY "/sys/kernel/security"
#define BTF "/sys/kernel/btf/vmlinux"

/* These files have a few lines. */
#define TEXT_SIZE 4096

/* Return: whether @path could be read, as text. */
static bool read_text(const char *path, char ret[TEXT_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, TEXT_SIZE - 1);

	if (fd >= 0)
		close(fd);
	ret[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

static int read_number(const char *path)
{
	char text[TEXT_SIZE];

	return read_text(path, text) && *text ? atoi(text) : DW_DOCTOR_UNKNOWN;
}

static void look_at_status(struct dw_doctor_host *host)
{
	char text[TEXT_SIZE];
	const char *line;

	if (!read_text("/proc/self/status", text))
		return;
	line = strstr(text, "\nCapEff:");
	if (line)
		sscanf(line, " CapEff: %" SCNx64, &host->capabilities);
	line = strstr(text, "\nSeccomp:");
	host->is_filtered = line && atoi(line + strlen("\nSeccomp:")) > 0;
}

/* The one in force is in brackets. No file in a file system that is there: no lockdown either. */
static enum dw_doctor_lockdown look_at_lockdown(void)
{
	struct statfs fs;
	char text[TEXT_SIZE];

	if (read_text(SECURITY "/lockdown", text)) {
		if (strstr(text, "[none]"))
			return DW_DOCTOR_LOCKDOWN_NONE;
		if (strstr(text, "[integrity]"))
			return DW_DOCTOR_LOCKDOWN_INTEGRITY;
		if (strstr(text, "[confidentiality]"))
			return DW_DOCTOR_LOCKDOWN_CONFIDENTIALITY;
	} else if (statfs(SECURITY, &fs) == 0 && fs.f_type == SECURITYFS_MAGIC) {
		return DW_DOCTOR_LOCKDOWN_NONE;
	}
	return DW_DOCTOR_LOCKDOWN_UNKNOWN;
}

static int try_to_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static uint64_t memory_limit(void)
{
	struct rlimit space, data;

	if (getrlimit(RLIMIT_AS, &space) < 0 || getrlimit(RLIMIT_DATA, &data) < 0)
		return UINT64_MAX;
	return space.rlim_cur < data.rlim_cur ? space.rlim_cur : data.rlim_cur;
}

static bool has_library(const char *name)
{
	void *library = dlopen(name, RTLD_LAZY | RTLD_LOCAL);

	if (!library)
		return false;
	dlclose(library);
	return true;
}

void dw_doctor_host_look(struct dw_doctor_host *ret)
{
	const char *urls = getenv("DEBUGINFOD_URLS");
	struct utsname name;
	struct dw_doctor_host host = {
	    .populate = dw_try_populate(),
	    .pidfd = dw_try_pidfd(),
	    .btf = try_to_read(BTF),
	    .bpf = dw_try_bpf(/* reads= */ false),
	    .bpf_read = dw_try_bpf(/* reads= */ true),
	    .uprobe = dw_try_uprobe(),
	    .trace = dw_try_trace(),
	    .ptrace_scope = read_number("/proc/sys/kernel/yama/ptrace_scope"),
	    .perf_event_paranoid = read_number("/proc/sys/kernel/perf_event_paranoid"),
	    .lockdown = look_at_lockdown(),
	    .memory_limit = memory_limit(),
	    .has_servers = urls && *urls,
	    .has_debuginfod = has_library("libdebuginfod.so.1"),
	};

	sscanf(gnu_get_libc_version(), "2.%u", &host.glibc);
	look_at_status(&host);
	if (uname(&name) == 0) {
		snprintf(host.release, sizeof(host.release), "%s", name.release);
		snprintf(host.machine, sizeof(host.machine), "%s", name.machine);
	}
	*ret = host;
}
