/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "attach/probe.h"

#include "attach/call.h"
#include "base/error.h"

#include "attach/deadwatch.skel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Functions of one file: the rows of the table, and those that profiles name. */
#define LOCATED_MAX 512

/*
 * The kernel's own, unknown to the C library: it cannot trap at this instruction. So it is with
 * those that lock the bus, as pthread_spin_lock() of x86-64 begins.
 */
#define ENOTSUPP 524

/* BPF_TRACE_UPROBE_MULTI, of Linux 6.6: newer than this system's headers. */
#define UPROBE_MULTI 48

/* Bytes of the ring buffer. */
#define RING_MIN 4096
#define RING_MAX (UINT32_C(1) << 30)

/* So long events are taken at once, and so often that is looked at. */
#define POLL_MAX_NS UINT64_C(100000000)
#define TAKEN_STEP 64

/* Functions of a process that are probed. */
struct link {
	int fd;
	pid_t pid;
};

struct dw_probe {
	struct deadwatch_bpf *bpf;
	struct ring_buffer *ring;
	struct dw_probe_options options;
	struct link *links;
	size_t n_links, links_room;
	uint64_t n_taken, until_ns; /* of the poll under way */
	bool at_once;               /* one link for all functions of a file */
};

static int be_silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level, (void)format, (void)arguments;
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int on_event(void *context, void *data, size_t size)
{
	struct dw_probe *probe = context;
	const struct dw_wire_event *event = data;

	if (size >= sizeof(*event) && event->stack_size <= size - sizeof(*event))
		probe->options.event(probe->options.context, event);
	/* Where events come faster than they are taken there would be no end. */
	return ++probe->n_taken % TAKEN_STEP == 0 && now_ns() >= probe->until_ns ? -EAGAIN : 0;
}

/* Words in brackets are the ones that hold. */
static bool is_locked_down(void)
{
	char text[128];
	int fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "[confidentiality]") != NULL;
}

/* Why the programs could not be loaded or attached: @error. */
static int reason(int error)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return DW_PROBE_NO_BTF;
	if (error == -EPERM || error == -EACCES)
		return is_locked_down() ? DW_PROBE_LOCKDOWN : DW_PROBE_NOT_PERMITTED;
	if (error == -ENOMEM || error == -EMFILE || error == -ENFILE)
		return error;
	return DW_PROBE_OLD_KERNEL;
}

/* The kernel wants a power of two, of pages. */
static uint32_t ring_size(const struct dw_probe *probe)
{
	uint32_t size = RING_MIN;

	while (size < RING_MAX && size < probe->options.ring_size)
		size *= 2;
	return size;
}

/* Return: 0, or a negative errno. */
static int load_with(struct dw_probe *probe, bool at_once)
{
	struct deadwatch_bpf *bpf = deadwatch_bpf__open();
	int r;

	if (!bpf)
		return -errno;
	dw_calls_fill(bpf->rodata->calls);
	bpf->rodata->every_taking = probe->options.every_taking;
	bpf->rodata->is_empty = probe->options.is_empty;
	if (probe->options.ring_size)
		bpf_map__set_max_entries(bpf->maps.ring, ring_size(probe));
	bpf->rodata->ring_size = bpf_map__max_entries(bpf->maps.ring);
	if (at_once)
		bpf_program__set_expected_attach_type(bpf->progs.function_entry, UPROBE_MULTI);
	r = deadwatch_bpf__load(bpf);
	if (r < 0) {
		deadwatch_bpf__destroy(bpf);
		return r;
	}
	probe->bpf = bpf;
	probe->at_once = at_once;
	return 0;
}

static int load(struct dw_probe *probe)
{
	int r = load_with(probe, /* at_once= */ true);

	if (r < 0)
		r = load_with(probe, /* at_once= */ false);
	if (r == 0 && !probe->options.is_empty)
		r = deadwatch_bpf__attach(probe->bpf);
	if (r < 0)
		return r;
	probe->ring = ring_buffer__new(bpf_map__fd(probe->bpf->maps.ring), on_event, probe, NULL);
	return probe->ring ? 0 : -errno;
}

