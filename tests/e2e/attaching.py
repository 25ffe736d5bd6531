# SPDX-License-Identifier: GPL-2.0-or-later
"""Where nobody may attach to a process, tests of attaching cannot run."""
import subprocess
import sys

SKIPPED = 77  # meson's exit code for a test that cannot run here
FAILED = 4  # deadwatch's, here because it was not let
TIMEOUT_S = 240


def skip_if_forbidden(deadwatch):
    """Ends this process as a test that was skipped, if attaching fails."""
    with subprocess.Popen(["sleep", "30"]) as sleeper:
        tried = subprocess.run([deadwatch, "attach", "--duration", "0.1", str(sleeper.pid)],
                               capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        sleeper.kill()
    if tried.returncode == FAILED:
        print(tried.stderr.strip())
        sys.exit(SKIPPED)
