"""One partition during one session: what is settled, what is claimed, and whether it is still ours."""

from __future__ import annotations

from collections.abc import Collection

from consumer.model import Partition
from consumer.state.ledger import Ledger
from consumer.store import Session


class Claim:
    """The claim for some records of one partition, made together and answered together."""

    __slots__ = ("answered", "durable")

    def __init__(self, *, durable: bool = False) -> None:
        self.durable = durable
        self.answered = durable

    def answer(self, *, durable: bool) -> None:
        """The commit that carries it was answered, or never will be."""
        self.durable = durable
        self.answered = True


class Tenure:
    """Ends with the session: what finishes later is settled here, where nothing is committed any more.

    Times are seconds of the event loop's clock.
    """

    topic_id: str | None = None
    """The id of the topic that had this name when the session began; None: the broker does not say."""

    handed_over: bool = False
    """The last acknowledged commit said that the partition was drained."""

    again: bool = False
    """The last commit was not stored and has to be tried again."""

    refused: str | None = None
    """Why the broker refuses its commits: until one is stored, it is not read and nothing new of it is sent."""

    refused_until: float = 0.0
    """When the next commit may be tried."""

    def __init__(
        self,
        partition: Partition,
        session: Session,
        ledger: Ledger,
        *,
        now: float,
        suspects_until: float,
    ) -> None:
        self.partition = partition
        self.session = session
        self.ledger = ledger
        self.suspects_until = suspects_until
        """Until then a request of the former owner may still take effect."""
        self.ending = False
        """Nothing more of it is sent: it is being drained, or lost."""
        self.over = False
        """The drain is over too: not even partly applied records go on."""
        self.lost = False
        """It is no longer ours: nothing is committed."""
        self.held: str | None = None
        """Why it stands still until a person acts: it is neither read nor committed."""
        self.letters_failing: dict[int, str] = {}
        """Offsets whose letters the dead-letter topic does not take now, and why. Meanwhile nothing more is read."""
        self.unread: dict[int, str] = {}
        """Offsets that may have been applied and cannot be read back, and why. Only their lanes wait."""
        self.changes = 0
        """Grows with everything that there is to commit."""
        self.saved = -1
        """`changes` as of the last acknowledged commit."""
        self.acknowledged = now
        """When the last commit began after which nothing was left to commit."""
        self.lane_held_until = 0.0
        """Until then at least one of its lanes waits: a request without an answer may still take effect."""
        self.all_held_until = 0.0
        """Until then all its lanes wait: what the former owner sent may take effect in one of them, and nobody knows which."""
        self.claims: list[Claim] = []
        """Claims that wait for a commit to carry them."""

    def settled(self, offset: int) -> None:
        """The record at this offset is done, for good."""
        self.all_settled((offset,))

    def all_settled(self, offsets: Collection[int]) -> None:
        """As `settled`, for the records at these offsets."""
        self.ledger.all_done(offsets)
        self.changes += len(offsets)

    def claim(self, offsets: list[int]) -> Claim:
        """Put a claim for these offsets into the next commit."""
        claim = Claim()
        for offset in offsets:
            self.ledger.claim(offset)
        self.claims.append(claim)
        self.changes += 1
        return claim

    def release(self, offset: int) -> None:
        """The claimed action was certainly not executed: the next commit drops the claim."""
        self.ledger.release(offset)
        self.changes += 1

    def hold_all(self) -> None:
        """Let each lane wait for as long as what the former owner sent may still take effect."""
        self.all_held_until = self.suspects_until

    def end(self, *, lost: bool = False) -> None:
        """Send nothing more; claims that still wait will never be durable."""
        self.ending = True
        self.lost = self.lost or lost
        for claim in self.claims:
            claim.answer(durable=False)
        self.claims.clear()

    @property
    def waits_for_letter(self) -> str | None:
        """The first letter that is not taken, why, and how many more there are; None: there is none."""
        if not self.letters_failing:
            return None
        offset = min(self.letters_failing)
        more = len(self.letters_failing) - 1
        others = f" (nor can those for {more} more)" if more else ""
        return (
            f"letter for offset {offset} cannot be written{others}: {self.letters_failing[offset]}"
        )

    @property
    def waits_for_read(self) -> str | None:
        """The first offset that may have been applied and cannot be read back, and what to do; None: there is none."""
        if not self.unread:
            return None
        offset = min(self.unread)
        return (
            f"offset {offset} may have been applied, and reading it back fails: {self.unread[offset]};"
            " fix that, or skip the offset, which leaves a letter `unknown`"
        )

    @property
    def readable(self) -> bool:
        """True: more records of it may be taken in."""
        if self.refused is not None:
            return False
        return not (self.ending or self.held or self.letters_failing) and self.ledger.room > 0
