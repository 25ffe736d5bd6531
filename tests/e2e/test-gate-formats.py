#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What other programs read of a gate, and the jobs that docs/ci.md shows: every test's name is a
claim.

usage: test-gate-formats.py DEADWATCH SAMPLE SARIF_SCHEMA REPORT_SCHEMA CI_PAGE [unittest's arguments]

No Debian package has the schema of SARIF, so SARIF_SCHEMA is ours: the part that we write.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

try:
    import jsonschema
except ImportError:
    jsonschema = None
try:
    import yaml
except ImportError:
    yaml = None

DEADWATCH, SAMPLE, SARIF_SCHEMA, REPORT_SCHEMA, CI_PAGE = (os.path.abspath(a)
                                                           for a in sys.argv[1:6])
del sys.argv[1:6]

CLEAN, FINDINGS, USAGE, BLIND, FAILED = range(5)
GATE_EXIT = 66
TIMEOUT = 240


def run(*args, **more):
    return subprocess.run(args, capture_output=True, stdin=subprocess.DEVNULL, text=True,
                          timeout=TIMEOUT, **more)


def deadwatch(*args, **more):
    return run(DEADWATCH, *args, **more)


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.recordings = tempfile.mkdtemp(prefix="deadwatch-formats-")
        for what in ("inversion", "order"):
            deadwatch("run", "-o", os.path.join(cls.recordings, what), "--", SAMPLE, what)
        cls.inversion = os.path.join(cls.recordings, "inversion")
        cls.order = os.path.join(cls.recordings, "order")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.recordings)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="deadwatch-formats-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def gate(self, form, *args, expect):
        done = deadwatch("gate", "-f", form, *args)
        self.assertEqual(done.returncode, expect, done.stderr)
        return done.stdout

    def known(self, reason="accepted"):
        deadwatch("gate", "--baseline", self.path("base"), "--update", self.inversion)
        self.write("base", self.read("base").replace("TODO", reason))
        return self.path("base")


