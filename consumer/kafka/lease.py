"""Until when this membership is certain."""

from __future__ import annotations

import math


class Lease:
    """Renewed by the *send* time of what the coordinator answered without an error; times are the clock's."""

    def __init__(self, length: float) -> None:
        self._length = length
        self.until = -math.inf

    def renew(self, sent_at: float) -> None:
        # From the sending, not from the answer: an answer may be read long after the coordinator wrote it.
        self.until = max(self.until, sent_at + self._length)

    def end(self) -> None:
        self.until = -math.inf
