#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, right and wrong: every test's name is a claim.

usage: test-cli.py DEADWATCH SAMPLE STATIC_SAMPLE [unittest's arguments]
"""
import json
import os
import pty
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest

DEADWATCH, SAMPLE, STATIC_SAMPLE = (os.path.abspath(a) for a in sys.argv[1:4])
del sys.argv[1:4]

CLEAN, FINDINGS, USAGE, BLIND, FAILED = range(5)
HEADER_SIZE = 8192
VERSION_OFFSET = 8
TIMEOUT = 240  # seconds; each of these takes well under one


def deadwatch(*args, **more):
    more.setdefault("stdout", subprocess.PIPE)
    return subprocess.run([DEADWATCH, *args], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True, timeout=TIMEOUT, **more)


class Folder(unittest.TestCase):
    """A test with a folder of its own, where TMPDIR is, too."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-test-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.tmpdir = self.path("tmp")
        os.mkdir(self.tmpdir)
        self.environment = dict(os.environ, TMPDIR=self.tmpdir)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def run_sample(self, *args, options=()):
        return deadwatch("run", *options, "--", SAMPLE, *args, env=self.environment)

    def record(self, what, name="recording"):
        done = self.run_sample(what, options=("-o", self.path(name)))
        self.assertTrue(os.path.exists(self.path(name)), done.stderr)
        return self.path(name)

    def bytes_of(self, path):
        with open(path, "rb") as file:
            return file.read()


class Run(Folder):
    def test_the_report_goes_to_stderr_and_stdout_is_the_programs(self):
        done = self.run_sample("inversion")
        self.assertEqual(done.stdout, "done\n")
        self.assertIn("potential", done.stderr)

    def test_the_status_is_the_programs_own(self):
        self.assertEqual(self.run_sample("exit").returncode, 7)
        self.assertEqual(self.run_sample("inversion").returncode, 0)

    def test_a_program_killed_by_a_signal_gives_128_and_the_signal(self):
        done = deadwatch("run", "--", "sh", "-c", "kill -KILL $$", env=self.environment)
        self.assertEqual(done.returncode, 128 + signal.SIGKILL)

    def test_what_is_seen_of_a_program_that_crashed_is_not_clean(self):
        done = deadwatch("run", "--", SAMPLE, "crash", env=self.environment)
        self.assertEqual(done.returncode, 128 + signal.SIGSEGV)
        self.assertIn("blind (killed): the program was ended by signal 11", done.stderr)
        self.assertNotIn("clean", done.stderr)

    def test_stdin_is_the_programs(self):
        done = subprocess.run([DEADWATCH, "run", "--", "cat"], input="a line\n", text=True,
                              capture_output=True, env=self.environment, timeout=TIMEOUT)
        self.assertEqual(done.stdout, "a line\n")

    def test_sigterm_is_handed_on_and_the_report_still_made(self):
        process = subprocess.Popen([DEADWATCH, "run", "--", SAMPLE, "wait"], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.environment)
        self.assertEqual(process.stdout.readline(), "ready\n")
        process.terminate()
        _, errors = process.communicate(timeout=TIMEOUT)
        self.assertEqual(process.returncode, 128 + signal.SIGTERM)
        self.assertIn("no recording was made", errors)

    def test_an_ignored_signal_stays_ignored_in_the_program(self):
        script = "trap '' INT TERM; exec " + DEADWATCH + " run -- sh -c 'kill -INT $$; kill -TERM $$; echo alive'"
        done = subprocess.run(["sh", "-c", script], capture_output=True, text=True,
                              env=self.environment, timeout=TIMEOUT)
        self.assertEqual(done.stdout, "alive\n")

    def test_the_private_folder_is_gone_afterwards(self):
        self.run_sample("inversion")
        self.assertEqual(os.listdir(self.tmpdir), [])

    def test_without_separator_the_programs_options_are_its_own(self):
        done = deadwatch("run", SAMPLE, "--help", env=self.environment)
        self.assertNotIn("usage", done.stdout)

    def run_limited(self, limit, size):
        def limited():
            resource.setrlimit(limit, (size, size))
        return deadwatch("run", "--", SAMPLE, "inversion", env=self.environment,
                         preexec_fn=limited)

    def test_a_program_with_little_memory_is_left_all_of_it(self):
        for limit in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
            done = self.run_limited(limit, 40 << 20)
            self.assertEqual(done.stdout, "done\n", done.stderr)
            self.assertIn("memory-limit", done.stderr)

    def test_a_program_with_some_memory_shares_it(self):
        for size in (66 << 20, 110 << 20, 200 << 20):
            done = self.run_limited(resource.RLIMIT_AS, size)
            self.assertEqual(done.stdout, "done\n", done.stderr)
            self.assertIn("potential", done.stderr)

    def test_who_became_another_user_is_not_watched_and_not_said_to_be(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        script = "import os, threading; %s; threading.Thread(target=print).start()"
        for change, watched in (("0", 1), ("os.setuid(65534)", 0)):
            path = self.path("recording%d" % watched)
            deadwatch("run", "-o", path, "--", sys.executable, "-c", script % change,
                      env=self.environment)
            report = json.loads(deadwatch("report", "--format=json", path).stdout)
            self.assertEqual(report["counts"]["monitored"], watched, change)

    def test_who_becomes_another_user_is_recorded_where_that_user_can_write(self):
        other = ("setpriv", "--reuid=65534", "--clear-groups")
        if os.getuid() != 0 or subprocess.run((*other, "test", "-x", SAMPLE)).returncode != 0:
            self.skipTest("only root can become somebody else, who has to be able to get here")
        os.chmod(self.folder, 0o711)
        os.chmod(self.tmpdir, 0o711)
        os.mkdir(self.path("open"))
        os.chmod(self.path("open"), 0o1777)
        for options in ((), ("-o", self.path("open/recording"))):
            done = deadwatch("run", *options, "--", *other, SAMPLE, "inversion",
                             env=self.environment)
            self.assertIn("potential", done.stderr)
        self.assertEqual(os.listdir(self.tmpdir), [])

    def test_a_program_for_another_c_library_is_not_started(self):
        with open(SAMPLE, "rb") as file:
            program = file.read()
        loader = b"/lib64/ld-linux-x86-64.so.2\0"
        self.assertIn(loader, program)
        path = self.write("musl", program.replace(loader, b"/lib/ld-musl-x86_64.so.1\0\0\0\0"))
        os.chmod(path, 0o755)
        done = deadwatch("run", "--", path, "inversion", env=self.environment)
        self.assertEqual((done.returncode, done.stdout), (FAILED, ""))
        self.assertRegex(done.stderr, r"\Adeadwatch: [^\n]*musl[^\n]*\n\Z")

    def test_a_missing_program_is_127(self):
        done = deadwatch("run", "--", "/nonexistent/program", env=self.environment)
        self.assertEqual(done.returncode, 127)
        self.assertIn("'/nonexistent/program'", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_a_file_that_is_no_program_is_126(self):
        path = self.write("data", b"no program\n")
        done = deadwatch("run", "--", path, env=self.environment)
        self.assertEqual(done.returncode, 126)
        self.assertIn(path, done.stderr)

    def test_why_a_program_cannot_be_run_is_said(self):
        os.mkfifo(self.path("pipe"))
        self.write("script", b"#!/nonexistent/interpreter\n")
        os.chmod(self.path("script"), 0o755)
        self.write("data", b"no program\n")
        for name, status, said in ((self.folder, 126, "it is a folder"),
                                   (self.path("pipe"), 126, "a device, pipe or socket"),
                                   (self.path("data"), 126, "'chmod +x' makes it so"),
                                   (self.path("script"), 127, "what is to run it is not"),
                                   ("data", 127, "needs ./ before its name")):
            done = deadwatch("run", "--", name, cwd=self.folder, env=self.environment)
            self.assertEqual((done.returncode, done.stdout), (status, ""))
            self.assertIn(said, done.stderr)

    def test_no_program_is_wrong_usage(self):
        self.assertEqual(deadwatch("run").returncode, USAGE)

    def test_an_existing_output_is_left_alone(self):
        path = self.write("kept", b"precious")
        done = self.run_sample("inversion", options=("-o", path))
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("it exists: remove it, or name another file", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.bytes_of(path), b"precious")

    def test_a_recording_of_an_earlier_run_is_not_mixed_in(self):
        self.write("recording.123", b"")
        done = self.run_sample("inversion", options=("-o", self.path("recording")))
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("recording.123", done.stderr)

    def test_an_output_that_cannot_be_written_stops_before_the_program_starts(self):
        for path in (self.path("nowhere/recording"), "/proc/recording"):
            done = self.run_sample("inversion", options=("-o", path))
            self.assertEqual(done.returncode, FAILED, path)
            self.assertEqual(done.stdout, "")
            self.assertIn(path, done.stderr)

    def test_an_output_with_a_colon_is_refused(self):
        done = self.run_sample("inversion", options=("-o", self.path("a:b")))
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("colon", done.stderr)

    def test_a_relative_output_is_where_the_user_is(self):
        subprocess.run([DEADWATCH, "run", "-o", "here", "--", "sh", "-c",
                        "cd / && exec " + SAMPLE + " inversion"], cwd=self.folder,
                       capture_output=True, env=self.environment, timeout=TIMEOUT)
        self.assertTrue(os.path.exists(self.path("here")))

    def test_the_kept_recording_is_private_and_no_longer_than_used(self):
        path = self.record("inversion")
        status = os.stat(path)
        self.assertEqual(status.st_mode & 0o777, 0o600)
        self.assertLess(status.st_size, 16 << 20)
        self.assertEqual(deadwatch("report", path).returncode, FINDINGS)

    def test_every_process_has_its_recording(self):
        path = self.path("recording")
        deadwatch("run", "-o", path, "--", "sh", "-c", f"{SAMPLE} inversion; {SAMPLE} order",
                  env=self.environment)
        made = sorted(name for name in os.listdir(self.folder) if name.startswith("recording"))
        self.assertEqual(len(made), 2)
        self.assertEqual(made[0], "recording")
        self.assertRegex(made[1], r"^recording\.\d+$")

    def test_a_process_that_is_left_behind_is_told_and_left_alone(self):
        path, fifo, go = self.path("recording"), self.path("fifo"), self.path("go")
        os.mkfifo(fifo)
        os.mkfifo(go)
        # What is left behind keeps stderr open, so it must not be a pipe that is read to its end.
        with open(self.path("errors"), "w") as errors:
            process = subprocess.Popen([DEADWATCH, "run", "-o", path, "--", "sh", "-c",
                                        f"{SAMPLE} linger >{fifo} & read x <{go}"],
                                       stderr=errors, env=self.environment)
        with open(fifo) as said:
            left = int(said.readline())
            self.addCleanup(os.kill, left, signal.SIGKILL)
            self.write("go", b"\n")
            process.wait(timeout=TIMEOUT)
            errors = self.bytes_of(self.path("errors")).decode()
            self.assertIn(f"process {left} is still running", errors)
            self.assertIn("2 locks", errors)
            os.kill(left, signal.SIGUSR1)  # it locks on, in what is mapped
            self.assertEqual(int(said.readline()), left)
        self.assertGreater(os.stat(path).st_size, 16 << 20)

    def test_a_static_program_is_named_as_such(self):
        done = deadwatch("run", "--", STATIC_SAMPLE, "inversion", env=self.environment)
        self.assertEqual(done.stdout, "done\n")
        self.assertIn("statically linked", done.stderr)

    def test_a_program_without_locks_is_not_called_clean(self):
        done = self.run_sample("nothing", options=("--format=json",))
        self.assertIn("no-recording", done.stderr)

    def test_a_library_that_is_not_there_is_said(self):
        self.environment["DEADWATCH_LIBRARY"] = self.path("none.so")
        done = self.run_sample("inversion")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn(self.path("none.so"), done.stderr)
        self.assertEqual(done.stdout, "")

    def test_events_are_recorded_on_request_only(self):
        few = self.record("inversion", "few")
        self.run_sample("inversion", options=("--events", "-o", self.path("all")))
        events = deadwatch("dump", self.path("all")).stdout
        self.assertIn(" born ", events)
        self.assertNotIn(" born ", deadwatch("dump", few).stdout)

    def test_the_users_own_preload_and_options_stay(self):
        self.environment["DEADWATCH_OPTIONS"] = "record_limit=64"
        self.environment["LD_PRELOAD"] = "libpthread.so.0"
        done = deadwatch("run", "--", "sh", "-c", "echo $LD_PRELOAD $DEADWATCH_OPTIONS",
                         env=self.environment)
        self.assertRegex(done.stdout, r"^/.*/libdeadwatch\.so:libpthread\.so\.0 "
                                      r"record_limit=64:record_path=/")

    def test_options_that_the_library_would_not_understand_are_refused(self):
        for wrong in ("events=2", "evnets=1", "record_limit=", "record_limit=9x",
                      "record_limit=0", "record_limit=32768", "events", "heartbeat=poll", "heartbeat=poll=1"):
            self.environment["DEADWATCH_OPTIONS"] = "record_limit=64:" + wrong
            done = self.run_sample("inversion")
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), wrong)
            self.assertIn(f"'{wrong}'", done.stderr)


class Report(Folder):
    def test_findings_are_1_and_none_are_0(self):
        self.assertEqual(deadwatch("report", self.record("inversion", "a")).returncode, FINDINGS)
        self.assertEqual(deadwatch("report", self.record("order", "b")).returncode, CLEAN)

    def test_one_thread_with_a_lock_is_clean(self):
        self.assertEqual(deadwatch("report", self.record("alone")).returncode, CLEAN)

    def test_the_finding_names_the_variables_and_the_functions(self):
        text = deadwatch("report", self.record("inversion")).stdout
        for word in ("first", "second", "take_both", "sample.c"):
            self.assertIn(word, text)

    def test_the_same_recording_gives_the_same_report(self):
        path = self.record("inversion")
        for form in ("text", "json"):
            once = deadwatch("report", "--format", form, path).stdout
            self.assertEqual(once, deadwatch("report", "--format", form, path).stdout)

    def test_json_is_json(self):
        json.loads(deadwatch("report", "--format=json", self.record("inversion")).stdout)

    def test_contention_is_told_only_where_it_was_asked_for(self):
        path = self.record("inversion")
        self.assertIn("contention in", deadwatch("report", "--contention", path).stdout)
        self.assertNotIn("contention in", deadwatch("report", path).stdout)
        told = json.loads(deadwatch("report", "-c", "--format=json", path).stdout)
        self.assertEqual(type(told["contention"]), list)
        self.assertNotIn("contention", json.loads(
            deadwatch("report", "--format=json", path).stdout))

    def check_bad(self, path, words):
        done = deadwatch("report", path)
        self.assertEqual(done.returncode, FAILED, done.stderr)
        self.assertIn(path, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1)
        self.assertEqual(done.stdout, "")

    def test_a_foreign_file_is_refused(self):
        self.check_bad(self.write("foreign", b"\x7fELF" + bytes(20000)), "not a recording")

    def test_an_empty_file_is_refused(self):
        self.check_bad(self.write("empty", b""), "")

    def test_a_missing_file_is_refused(self):
        self.check_bad(self.path("missing"), "No such file")

    def test_a_file_that_ends_in_its_header_is_refused(self):
        whole = self.bytes_of(self.record("inversion"))
        self.check_bad(self.write("cut", whole[:HEADER_SIZE // 2]), "")

    def test_a_newer_version_is_refused(self):
        data = bytearray(self.bytes_of(self.record("inversion")))
        (version,) = struct.unpack_from("=I", data, VERSION_OFFSET)
        struct.pack_into("=I", data, VERSION_OFFSET, version + 1)
        self.check_bad(self.write("newer", data), "")

    def test_a_truncated_recording_is_never_clean(self):
        whole = self.bytes_of(self.record("order"))
        for size in (HEADER_SIZE + 8, (HEADER_SIZE + len(whole)) // 2, len(whole) - 8):
            done = deadwatch("report", self.write("cut", whole[:size]))
            self.assertEqual(done.returncode, BLIND, (size, done.stdout, done.stderr))

    def test_a_bad_recording_does_not_hide_the_others(self):
        bad = self.write("bad", b"nothing of ours" * 1000)
        good, clean = self.record("inversion", "good"), self.record("order", "clean")
        done = deadwatch("report", bad, good)
        self.assertEqual(done.returncode, FINDINGS)
        self.assertIn(bad, done.stderr)
        self.assertIn("potential", done.stdout)
        self.assertEqual(deadwatch("report", clean, bad).returncode, FAILED)

    def test_a_folder_stands_for_its_recordings(self):
        os.mkdir(self.path("folder"))
        self.record("inversion", "folder/a.rec")
        self.write("folder/notes.txt", b"nothing of ours\n" * 1000)
        done = deadwatch("report", self.path("folder"))
        self.assertEqual((done.returncode, done.stderr), (FINDINGS, ""))

    def test_a_folder_without_recordings_is_blind(self):
        done = deadwatch("report", self.tmpdir)
        self.assertEqual(done.returncode, BLIND)
        self.assertIn("no recording", done.stdout)

    def test_a_full_disk_is_not_a_clean_report(self):
        path = self.record("order")
        for command in ("report", "dump"):
            with open("/dev/full", "w") as full:
                done = deadwatch(command, path, stdout=full)
            self.assertEqual(done.returncode, FAILED)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn("No space left", done.stderr)

    def test_a_reader_that_went_away_ends_it_quietly(self):
        path = self.record("order")
        read_end, write_end = os.pipe()
        os.close(read_end)
        for command in (("report",), ("dump",), ("graph",), ("gate",), ("top", "--once")):
            done = deadwatch(*command, path, stdout=write_end)
            self.assertEqual((done.returncode, done.stderr), (-signal.SIGPIPE, ""), command)
        os.close(write_end)

    def test_colour_is_for_terminals_whose_users_like_it(self):
        path = self.record("inversion")
        self.assertNotIn("\x1b", deadwatch("report", path).stdout)
        environment = dict(self.environment, TERM="xterm")
        environment.pop("NO_COLOR", None)
        self.assertIn(b"\x1b", self.on_terminal(environment, "report", path))
        self.assertNotIn(b"\x1b", self.on_terminal(dict(environment, NO_COLOR="1"), "report", path))

    def test_progress_is_shown_on_a_terminal_and_taken_away(self):
        path = self.record("inversion", "\x1b[31mred\u00e9")
        environment = dict(os.environ, TERM="xterm")
        shown = self.on_terminal(environment, "report", path, stream="stderr")
        self.assertRegex(shown, rb"^\r\x1b\[Kreading 1: [!-~]+\r\x1b\[K"
                         rb"\r\x1b\[Kwriting: findings of recording\r\x1b\[K$")
        self.assertEqual(self.on_terminal(dict(environment, TERM="dumb"), "report", path,
                                          stream="stderr"), b"")
        self.assertEqual(deadwatch("report", path, env=environment).stderr, "")

    def shown_of_file(self, *args):
        """What a terminal shows while a file is written."""
        environment = dict(os.environ, TERM="xterm")
        with open(self.path("written"), "wb") as file:
            shown = self.on_terminal(environment, *args, stream="stderr", stdout=file)
        self.assertTrue(shown.endswith(b"\r\x1b[K"))
        self.assertEqual(deadwatch(*args, env=environment).stderr, "")
        return [line.decode() for line in shown.split(b"\r\x1b[K") if line.startswith(b"writing")]

    def test_progress_is_shown_while_a_file_is_written(self):
        path = self.record("inversion")
        page = self.shown_of_file("report", "--format=html", path, path)
        for line in ("html", "finding 2 of 2", "threads 2 of 2", "layout of 4 boxes"):
            self.assertIn("writing: " + line, page)
        self.assertEqual(self.shown_of_file("graph", "--format=svg", path),
                         ["writing: findings of recording", "writing: svg", "writing: graph",
                          "writing: layout of 4 boxes"])
        events = self.path("events")
        self.run_sample("inversion", options=("--events", "-o", events))
        self.assertRegex(self.shown_of_file("report", "--format=timeline", events)[-1],
                         r"^writing: event 0 of \d+$")

    def test_progress_is_not_shown_where_output_is_seen_as_it_comes(self):
        path = self.record("inversion")
        environment = dict(os.environ, TERM="xterm")
        read_end, write_end = os.pipe()
        shown = self.on_terminal(environment, "graph", "--format=svg", path, stream="stderr",
                                 stdout=write_end)
        os.close(write_end)
        with open(read_end, "rb") as pipe:
            self.assertIn(b"</svg>", pipe.read())
        self.assertNotIn(b"svg", shown)

    def on_terminal(self, environment, *args, stream="stdout", stdout=subprocess.DEVNULL):
        ours, theirs = pty.openpty()
        process = subprocess.Popen([DEADWATCH, *args], env=environment,
                                   **{"stdout": stdout, stream: theirs})
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:
            pass  # the other end was closed
        os.close(ours)
        process.wait(timeout=TIMEOUT)
        return shown


class Dump(Folder):
    def test_a_dump_says_whose_it_is_and_what_happened(self):
        text = deadwatch("dump", self.record("inversion")).stdout
        self.assertIn("# " + os.path.realpath(SAMPLE), text)
        self.assertIn(" hold ", text)

    def test_an_anonymous_dump_has_no_names(self):
        text = deadwatch("dump", "--anonymize", self.record("inversion")).stdout
        self.assertIn(" hold ", text)
        for secret in ("sample", "take_both", "forwards", ": first\n", os.sep, "libc"):
            self.assertNotIn(secret, text)

    def test_a_foreign_file_is_refused(self):
        done = deadwatch("dump", self.write("foreign", bytes(20000)))
        self.assertEqual((done.returncode, done.stdout), (FAILED, ""))


class Graph(Folder):
    def test_a_folder_without_recordings_is_nothing_to_draw(self):
        done = deadwatch("graph", self.tmpdir)
        self.assertEqual((done.returncode, done.stdout), (BLIND, ""))
        self.assertEqual(done.stderr, "deadwatch: there is no recording to draw\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