class Sarif(Folder):
    def sarif(self, *args, expect=FINDINGS):
        log = json.loads(self.gate("sarif", *args, expect=expect))
        if jsonschema:
            with open(SARIF_SCHEMA, encoding="utf-8") as file:
                jsonschema.Draft202012Validator(json.load(file)).validate(log)
        (only,) = log["runs"]
        return only

    @unittest.skipUnless(jsonschema, "python3-jsonschema is not installed")
    def test_the_schema_takes_not_everything(self):
        with open(SARIF_SCHEMA, encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        log = json.loads(self.gate("sarif", self.inversion, expect=FINDINGS))
        del log["runs"][0]["results"][0]["message"]
        self.assertFalse(validator.is_valid(log))

    def test_a_finding_is_a_result_of_a_rule_at_a_line_of_source(self):
        only = self.sarif(self.inversion, self.inversion)
        (result,) = only["results"]
        rule = only["tool"]["driver"]["rules"][result["ruleIndex"]]
        self.assertEqual((result["ruleId"], rule["id"]), ("potential", "potential"))
        self.assertEqual((result["level"], result["baselineState"]), ("error", "new"))
        place = result["locations"][0]["physicalLocation"]
        self.assertRegex(place["artifactLocation"]["uri"], r"tests/e2e/sample\.c$")
        self.assertGreater(place["region"]["startLine"], 1)
        self.assertTrue(only["invocations"][0]["executionSuccessful"])

    def test_every_leg_is_a_flow_with_both_stacks(self):
        (result,) = self.sarif(self.inversion)["results"]
        flows = result["codeFlows"][0]["threadFlows"]
        self.assertEqual(len(flows), 2)
        for flow, function in zip(flows, ("forwards", "second_thread")):
            self.assertTrue(flow["id"].startswith(function))
            names = [step["location"]["logicalLocations"][0]["fullyQualifiedName"]
                     for step in flow["locations"]
                     if "logicalLocations" in step["location"]]
            self.assertEqual((names.count(function), names.count("take_both")), (2, 2))
            said = [step["location"]["message"]["text"] for step in flow["locations"]]
            self.assertTrue([text for text in said if " holds " in text], said)
            self.assertTrue([text for text in said if "needs " in text], said)

    def test_fingerprints_are_those_of_the_other_reports(self):
        (result,) = self.sarif(self.inversion)["results"]
        report = json.loads(self.gate("json", self.inversion, expect=FINDINGS))
        prints = result["partialFingerprints"]
        self.assertEqual(prints["deadwatchFinding/v1"], report["findings"][0]["fingerprint"])
        self.assertTrue(prints["primaryLocationLineHash"].startswith(
            report["findings"][0]["fingerprint"]))

    def test_what_is_known_is_unchanged_and_suppressed_with_the_reason(self):
        (result,) = self.sarif("--baseline", self.known("for a while"), self.inversion,
                               expect=CLEAN)["results"]
        self.assertEqual(result["baselineState"], "unchanged")
        self.assertEqual(result["suppressions"],
                         [{"kind": "external", "justification": "for a while"}])

    def test_who_is_blind_did_not_succeed(self):
        (invocation,) = self.sarif("--require-lock=BQL", self.order, expect=BLIND)["invocations"]
        self.assertFalse(invocation["executionSuccessful"])
        self.assertEqual(invocation["toolExecutionNotifications"][0]["descriptor"]["id"],
                         "lock-not-seen")
        (invocation,) = self.sarif(self.order, self.path("none"), expect=FAILED)["invocations"]
        self.assertFalse(invocation["executionSuccessful"])

    def test_a_report_has_it_too(self):
        done = deadwatch("report", "-f", "sarif", self.inversion)
        (result,) = json.loads(done.stdout)["runs"][0]["results"]
        self.assertNotIn("baselineState", result)

    @unittest.skipUnless(jsonschema, "python3-jsonschema is not installed")
    def test_the_json_of_a_gate_is_valid_by_its_schema(self):
        with open(REPORT_SCHEMA, encoding="utf-8") as file:
            validator = jsonschema.Draft202012Validator(json.load(file))
        order = self.write("order", "# deadwatch order 1\nsecond -> first\n")
        for args, expect in ((["--baseline", self.known()], CLEAN), (["--order", order], FINDINGS),
                             (["--require-lock=BQL", "--allow=lock-not-seen"], FINDINGS),
                             (["--require-lock=BQL"], FINDINGS)):
            validator.validate(json.loads(self.gate("json", *args, self.inversion, expect=expect)))


class JUnit(Folder):
    def suite(self, *args, expect=FINDINGS):
        (suite,) = xml.etree.ElementTree.fromstring(self.gate("junit", *args, expect=expect))
        counts = {name: len(suite.findall(".//" + name)) for name in
                  ("testcase", "failure", "error", "skipped")}
        self.assertEqual([int(suite.get(name)) for name in
                          ("tests", "failures", "errors", "skipped")], list(counts.values()))
        return suite, counts

    def test_what_is_new_is_a_failure(self):
        suite, counts = self.suite(self.inversion)
        self.assertEqual(counts, {"testcase": 2, "failure": 1, "error": 0, "skipped": 0})
        failure = suite.find(".//failure")
        self.assertEqual(failure.get("message"), "potential deadlock: first -> second -> first")
        self.assertIn("take_both", failure.text)

    def test_what_is_known_is_skipped_with_its_reason(self):
        suite, counts = self.suite("--baseline", self.known('a < b & "c"'), self.inversion,
                                   expect=CLEAN)
        self.assertEqual((counts["failure"], counts["skipped"]), (0, 1))
        self.assertEqual(suite.find(".//skipped").get("message"), 'a < b & "c"')

    def test_what_was_not_seen_is_an_error(self):
        _, counts = self.suite("--require-lock=BQL", self.order, expect=BLIND)
        self.assertEqual(counts["error"], 1)
        _, counts = self.suite(self.order, self.path("none"), expect=FAILED)
        self.assertEqual(counts["error"], 1)

    def test_a_file_of_the_gate_that_fails_it_is_a_failure(self):
        known = self.known()
        suite, counts = self.suite("--strict", "--baseline", known, self.order)
        self.assertEqual(counts["failure"], 1)
        self.assertEqual(suite.find(".//failure/..").get("name"), known + ", line 2")

    def test_a_clean_one_is_not_empty(self):
        _, counts = self.suite(self.order, expect=CLEAN)
        self.assertEqual(counts, {"testcase": 1, "failure": 0, "error": 0, "skipped": 0})


class Annotations(Folder):
    COMMAND = re.compile(r"^::(error|warning|notice) title=([^,:]*)"
                         r"(?:,file=([^,:]*)(?:,line=(\d+))?)?::(.*)$")

    def commands(self, *args, expect):
        lines = self.gate("github", *args, expect=expect).splitlines()
        matches = [self.COMMAND.match(line) for line in lines]
        self.assertNotIn(None, matches, lines)
        return [match.groups() for match in matches]

    def test_what_is_new_has_a_line_at_its_source(self):
        ((level, title, file, line, text),) = self.commands(self.inversion, expect=FINDINGS)
        self.assertEqual((level, title), ("error", "potential deadlock%3A first -> second -> first"))
        self.assertRegex(file, r"tests/e2e/sample\.c$")
        self.assertGreater(int(line), 1)
        self.assertIn("%0A", text)

    def test_what_is_known_has_none(self):
        self.assertEqual(self.commands("--baseline", self.known(), self.inversion, expect=CLEAN),
                         [])

    def test_what_is_gone_is_a_warning_at_the_baseline(self):
        ((level, title, file, line, _),) = self.commands("--baseline", self.known(), self.order,
                                                         expect=CLEAN)
        self.assertEqual((level, title, line), ("warning", "deadwatch%3A gone", "2"))
        self.assertEqual(file, self.path("base"))

    def test_who_is_blind_says_so(self):
        ((level, title, *_),) = self.commands("--require-lock=BQL", self.order, expect=BLIND)
        self.assertEqual((level, title), ("error", "deadwatch is blind%3A lock-not-seen"))

    def test_gitlab_gets_entries_with_fingerprints(self):
        (entry,) = json.loads(self.gate("gitlab", self.inversion, expect=FINDINGS))
        self.assertEqual(entry["check_name"], "deadwatch-potential")
        self.assertRegex(entry["fingerprint"], "^[0-9a-f]{16}$")
        self.assertRegex(entry["location"]["path"], r"tests/e2e/sample\.c$")
        self.assertGreater(entry["location"]["lines"]["begin"], 1)
        self.assertEqual(json.loads(self.gate("gitlab", self.order, expect=CLEAN)), [])


class Run(Folder):
    def run_gate(self, what, *args):
        return deadwatch("run", "--gate", *args, "--", SAMPLE, what)

    def test_a_finding_overrides_the_status(self):
        done = self.run_gate("inversion")
        self.assertEqual(done.returncode, GATE_EXIT)
        self.assertEqual(done.stdout, "done\n")
        self.assertIn("new: 1 finding", done.stderr)
        self.assertEqual(self.run_gate("inversion", "--gate-exit=9").returncode, 9)

    def test_what_passes_leaves_the_status(self):
        self.assertEqual(self.run_gate("order").returncode, 0)
        self.assertEqual(self.run_gate("inversion", "--baseline", self.known()).returncode, 0)

    def test_blind_is_not_green_and_does_not_hide_that_the_program_failed(self):
        self.assertEqual(self.run_gate("order", "--require-lock=BQL").returncode, GATE_EXIT)
        self.assertEqual(self.run_gate("nothing").returncode, GATE_EXIT)
        self.assertEqual(self.run_gate("exit").returncode, 7)

    def test_all_processes_are_judged(self):
        done = deadwatch("run", "--gate", "--", "sh", "-c",
                         "'%s' order; '%s' inversion; '%s' inversion" % ((SAMPLE,) * 3))
        self.assertEqual(done.returncode, GATE_EXIT, done.stderr)
        self.assertIn("gate: 3 recordings", done.stderr)
        self.assertIn("found in 2 recordings", done.stderr)

    def test_a_wrong_file_is_known_before_the_program_runs(self):
        done = self.run_gate("order", "--baseline", self.write("base", "junk"))
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))

    def test_where_a_report_cannot_be_written_is_known_before_the_program_runs(self):
        for option in ("--write=json=/nonexistent/report", "--write=json=" + self.folder):
            done = self.run_gate("order", option)
            self.assertEqual((done.returncode, done.stdout), (FAILED, ""))
            self.assertIn("cannot write the report '%s'" % option.split("=")[2], done.stderr)
        done = self.run_gate("order", "--update", "--baseline=/nonexistent/base")
        self.assertEqual((done.returncode, done.stdout), (FAILED, ""))

    def test_a_pipe_that_nobody_reads_from_is_not_waited_for(self):
        os.mkfifo(self.path("pipe"))
        done = self.run_gate("order", "--write=json=" + self.path("pipe"))
        self.assertIn("it is a pipe, and nobody reads from it", done.stderr)
        read_end = os.open(self.path("pipe"), os.O_RDONLY | os.O_NONBLOCK)
        self.assertEqual(self.run_gate("order", "--write=json=" + self.path("pipe")).returncode, 0)
        json.loads(os.read(read_end, 1 << 20))
        os.close(read_end)

    def test_options_of_a_gate_want_one(self):
        for option in ("--baseline=x", "--strict", "--gate-exit=3"):
            self.assertEqual(deadwatch("run", option, "--", "true").returncode, USAGE)
        for status in ("0", "126", "x", ""):
            self.assertEqual(self.run_gate("order", "--gate-exit=" + status).returncode, USAGE)


