"""What is received, claimed and done in one partition, during one session."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import Final

from consumer.state.offset_codec import MAX_SPAN, Known


class Standing(Enum):
    """What is known of an offset when its record arrives."""

    NEW = "new"
    DONE = "done"
    """Settled by a former owner: skip it."""
    SUSPECT = "suspect"
    """Claimed by a former owner and not done: it may have been applied."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a commit says about a partition; bit i of a bitmap stands for `offset + i`."""

    offset: int
    done: int
    claims: int


# One byte per offset, from `_origin` on. Below `position` it is the state in this session; from there on, what
# a former owner left. Offsets between the last byte and `position` do not exist: they count as done.
_UNDONE: Final = 0
_DONE: Final = 1
_CLAIMED: Final = 2

_DONE_DIGITS = bytes.maketrans(bytes([_UNDONE, _DONE, _CLAIMED]), b"010")
_CLAIM_DIGITS = bytes.maketrans(bytes([_UNDONE, _DONE, _CLAIMED]), b"001")
_FROM_DIGITS = bytes.maketrans(b"01", bytes([_UNDONE, _DONE]))
_JUMPED_OVER = bytes.maketrans(bytes([_UNDONE]), bytes([_DONE]))

_TRIM_AT: Final = 4_096
"""Settled bytes that may gather at the front before they are cut off."""

# Looking up a member on an Enum class would cost more than the rest of `receive`.
_NEW, _ALREADY_DONE, _SUSPECT = Standing.NEW, Standing.DONE, Standing.SUSPECT


