"""Defects to seed: one change of the service's source each, which the scenario beside it has to catch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import consumer
from deploy.local.chaos.failed import ChaosFailed

PACKAGE = Path(consumer.__file__).parent


@dataclass(frozen=True, slots=True)
class Defect:
    """Written down as text, so that it rots loudly: `old` must stand in `file` exactly once."""

    name: str
    file: str
    """Below the package."""
    old: str
    new: str
    suffers: str
    """What a user would."""

    def copy_to(self, folder: Path) -> Path:
        """A folder with the package as it would be with this defect.

        Raises:
            ChaosFailed: the old text is not there, or more than once.
        """
        copied = folder / f"with-{self.name}"
        shutil.copytree(PACKAGE, copied / "consumer", ignore=shutil.ignore_patterns("__pycache__"))
        path = copied / "consumer" / self.file
        source = path.read_text()
        found = source.count(self.old)
        if found != 1:
            raise ChaosFailed(f"{self.name}: its old text stands {found} times in {self.file}")
        path.write_text(source.replace(self.old, self.new))
        return copied


COMMIT_EARLY = Defect(
    "commit-early",
    "state/ledger.py",
    "        if self.unsettled:\n            index = self._watermark",
    "        if self.unsettled < 0:\n            index = self._watermark",
    "what was on its way when the process died is lost",
)
DONE_LEFT_OUT = Defect(
    "done-left-out",
    "commits.py",
    "snapshot.done, snapshot.claims, drained=",
    "0, snapshot.claims, drained=",
    "each deployment repeats what was done behind a slow record",
)
CLAIMS_FORGOTTEN = Defect(
    "claims-forgotten",
    "intake.py",
    "        if standing is _SUSPECT and prepared.repeat.claimed:\n            prepared.suspect = True\n",
    "        if standing is _SUSPECT and prepared.repeat.claimed:\n",
    "a payment is made twice when its process stood still",
)
SENT_AGAIN = Defect(
    "sent-again",
    "recover.py",
    "        if first.repeat.claimed:\n            self._suspect(",
    "        if first.suspect:\n            self._suspect(",
    "a payment is made twice when an answer does not come",
)
PAGE_IS_SUCCESS = Defect(
    "page-is-success",
    "foundry/classify.py",
    "    if not reply.json_typed:\n",
    "    if reply.status == 0:\n",
    "a login page swallows all records, and everything looks well",
)
LETTER_UNACKNOWLEDGED = Defect(
    "letter-unacknowledged",
    "bury.py",
    "            written = await self._write(letter, tenure)\n",
    "            burial.settle()\n            burial = replace(burial, settle=bool, leave=bool)\n"
    "            written = await self._write(letter, tenure)\n",
    "a letter that the topic did not take is lost at the next restart",
)
LANE_OVERTAKEN = Defect(
    "lane-overtaken",
    "state/lanes.py",
    "        heapq.heappush(self._later, (when, next(self._ticks), prepared))\n",
    "        heapq.heappush(self._later, (when, next(self._ticks), prepared))\n"
    "        if behind := self._behind.get(prepared.lane):\n"
    "            self.ready(behind.popleft())\n",
    "an older value is written over a newer one while the first is tried again",
)
LANE_AT_ONCE = Defect(
    "lane-at-once",
    "state/lanes.py",
    "            self._behind[lane] = deque((prepared,))\n",
    "            self.ready(prepared)\n",
    "events of one key overtake each other",
)
THROTTLED_IS_REFUSED = Defect(
    "throttled-is-refused",
    "foundry/verdicts.py",
    "    429: OVERLOADED,\n",
    "    429: REFUSED,\n",
    "a busy Foundry turns good records into letters",
)
COMMIT_BY_WALL_CLOCK = Defect(
    "commit-by-wall-clock",
    "commits.py",
    "            async with asyncio.timeout(max(0.0, self._interval - self._pause)):\n",
    '            clock = __import__("time").time\n'
    '            self._due = max(getattr(self, "_due", 0.0), clock()) + self._interval\n'
    "            async with asyncio.timeout(max(0.0, self._due - self._interval * 0.5 - clock())):\n",
    "after the clock was set back nothing is committed for an hour",
)
TOKEN_EACH = Defect(
    "token-each",
    "foundry/tokens.py",
    "        if fetch is not None and not fetch.done():\n            return fetch\n",
    "",
    "the token endpoint throttles the application when a token dies",
)