@unittest.skipUnless(yaml, "python3-yaml is not installed")
class Page(Folder):
    """The jobs of the page, in a project whose tools are stand-ins, but for deadwatch."""

    def steps(self, name):
        with open(CI_PAGE, encoding="utf-8") as file:
            blocks = re.findall(r"^```yaml\n(.*?)^```\n", file.read(), re.M | re.S)
        (text,) = [block for block in blocks if block.startswith("# %s\n" % name)]
        return yaml.safe_load(text)["jobs" if "github" in name else "deadlocks"]

    def project(self, what):
        self.write("bin/meson", "#!/bin/sh\n[ $1 != test ] || exec '%s' %s\n" % (SAMPLE, what),
                   0o755)
        self.write("bin/ninja", "#!/bin/sh\n", 0o755)
        os.symlink(DEADWATCH, self.path("bin/deadwatch"))
        self.write("ci/deadwatch.baseline", "# deadwatch baseline 1\n")
        self.write("ci/deadwatch.supp", "# none\n")

    def shell(self, command, lock):
        """The sample has no BQL."""
        environment = dict(os.environ, PATH=self.path("bin") + ":" + os.environ["PATH"])
        return run("bash", "-e", "-c", command.replace("--require-lock=BQL",
                                                        "--require-lock=" + lock),
                   cwd=self.folder, env=environment)

    def run_github(self, what, lock="first"):
        self.project(what)
        results = {step["name"]: self.shell(step["run"], lock)
                   for step in self.steps(".github/workflows/deadlocks.yml")["deadlocks"]["steps"]
                   if "run" in step}
        return results

    def test_githubs_job_fails_on_what_is_new_and_leaves_its_reports(self):
        results = self.run_github("inversion")
        self.assertEqual(results["Build"].returncode, 0)
        self.assertEqual(results["Test"].returncode, GATE_EXIT, results["Test"].stderr)
        self.assertIn("::error title=potential", results["Show"].stdout)
        (result,) = json.loads(self.read("deadwatch.sarif"))["runs"][0]["results"]
        self.assertEqual(result["ruleId"], "potential")

    def test_githubs_job_passes_where_nothing_is_new(self):
        results = self.run_github("order")
        self.assertEqual([done.returncode for done in results.values()], [0, 0, 0])
        self.assertEqual(json.loads(self.read("deadwatch.sarif"))["runs"][0]["results"], [])

    def test_githubs_job_fails_where_it_is_blind(self):
        results = self.run_github("order", lock="BQL")
        self.assertEqual(results["Test"].returncode, GATE_EXIT)
        self.assertIn("::error title=deadwatch is blind%3A lock-not-seen", results["Show"].stdout)

    def run_gitlab(self, what, lock="first"):
        """The status of each line, and both reports."""
        self.project(what)
        job = self.steps(".gitlab-ci.yml")
        statuses = [self.shell(line, lock).returncode for line in job["script"]]
        reports = job["artifacts"]["reports"]
        return (statuses, json.loads(self.read(reports["codequality"])),
                xml.etree.ElementTree.parse(self.path(reports["junit"])).getroot()[0])

    def test_gitlabs_job_fails_on_what_is_new_and_leaves_its_reports(self):
        statuses, entries, suite = self.run_gitlab("inversion")
        self.assertEqual(statuses, [0, 0, GATE_EXIT])
        self.assertEqual(len(entries), 1)
        self.assertEqual(suite.get("failures"), "1")

    def test_gitlabs_job_passes_where_nothing_is_new(self):
        statuses, entries, suite = self.run_gitlab("order")
        self.assertEqual((statuses, entries), ([0, 0, 0], []))
        self.assertEqual((suite.get("failures"), suite.get("errors")), ("0", "0"))

    def test_gitlabs_job_fails_where_it_is_blind_though_there_is_no_code_to_be_bad(self):
        statuses, entries, suite = self.run_gitlab("order", lock="BQL")
        self.assertEqual((statuses, entries), ([0, 0, GATE_EXIT], []))
        self.assertEqual((suite.get("failures"), suite.get("errors")), ("0", "1"))


if __name__ == "__main__":
    unittest.main()
