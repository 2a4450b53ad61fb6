"""Programs that are started end with whoever started them."""

import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import unittest

from .children import Children

# Starts a program that starts another one, says which, and waits for both.
STARTER = """
import sys
from sitting.children import Children
with Children(sys.argv[1]) as children:
    children.run(["sh", "-c", "sleep 600 & echo $! >&2; echo $$ >&2; wait"])
"""


def has_ended(process):
    """Waits until it has: what it held is closed a little earlier."""
    return bool(select.select([process], [], [], 30)[0])


class Endings(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.mkdtemp()

    def test_what_a_program_writes_is_answered(self):
        with Children(self.scratch) as children:
            self.assertEqual(children.run(["echo", "told"]), b"told\n")
        self.assertFalse(os.path.exists(self.scratch))

    def test_a_failure_says_which_program_and_how(self):
        with Children(self.scratch) as children:
            with self.assertRaisesRegex(RuntimeError, "`sh` has ended with status 3"):
                children.run(["sh", "-c", "exit 3"])
            with self.assertRaisesRegex(RuntimeError, "`sh` has ended with SIGKILL"):
                children.run(["sh", "-c", "kill -9 $$"])
            with self.assertRaisesRegex(RuntimeError, "`sleep` has not ended within 0.01 s"):
                children.run(["sleep", "600"], timeout=0.01)
            with self.assertRaises(FileNotFoundError):
                children.run(["/no/such/program"])

    def test_nothing_is_left_of_a_sitting_that_is_killed(self):
        for kind in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            scratch = tempfile.mkdtemp()
            command = [sys.executable, "-c", STARTER, scratch]
            root = pathlib.Path(__file__).parent.parent
            with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as starter:
                started = [os.pidfd_open(int(starter.stderr.readline())) for _ in range(2)]
                starter.send_signal(kind)
                # Closed when the last of those that hold it has ended: both programs, the starter and their leader.
                starter.stderr.read()
            self.assertTrue(all(map(has_ended, started)), kind)
            for process in started:
                os.close(process)
            self.assertFalse(os.path.exists(scratch), kind)


if __name__ == "__main__":
    unittest.main()