int dw_probe_new(struct dw_probe **ret, const struct dw_probe_options *options)
{
	dw_auto(probe) probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return dw_raise(-ENOMEM);
	probe->options = *options;
	libbpf_set_print(be_silent);
	r = load(probe);
	if (r < 0)
		return reason(r);
	*ret = dw_take(probe);
	return 0;
}

struct dw_probe *dw_probe_free(struct dw_probe *probe)
{
	if (!probe)
		return NULL;
	for (size_t i = 0; i < probe->n_links; i++)
		close(probe->links[i].fd);
	free(probe->links);
	ring_buffer__free(probe->ring);
	deadwatch_bpf__destroy(probe->bpf);
	free(probe);
	return NULL;
}

int dw_probe_add(struct dw_probe *probe, pid_t pid, const uint64_t only_locks[DW_WIRE_ONLY_MAX])
{
	struct dw_wire_target value = {.follows = probe->options.follows};
	uint32_t key = (uint32_t)pid;
	int fd = bpf_map__fd(probe->bpf->maps.targets);

	if (only_locks)
		memcpy(value.only_locks, only_locks, sizeof(value.only_locks));
	return bpf_map_update_elem(fd, &key, &value, BPF_ANY) < 0 ? dw_raise(-errno) : 0;
}

void dw_probe_unlink(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX])
{
	struct dw_wire_target target = {0};
	uint32_t key = (uint32_t)pid;
	size_t n = 0;

	for (size_t i = 0; i < probe->n_links; i++)
		if (probe->links[i].pid == pid)
			close(probe->links[i].fd);
		else
			probe->links[n++] = probe->links[i];
	probe->n_links = n;
	bpf_map_lookup_elem(bpf_map__fd(probe->bpf->maps.targets), &key, &target);
	memcpy(ret, target.losses, sizeof(target.losses));
}

void dw_probe_remove(struct dw_probe *probe, pid_t pid, uint64_t ret[DW_WIRE_LOSS_MAX])
{
	uint32_t key = (uint32_t)pid;

	dw_probe_unlink(probe, pid, ret);
	bpf_map_delete_elem(bpf_map__fd(probe->bpf->maps.targets), &key);
}

static int add_link(struct dw_probe *probe, pid_t pid, int fd)
{
	size_t room = probe->links_room ? 2 * probe->links_room : 64;
	struct link *grown;

	if (probe->n_links == probe->links_room) {
		grown = reallocarray(probe->links, room, sizeof(*grown));
		if (!grown) {
			close(fd);
			return dw_raise(-ENOMEM);
		}
		probe->links = grown;
		probe->links_room = room;
	}
	probe->links[probe->n_links++] = (struct link){fd, pid};
	return 0;
}

static uint64_t cookie_of(const struct dw_located *at)
{
	uint64_t cookie;

	memcpy(&cookie, &at->function.cookie, sizeof(cookie));
	return cookie;
}

/* Return: a descriptor, or a negative errno. */
static int link_one(struct dw_probe *probe, pid_t pid, const char *path,
		    const struct dw_located *at)
{
	LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = cookie_of(at));
	struct bpf_link *link = bpf_program__attach_uprobe_opts(probe->bpf->progs.function_entry,
								pid, path, at->offset, &options);
	int fd;

	if (!link)
		return -errno;
	fd = dup(bpf_link__fd(link));
	bpf_link__destroy(link);
	return fd;
}

