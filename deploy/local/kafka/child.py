"""A process that does not outlive its parent, however the parent ends."""

from __future__ import annotations

import contextlib
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

# Its standard input is a pipe that only the parent holds: a line means "not needed any more", the end of the file means
# that the parent is gone, SIGKILL included. Works on Linux and macOS alike.
WATCHER = 'if read -r _; then exit 0; fi; kill -KILL "$1" 2>/dev/null'


class Child:
    """A running process with its watcher; `folder` is where it runs, by default where this one does."""

    def __init__(self, command: Sequence[str], output: Path, folder: Path | None = None) -> None:
        with output.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - the command is this package's own
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,  # a Ctrl-C in the terminal is for the parent alone
            )
        self._watcher = subprocess.Popen(  # noqa: S603 - a constant script and a process id
            ["/bin/sh", "-c", WATCHER, "sh", str(self.process.pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def terminate(self, timeout: float) -> None:
        """SIGTERM, and SIGKILL after `timeout` seconds; returns when it is gone."""
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self._reap()

    def kill(self) -> None:
        """SIGKILL; returns when it is gone."""
        self.process.kill()
        self._reap()

    def _reap(self) -> None:
        # The watcher first: once the process is reaped its id may be another's.
        with contextlib.suppress(BrokenPipeError):  # somebody ended the watcher: nothing to tell it
            self._watcher.communicate(b"done\n")
        self.process.wait()
