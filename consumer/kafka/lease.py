"""Until when this membership is certain: no other member can have got its partitions."""

from __future__ import annotations

import math


class Lease:
    """Renewed by each heartbeat or sync that the coordinator answered without an error. Times are `Clock` seconds."""

    def __init__(self, length: float) -> None:
        self._length = length
        self.until = -math.inf

    def renew(self, sent_at: float) -> None:
        # From the sending, not from the answer, which may be read long after the coordinator wrote it.
        self.until = max(self.until, sent_at + self._length)

    def end(self) -> None:
        self.until = -math.inf
