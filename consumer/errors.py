"""The error tree. Two failures only: the record's fault, or the world's.

    ConsumerError
    ├── Rejected       the record's fault: a dead letter, and on with the next one
    ├── Unavailable    the world's fault: wait, and try again
    │   └── LetterTooLarge  a letter's topic will not take it as it is
    ├── ContractError  a contract is written wrongly: refused at import
    ├── SettingsError  a setting is missing or wrong: refused at the start
    ├── StartRefused   a topic or a grant that the service needs is not there
    └── SkipRefused    an operator's skip names nothing that may be skipped
        └── NotAssigned    this process does not have the partition

Anything else that is raised is a bug.
"""

from __future__ import annotations

from typing import Final, Literal

Reason = Literal[
    "unreadable",
    "undecodable",
    "unknown_type",
    "invalid",
    "unauthorised",
    "unmappable",
    "rejected",
    "unknown",
    "exhausted",
    "skipped",
    "internal",
]
"""Why a record became a dead letter: a closed set, published in letters and metrics."""

GateReason = Literal[
    "token",
    "forbidden",
    "missing_action",
    "missing_ontology",
    "misconfigured",
    "overloaded",
    "failing",
    "timeouts",
    "unreachable",
    "wrong_host",
    "redirected",
    "not_foundry",
    "letters_failing",
    "letter_budget",
    "operator",
]
"""Why the gate is closed: a closed set, published in the log and in metrics."""


RAISED_BY_OWNERS: Final = (Exception, SystemExit)
"""What owners' functions may raise. One that calls `sys.exit` would otherwise end the service, after each restart again."""


class ConsumerError(Exception):
    """All errors that this package raises on purpose."""


class Rejected(ConsumerError):
    """The record's fault. `detail` contains no field value of the event."""

    def __init__(self, reason: Reason, detail: str, *, stage: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.stage = stage
        # Set by the pipeline once the envelope could be read.
        self.event_id: str | None = None
        self.event_type: str | None = None


class Unavailable(ConsumerError):
    """The world's fault: wait as long as you see fit, then try again."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class LetterTooLarge(Unavailable):
    """A letter is refused for its size, even without its details. An operator may give up its content."""


class ContractError(ConsumerError):
    """A contract is written wrongly; the message names file, name and remedy."""


class SettingsError(ConsumerError):
    """A setting is missing or wrong; the message names each one, never a value of a secret."""


class StartRefused(ConsumerError):
    """Something outside the service that it cannot run without is missing; the message gives the remedy."""


class SkipRefused(ConsumerError):
    """Nothing was skipped; the message says why, and what would work."""


class NotAssigned(SkipRefused):
    """The partition is not assigned to this process: another member may have it, or nobody."""