/* As the kernel's bpf(2) has it; libbpf has learnt of it after its version 1.1. */
static int link_all(struct dw_probe *probe, pid_t pid, const char *path,
		    const struct dw_located *at, uint32_t n)
{
	uint64_t offsets[LOCATED_MAX], cookies[LOCATED_MAX];
	struct {
		uint32_t program, target, type, flags;
		uint64_t path, offsets, counters, cookies;
		uint32_t n, how, pid, reserved;
	} attributes = {
	    .program = (uint32_t)bpf_program__fd(probe->bpf->progs.function_entry),
	    .type = UPROBE_MULTI,
	    .path = (uint64_t)path,
	    .offsets = (uint64_t)offsets,
	    .cookies = (uint64_t)cookies,
	    .n = n,
	    .pid = (uint32_t)pid,
	};
	int fd;

	for (uint32_t i = 0; i < n; i++) {
		offsets[i] = at[i].offset;
		cookies[i] = cookie_of(&at[i]);
	}
	fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attributes, sizeof(attributes));
	return fd < 0 ? -errno : fd;
}

/* Halves what fails, until that is alone. Return: how many are probed, or a negative errno. */
static int probe_functions(struct dw_probe *probe, pid_t pid, const char *path,
			   const struct dw_located *at, uint32_t n)
{
	bool several = !probe->at_once && n > 1;
	int fd = several          ? -ENOTSUPP
		 : probe->at_once ? link_all(probe, pid, path, at, n)
				  : link_one(probe, pid, path, at);
	int r, first;

	if (n == 0)
		return 0;
	if (fd >= 0) {
		r = add_link(probe, pid, fd);
		return r < 0 ? dw_pass(r) : (int)n;
	}
	if (fd != -ENOTSUPP)
		return dw_raise(fd);
	if (n == 1)
		return 0;
	first = probe_functions(probe, pid, path, at, n / 2);
	r = first < 0 ? first : probe_functions(probe, pid, path, at + n / 2, n - n / 2);
	return r < 0 ? dw_pass(r) : first + r;
}

int dw_probe_file(struct dw_probe *probe, pid_t pid, const char *path,
		  const struct dw_finder *finder)
{
	struct dw_located located[LOCATED_MAX];
	int r = dw_locate(path, finder, located, LOCATED_MAX);

	if (r > 0)
		r = probe_functions(probe, pid, path, located, (uint32_t)r);
	return r < 0 ? dw_pass(r) : r;
}

int dw_probe_poll(struct dw_probe *probe, int timeout_ms)
{
	int r;

	probe->until_ns = now_ns() + POLL_MAX_NS;
	r = ring_buffer__poll(probe->ring, timeout_ms);
	if (r == -EAGAIN)
		return 1;
	return r < 0 && r != -EINTR ? dw_raise(r) : 0;
}

bool dw_probe_state(struct dw_probe *probe, pid_t tid, struct dw_wire_thread *ret)
{
	uint32_t key = (uint32_t)tid;

	return bpf_map_lookup_elem(bpf_map__fd(probe->bpf->maps.threads), &key, ret) == 0;
}

void dw_probe_watch(struct dw_probe *probe, pid_t pid, const struct dw_probe_thread *thread,
		    bool watched)
{
	struct dw_wire_watch wanted = {.pid = (uint32_t)pid,
				       .tid = (uint32_t)thread->tid,
				       .inside = (uint32_t)thread->inside,
				       .watched = watched};
	LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &wanted, .ctx_size_in = sizeof(wanted));

	bpf_prog_test_run_opts(bpf_program__fd(probe->bpf->progs.watch), &options);
}

void dw_probe_learn(struct dw_probe *probe, const struct dw_wire_place *place, uint32_t distance)
{
	bpf_map_update_elem(bpf_map__fd(probe->bpf->maps.returns), place, &distance, BPF_ANY);
}

bool dw_probe_waits(struct dw_probe *probe, uint64_t key, struct dw_wire_waits *ret)
{
	return bpf_map_lookup_elem(bpf_map__fd(probe->bpf->maps.waits), &key, ret) == 0;
}

uint64_t dw_probe_loss(const struct dw_probe *probe, enum dw_wire_loss loss)
{
	return probe->bpf->bss->losses[loss];
}

uint64_t dw_probe_n_events(const struct dw_probe *probe)
{
	return probe->bpf->bss->n_events;
}
