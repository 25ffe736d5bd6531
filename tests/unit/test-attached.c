/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a process that is attached to, without probes. */
#include "attach/place.h"
#include "attach/process.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	while (pid == 0)
		pause();
	return pid;
}

/* It is a zombie then: nobody has waited for it. */
static void end(pid_t pid)
{
	siginfo_t info;

	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void of_one_that_has_ended_files_are_known_as_they_were(void **state)
{
	char folder[] = "/tmp/test-attached-XXXXXX", path[sizeof(folder) + 8];
	pid_t pid = start();
	struct dw_attached *process;
	uint32_t n;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/record", folder);
	assert_int_equal(dw_attached_new(&process, pid, path, /* flags= */ 0), 0);
	n = process->code.n_maps;
	assert_true(n > 0);
	end(pid);
	assert_int_equal(dw_attached_read_maps(process), 0);
	assert_int_equal(process->code.n_maps, n);
	dw_attached_free(process);
	waitpid(pid, NULL, 0);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(of_one_that_has_ended_files_are_known_as_they_were),
	};

	return cmocka_run_group_tests_name("attached", tests, NULL, NULL);
}
