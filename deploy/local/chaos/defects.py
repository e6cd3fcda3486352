"""Defects to seed: one change of the service's source each, which the scenario beside it has to catch."""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.chaos.patches import Patch


@dataclass(frozen=True, slots=True)
class Defect:
    """As text: see `Patch`."""

    name: str
    file: str
    old: str
    new: str
    suffers: str
    """What a user would."""

    @property
    def patch(self) -> Patch:
        return Patch(self.file, self.old, self.new)


COMMIT_EARLY = Defect(
    "commit-early",
    "state/ledger.py",
    "        if self.unsettled:\n            index = self._watermark",
    "        if self.unsettled < 0:\n            index = self._watermark",
    "what was on its way when the process died is lost",
)
LEASE_FORGOTTEN = Defect(
    "lease-forgotten",
    "send.py",
    "            if not self._certain() or any(self._commits.stale(tenure, now) for tenure in tenures):\n",
    "            if any(tenure.lost for tenure in tenures):\n",
    "a payment is made twice when its process stood still just before it was sent",
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
    "            prepared.suspect = True\n            prepared.not_before",
    "            prepared.not_before",
    "a payment is made twice when its process stood still",
)
SENT_AGAIN = Defect(
    "sent-again",
    "recover.py",
    "        if first.repeat.claimed:\n            self.suspects.suspect(",
    "        if first.suspect:\n            self.suspects.suspect(",
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
BATCH_CONDEMNED = Defect(
    "batch-condemned",
    "recover.py",
    "            await self._halve(entries)\n\n    async",
    "            for entry in entries:\n"
    '                self._bury.entry(entry, "rejected", _said(answer), answer=answer)\n\n'
    "    async",
    "one bad record takes nineteen good ones with it",
)
LANE_FORGOTTEN = Defect(
    "lane-forgotten",
    "pipeline.py",
    "                lane_of(record, event, route),\n",
    "                None,\n",
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
    "        if self._pause:\n            await asyncio.sleep(self._pause)\n",
    '        clock = __import__("time").time\n'
    '        while clock() < getattr(self, "_not_before", 0.0):\n'
    "            await asyncio.sleep(0.05)\n"
    "        self._not_before = clock() + 0.05\n",
    "after the clock was set back nothing is committed for an hour",
)
TOKEN_EACH = Defect(
    "token-each",
    "foundry/tokens.py",
    "        if fetch is not None and not fetch.done():\n            return fetch\n",
    "",
    "the token endpoint throttles the application when a token dies",
)
BUDGET_IGNORED = Defect(
    "budget-ignored",
    "state/budget.py",
    "        if self._level < _PARTS:\n            return False\n",
    "        if self._level < -(10**18):\n            return False\n",
    "a bad deploy of a publisher turns a day's events into letters",
)
TASKS_LEFT = Defect(
    "tasks-left",
    "send.py",
    "        return await self._pacer.send(request)\n",
    '        left = self.__dict__.setdefault("left", [])\n'
    "        left.append(asyncio.ensure_future(asyncio.Event().wait()))\n"
    "        return await self._pacer.send(request)\n",
    "the service grows until it is killed for it",
)
