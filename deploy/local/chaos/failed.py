"""The harness's own error."""

from __future__ import annotations


class ChaosFailed(Exception):  # a command's own error, outside the service's tree
    """A scenario cannot be played at all; the message says why."""


class NotPlayable(ChaosFailed):
    """These contracts, or this machine, lack what one scenario needs; the others can be played."""
