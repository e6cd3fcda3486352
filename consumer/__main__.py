"""`python -m consumer`: argv in, exit code out."""

from __future__ import annotations

import io
import logging
import os
import sys

from consumer.cli import main as cli

_BUG = 1
_STDERR = 2


def main() -> None:
    """Run the command line and exit with its code."""
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # As stderr does by default: contracts may have names that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    # The outermost frame: what arrives here is a bug. It is reported by class and place, because the text of a
    # foreign error may quote an event or a secret.
    try:
        cli(prog_name="foundry-consumer")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            raise
        # With a text, which the interpreter would print: an owner's function may have put its event there.
        _report(end)
        sys.exit(_BUG)
    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - one of the three broad ones
        _report(error)
        sys.exit(_BUG)


def _open_closed_streams() -> None:
    """Reopen standard streams that are closed: else a connection would get such a number, and the log's lines."""
    number = 0
    while number <= _STDERR:
        number = os.open(os.devnull, os.O_RDWR)  # the lowest that is free
    os.close(number)
    for name, number in (("stdout", 1), ("stderr", _STDERR)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))


def _report(error: BaseException) -> None:
    from consumer.telemetry.log import causes  # noqa: PLC0415 - `--help` must not wait for it

    if logging.root.handlers:
        logging.getLogger("consumer").critical("stopped by a bug", exc_info=error)
        return
    sys.stderr.write("error: this is a bug, please report it\n")
    for text in causes(error):
        sys.stderr.write(f"  {text}\n")


if __name__ == "__main__":
    main()
