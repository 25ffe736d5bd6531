/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/bell.h"

#include "analysis/finding.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/resource.h"
#include "cli/journal.h"
#include "cli/living.h"
#include "cli/profiles.h"
#include "gate/fingerprint.h"
#include "record/reader.h"
#include "render/say.h"
#include "symbol/names.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MAX ((size_t)2 << 30)

/* What is found can have many legs, and each a stack. */
#define TELLING_MAX ((size_t)64 << 20)

/* Who reads what we write may have stopped: it must not keep us. */
#define WRITE_MAX_MS 1000

/* The very stderr of the process; else its file, opened anew. */
static int open_stderr(const struct dw_alarm_options *options)
{
	char path[64];
	int fd = (int)syscall(SYS_pidfd_getfd, options->pidfd, STDERR_FILENO, 0);

	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/fd/2", options->pid);
	return open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static int open_log(const struct dw_alarm_options *options)
{
	dw_auto_text path = NULL;

	if (asprintf(&path, "%s.%d", options->log_path, options->pid) < 0) {
		path = NULL;
		return -1;
	}
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

/* A pipe that can be written to takes that much without keeping us. */
static int write_some(int fd, const char *text, size_t n)
{
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	ssize_t written;

	if (poll(&ready, 1, WRITE_MAX_MS) <= 0 || !(ready.revents & POLLOUT))
		return -EAGAIN;
	written = write(fd, text, n < PIPE_BUF ? n : PIPE_BUF);
	return written < 0 ? -errno : (int)written;
}

static int write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		int r = write_some(fd, text, n);

		if (r < 0 && r != -EINTR)
			return dw_raise(r);
		text += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return 0;
}

static bool is_journal(const struct dw_alarm_options *options)
{
	return options->log_path && strcmp(options->log_path, DW_JOURNAL) == 0;
}

static int write_log(const struct dw_alarm_options *options, const char *text, size_t n)
{
	dw_auto_fd log = open_log(options);
	int r = log < 0 ? dw_raise(-errno) : write_all(log, text, n);

	return r < 0 ? dw_pass(r) : 0;
}

static void say_unlogged(int fd, const struct dw_alarm_options *options, int error)
{
	if (is_journal(options))
		dprintf(fd, "deadwatch: cannot write to the journal: %s\n",
			error == -ENOSYS ? "there is no libsystemd.so.0" : strerror(-error));
	else
		dprintf(fd, "deadwatch: cannot write to '%s.%d': %s\n", options->log_path,
			options->pid, strerror(-error));
}

/* Where a log cannot be written, because of @error, that is said on the process's stderr, and what
 * was to be logged. */
static int write_stderr(const struct dw_alarm_options *options, const char *text, size_t n,
			int error)
{
	dw_auto_fd fd = open_stderr(options);
	int r;

	if (fd < 0)
		return dw_raise(-errno);
	if (error)
		say_unlogged(fd, options, error);
	r = write_all(fd, text, n);
	return r < 0 ? dw_pass(r) : 0;
}

static int write_out(const struct dw_alarm_options *options, const char *text, size_t n)
{
	int r = options->log_path ? write_log(options, text, n) : 0;

	if (options->log_path && r == 0)
		return 0;
	r = write_stderr(options, text, n, r);
	return r < 0 ? dw_pass(r) : 0;
}

/* Syslog's levels: what is found is an error, what is said beside it a notice. */
#define PRIORITY_FOUND "3"
#define PRIORITY_SAID "5"

/* A line of the monitor's own. */
static int send_line(const struct dw_alarm_options *options, const char *text)
{
	char pid[24];
	const struct dw_journal_field fields[] = {{"MESSAGE", text},
						  {"PRIORITY", PRIORITY_SAID},
						  {"SYSLOG_IDENTIFIER", "deadwatch"},
						  {"OBJECT_PID", pid}};

	snprintf(pid, sizeof(pid), "%d", options->pid);
	return dw_journal_send(fields, sizeof(fields) / sizeof(fields[0]));
}

void dw_bell_say(const struct dw_alarm_options *options, const char *format, ...)
{
	dw_auto_text text = NULL;
	char line[512];
	va_list arguments;
	int r;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (asprintf(&text, "deadwatch: process %d: %s", options->pid, line) < 0) {
		text = NULL;
		return;
	}
	if (!is_journal(options)) {
		write_out(options, text, strlen(text));
		return;
	}
	r = send_line(options, text);
	if (r < 0)
		write_stderr(options, text, strlen(text), r);
}

/* @facts with nothing in it to be analysed but the last @n things that were found. */
static struct dw_facts only_found(const struct dw_facts *facts, uint32_t n)
{
	struct dw_facts only = *facts;

	n = n < facts->n_founds ? n : facts->n_founds - 1;
	only.n_chains = only.n_misuses = only.n_posts = only.n_joins = 1;
	only.founds = facts->founds + facts->n_founds - 1 - n;
	only.n_founds = n + 1;
	return only;
}

/* What is being told, and how far it has got. */
struct ringing {
	const struct dw_alarm_options *options;
	FILE *out;
	int unsent; /* why the journal does not have all of it; 0: it has */
};

/* One entry for a finding: its text, and by what it can be found. */
static int send_finding(const struct ringing *ringing, struct dw_telling *telling,
			const struct dw_reported *reported, const char *text)
{
	const struct dw_finding *finding = reported->finding;
	const char *pid = dw_tell_text(telling, "%d", ringing->options->pid);
	const struct dw_journal_field fields[] = {
	    {"MESSAGE", text},
	    {"PRIORITY", PRIORITY_FOUND},
	    {"SYSLOG_IDENTIFIER", "deadwatch"},
	    {"OBJECT_PID", pid},
	    {"DEADWATCH_VERDICT", dw_verdict_word(finding->verdict)},
	    {"DEADWATCH_CHAIN", dw_say_chain(telling, finding)},
	    {"DEADWATCH_FINGERPRINT", reported->fingerprint},
	    {"DEADWATCH_PROCESS", dw_tell_process(telling)},
	};

	return dw_journal_send(fields, sizeof(fields) / sizeof(fields[0]));
}

static int tell_one(struct ringing *ringing, const struct dw_reported_process *process,
		    const struct dw_finding *finding)
{
	char fingerprint[DW_FINGERPRINT_SIZE];
	struct dw_reported reported = {.finding = finding, .fingerprint = fingerprint};
	struct dw_telling telling = {.process = process, .is_one_of = true};
	dw_auto_text text = NULL;
	dw_auto(arena) arena = NULL;
	size_t size;
	int r = dw_arena_new(&arena, TELLING_MAX);

	if (r < 0)
		return dw_pass(r);
	reported.occurrences = 1;
	telling.arena = arena;
	dw_fingerprint(finding, process->facts, process->names, fingerprint);
	telling.out = open_memstream(&text, &size);
	if (!telling.out)
		return dw_raise(-ENOMEM);
	dw_tell_finding(&telling, &reported);
	if (fclose(telling.out) != 0)
		return dw_raise(-ENOMEM);
	if (is_journal(ringing->options) && !ringing->unsent)
		ringing->unsent = send_finding(ringing, &telling, &reported, text);
	fputs(text, ringing->out);
	return 0;
}

/* The names that profiles have. */
static int apply_profiles(const struct dw_facts **facts, struct dw_arena *arena,
			  struct dw_names *names)
{
	dw_auto(profiles) profiles = NULL;
	int r = dw_profiles_new_chosen(&profiles);

	if (r == 0)
		r = dw_profiles_apply(facts, arena, profiles, *facts, names);
	return r < 0 ? dw_pass(r) : 0;
}

static int tell(struct ringing *ringing, const struct dw_facts *facts, uint32_t n)
{
	struct dw_facts only = only_found(facts, n), shown;
	dw_auto(arena) arena = NULL;
	dw_auto(analysis) analysis = NULL;
	dw_auto(names) names = NULL;
	struct dw_reported_process process = {.path = "", .facts = &shown};
	const struct dw_finding *findings;
	size_t n_findings = 0;
	int r = dw_analysis_new(&analysis, &only, MEMORY_MAX);

	if (r == 0)
		r = dw_analysis_run(analysis);
	if (r == 0)
		r = dw_names_new_by(&names, facts, ringing->options->symbols);
	if (r == 0)
		r = dw_arena_new(&arena, MEMORY_MAX);
	if (r == 0)
		r = apply_profiles(&facts, arena, names);
	if (r < 0)
		return dw_pass(r);
	shown = *facts;
	shown.founds = only.founds;
	shown.n_founds = only.n_founds;
	process.names = names;
	findings = dw_analysis_findings(analysis, &n_findings);
	for (size_t i = 0; r == 0 && i < n_findings; i++)
		r = tell_one(ringing, &process, &findings[i]);
	return r < 0 ? dw_pass(r) : 0;
}

int dw_bell_ring(const struct dw_alarm_options *options, uint32_t n)
{
	dw_auto(reader) reader = NULL;
	dw_auto(arena) arena = NULL;
	dw_auto_text text = NULL;
	size_t size = 0;
	struct ringing ringing = {.options = options};
	const struct dw_facts *facts;
	int r = dw_reader_open(&reader, options->path, MEMORY_MAX);

	if (r != 0)
		return r < 0 ? dw_pass(r) : dw_raise(-EIO);
	r = dw_arena_new(&arena, MEMORY_MAX);
	if (r == 0)
		r = dw_living_facts(&facts, reader, arena);
	if (r < 0)
		return dw_pass(r);
	ringing.out = open_memstream(&text, &size);
	if (!ringing.out)
		return dw_raise(-ENOMEM);
	r = tell(&ringing, facts, n);
	if (fclose(ringing.out) != 0 && r == 0)
		r = dw_raise(-ENOMEM);
	if (r < 0)
		return dw_pass(r);
	if (!is_journal(options))
		r = write_out(options, text, size);
	else if (ringing.unsent)
		r = write_stderr(options, text, size, ringing.unsent);
	return r < 0 ? dw_pass(r) : 0;
}
