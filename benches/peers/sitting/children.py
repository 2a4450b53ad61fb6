"""Processes that end when this one does, however it does."""

import os
import shutil
import signal
import subprocess


class Children:
    """Starts programs, all in one process group, whose leader waits for the end of this process and then ends them.

    The leader reads from a pipe that nobody writes to: it is closed when this process is gone, also where nothing of it runs any
    more. It takes the scratch directory with it too.
    """

    def __init__(self, scratch):
        self.scratch = scratch

    def __enter__(self):
        end, self.pipe = os.pipe()
        self.leader = os.fork()
        if self.leader == 0:
            lead(end, self.pipe, self.scratch)
        os.close(end)
        try:
            os.setpgid(self.leader, self.leader)
        except OSError:
            # It has done so itself.
            pass
        return self

    def __exit__(self, *_):
        os.close(self.pipe)
        os.waitpid(self.leader, 0)

    def run(self, command, timeout=None, **options):
        """What the program writes. A failure is a `RuntimeError` that says which program, and how."""
        command = [str(part) for part in command]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=lambda: os.setpgid(0, self.leader), **options
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"`{os.path.basename(command[0])}` has not ended within {timeout} s") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            process.stdout.close()
        if process.returncode:
            raise RuntimeError(f"`{os.path.basename(command[0])}` has ended with {ending(process.returncode)}")
        return output


def lead(end, pipe, scratch):
    """What the leader does; it does not return."""
    try:
        os.setpgid(0, 0)
        os.close(pipe)
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        os.read(end, 1)
        # Whoever still writes there goes before the directory does, and this process last.
        for process in group():
            os.kill(process, signal.SIGKILL)
        shutil.rmtree(scratch, ignore_errors=True)
    finally:
        os.killpg(0, signal.SIGKILL)


def group():
    """The other processes of this one's group."""
    own = os.getpgid(0)
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if os.getpgid(int(entry)) == own:
                    yield int(entry)
            except ProcessLookupError:
                pass


def ending(code):
    return f"status {code}" if code > 0 else signal.Signals(-code).name
