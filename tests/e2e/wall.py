"""The service on a machine whose wall clock is set by some hours at SIGUSR1: `python -m tests.e2e.wall HOURS run ...`."""

from __future__ import annotations

import signal
import sys
import time


def run() -> None:
    """As the service's own; whoever asks for the time of day is told another one from the signal on."""
    hours, offset, real, real_ns = float(sys.argv.pop(1)), [0.0], time.time, time.time_ns

    def jump(*_: object) -> None:
        offset[0] = hours * 3600

    vars(time)["time"] = lambda: real() + offset[0]
    # From Python 3.13 on the log asks for this one.
    vars(time)["time_ns"] = lambda: real_ns() + int(offset[0] * 1e9)
    signal.signal(signal.SIGUSR1, jump)
    # Not before: default arguments keep the function that they find.
    from consumer.__main__ import main  # noqa: PLC0415 - see above

    main()


if __name__ == "__main__":
    run()