class Ledger:
    """Amortised O(1) per record; `snapshot` is O(span).

    The watermark never passes an offset that is not done, and no snapshot is wider than `MAX_SPAN`.
    """

    __slots__ = (
        "_claims",
        "_gone",
        "_limit",
        "_max_span",
        "_origin",
        "_states",
        "_watermark",
        "position",
        "unsettled",
    )

    def __init__(self, offset: int, known: Known | None = None, *, max_span: int) -> None:
        """`offset` is the committed one, the next to receive; `known` what stood beside it.

        Raises:
            ValueError: `max_span` is not in 1..`MAX_SPAN`: a snapshot might not fit.
        """
        if not 1 <= max_span <= MAX_SPAN:
            raise ValueError(f"max_span {max_span} is not in 1..{MAX_SPAN}")
        self.position = offset
        """The next offset to be received."""
        self.unsettled = 0
        """Records that are received and not done, and suspects that are gone from the log and not done."""
        self._watermark = self._origin = offset
        self._max_span = max_span
        self._limit = offset + max_span
        self._states = _inherited(known) if known else bytearray()
        self._claims = self._states.count(_CLAIMED)
        self._gone: set[int] = set()

    @property
    def watermark(self) -> int:
        """Everything before it is done."""
        return self._watermark

    @property
    def span(self) -> int:
        """Offsets from the watermark to the position."""
        return self.position - self._watermark

    @property
    def room(self) -> int:
        """How many more offsets may be received."""
        return max(0, self._limit - self.position)

    def fits(self, offset: int) -> bool:
        """Whether `receive(offset)` stays within the span.

        A jump (compaction) may be of any length, unless something before it is undone: then whoever read the
        record has to hold it back. `skip_to(offset)` may be called all the same, and returns the suspects.
        """
        if offset < self._limit:
            return True
        if self.unsettled:
            return False
        suspects = self._suspects(offset)
        return not suspects or offset - suspects[0] < self._max_span

    def receive(self, offset: int) -> Standing:
        """The record of `offset` has arrived; offsets that were jumped over do not exist.

        Raises:
            ValueError: received before, or it does not fit: then it and all after it have to wait.
        """
        if offset != self.position:
            if offset < self.position:
                raise ValueError(f"offset {offset} again, the next is {self.position}")
            self.skip_to(offset)
        if offset >= self._limit:
            raise ValueError(f"offset {offset} is beyond the span that begins at {self._watermark}")
        self.position = offset + 1
        states = self._states
        index = offset - self._origin
        if index < len(states):
            return self._recall(index)
        if index > len(states):
            states.extend(bytes([_DONE]) * (index - len(states)))
        states.append(_UNDONE)
        self.unsettled += 1
        return _NEW

    def skip_to(self, offset: int) -> list[int]:
        """The log has nothing before `offset`: what was not received there counts as done.

        Except inherited claims: they stay undone until `done` is called. Returns those that this call moves
        past, so that each is reported once. An offset below the position changes nothing.
        """
        if offset <= self.position:
            return []
        suspects = self._suspects(offset)
        self._gone.update(suspects)
        self.unsettled += len(suspects)
        jumped = slice(self.position - self._origin, offset - self._origin)
        self._states[jumped] = self._states[jumped].translate(_JUMPED_OVER)
        self.position = offset
        self._advance()
        return suspects

    def done(self, offset: int) -> None:
        """It is settled for good, and its claim ends.

        Raises:
            ValueError: never received, or done before.
        """
        self.all_done((offset,))

    def all_done(self, offsets: Collection[int]) -> None:
        """As `done` for each in turn, but the watermark moves only once, since that is the costly part.

        Raises:
            ValueError: one was never received, or done before; those before it are done.
        """
        states, origin = self._states, self._origin
        end = min(len(states), self.position - origin)
        for offset in offsets:
            index = offset - origin
            if not 0 <= index < end or states[index] == _DONE:
                raise self._not_open(offset)
            if states[index] == _CLAIMED:
                self._claims -= 1
                self._gone.discard(offset)
            states[index] = _DONE
            self.unsettled -= 1
        if self._watermark in offsets:
            self._advance()

    def claim(self, offset: int) -> None:
        """From the next snapshot on, this offset's action may be on its way.

        Raises:
            ValueError: never received, or done.
        """
        index = self._undone(offset)
        if self._states[index] != _CLAIMED:
            self._states[index] = _CLAIMED
            self._claims += 1

    def release(self, offset: int) -> None:
        """Its action was certainly not executed: its claim ends, if there is one.

        Raises:
            ValueError: never received, done, or gone from the log (nobody can be certain of that one).
        """
        index = self._undone(offset)
        if offset in self._gone:
            raise ValueError(
                f"offset {offset} is gone from the log: its claim ends when it is done"
            )
        if self._states[index] == _CLAIMED:
            self._states[index] = _UNDONE
            self._claims -= 1

    def claimed(self, offset: int) -> bool:
        """Whether the next snapshot carries its claim."""
        index = offset - self._origin
        return 0 <= index < len(self._states) and self._states[index] == _CLAIMED

    def snapshot(self) -> Snapshot:
        """The whole state at once: nothing that is done or claimed is ever left out."""
        reversed_states = self._states[self._watermark - self._origin :][::-1]
        if not reversed_states:
            return Snapshot(self._watermark, 0, 0)
        done = int(reversed_states.translate(_DONE_DIGITS), 2)
        claims = int(reversed_states.translate(_CLAIM_DIGITS), 2) if self._claims else 0
        return Snapshot(self._watermark, done, claims)

    def _recall(self, index: int) -> Standing:
        """The standing of an offset for which, or beyond which, a former owner left something."""
        state = self._states[index]
        if state == _DONE:
            if not self.unsettled:
                self._advance()
            return _ALREADY_DONE
        self.unsettled += 1
        return _SUSPECT if state == _CLAIMED else _NEW

    def _undone(self, offset: int) -> int:
        index = offset - self._origin
        if not 0 <= index < len(self._states) or offset >= self.position:
            raise self._not_open(offset)
        if self._states[index] == _DONE:
            raise self._not_open(offset)
        return index

    def _not_open(self, offset: int) -> ValueError:
        if offset >= self.position:
            return ValueError(f"offset {offset} was never received, the next is {self.position}")
        return ValueError(f"offset {offset} is done, or was never there")

    def _suspects(self, end: int) -> list[int]:
        """Inherited claims from the position up to `end`."""
        if not self._claims:
            return []
        found = []
        stop = end - self._origin
        index = self._states.find(_CLAIMED, self.position - self._origin, stop)
        while index >= 0:
            found.append(self._origin + index)
            index = self._states.find(_CLAIMED, index + 1, stop)
        return found

    def _advance(self) -> None:
        """Move the watermark to the first undone offset, or to the position."""
        states = self._states
        if self.unsettled:
            index = self._watermark - self._origin
            while states[index] == _DONE:
                index += 1
            watermark = self._origin + index
        else:
            watermark = self.position
            index = watermark - self._origin
        self._watermark = watermark
        self._limit = watermark + self._max_span
        if index >= _TRIM_AT:
            del states[:index]
            self._origin = watermark


def _inherited(known: Known) -> bytearray:
    """One byte per offset; one that is both done and claimed is done."""
    width = max(known.done.bit_length(), known.claims.bit_length())
    states = bytearray(f"{known.done:0{width}b}".encode().translate(_FROM_DIGITS)[::-1])
    claims = f"{known.claims & ~known.done:b}"[::-1]
    index = claims.find("1")
    while index >= 0:
        states[index] = _CLAIMED
        index = claims.find("1", index + 1)
    return states
