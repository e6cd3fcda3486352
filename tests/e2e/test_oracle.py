"""The oracle finds each broken promise: a run in which one is broken on purpose, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.e2e.jobs import Published, job
from tests.e2e.oracle import Effect, Evidence, Kill, Letter, Stored, Toll, judge

SAFE = Published(0, 0, job("a", "safe", "lane"))
NEVER = Published(0, 1, job("b", "never", "lane"))
BAD = Published(0, 2, job("c", "safe", "lane", expect="rejected"))
NOISE = Published(0, 3, job("d", "noise", "lane", expect="ignored"))


def _letter(published: Published, reason: str, time: float = 3.0) -> Letter:
    each = published.job
    place = (published.partition, published.offset)
    headers = (*each.headers, ("dlq.reason", reason.encode()))
    return Letter(time, place, reason, each.key, each.value, headers)


GOOD = Evidence(
    published=(SAFE, NEVER, BAD, NOISE),
    effects=(Effect(1, 1.0, "a"), Effect(2, 2.0, "b")),
    letters=(_letter(BAD, "rejected"),),
    stored=(Stored(1.5, 0, 0, done=0b1001), Stored(3.5, 0, 4)),
)


def _more(*effects: Effect) -> Callable[[Evidence], Evidence]:
    return lambda run: replace(run, effects=(*run.effects, *effects))


BREACHES: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "an effect is missing": ("lost", lambda run: replace(run, effects=run.effects[1:], stored=())),
    "a letter is missing": ("lost", lambda run: replace(run, letters=(), stored=())),
    "never twice": ("twice", _more(Effect(3, 4.0, "b"))),
    "safe twice without a kill": ("unexcused", _more(Effect(3, 4.0, "a"))),
    "the later one first": (
        "overtaken",
        lambda run: replace(run, effects=(Effect(1, 1.0, "b"), Effect(2, 1.2, "a")), stored=()),
    ),
    "committed before its effect": (
        "early",
        lambda run: replace(run, stored=(Stored(0.5, 0, 1), *run.stored)),
    ),
    "called done before its letter": (
        "early",
        lambda run: replace(run, stored=(Stored(2.5, 0, 0, done=0b100), *run.stored)),
    ),
    "an effect from nowhere": ("astray", _more(Effect(3, 4.0, "z"))),
    "applied, and to be a letter": ("astray", _more(Effect(3, 4.0, "c"))),
    "applied, and to be ignored": ("astray", _more(Effect(3, 4.0, "d"))),
    "a letter for another reason": (
        "astray",
        lambda run: replace(run, letters=(_letter(BAD, "invalid"),)),
    ),
    "a letter of what was applied": (
        "astray",
        lambda run: replace(run, letters=(*run.letters, _letter(SAFE, "exhausted"))),
    ),
    "unknown, and no harm in sending it again": (
        "astray",
        lambda run: replace(run, letters=(*run.letters, _letter(SAFE, "unknown"))),
    ),
    "another value": (
        "altered",
        lambda run: replace(run, letters=(replace(run.letters[0], value=b""),)),
    ),
    "a header is gone": (
        "altered",
        lambda run: replace(run, letters=(replace(run.letters[0], headers=()),)),
    ),
}


def test_a_run_that_kept_all_promises_has_none_broken() -> None:
    verdict = judge(GOOD)

    assert not verdict.broken
    assert (verdict.applied, verdict.lettered, verdict.ignored) == (2, 1, 1)
    assert (verdict.resent, verdict.reasons) == ({}, {"rejected": 1})


@pytest.mark.parametrize("breach", BREACHES)
def test_a_broken_promise_is_found(breach: str) -> None:
    promise, break_ = BREACHES[breach]

    assert promise in judge(break_(GOOD)).broken


def test_unknown_is_no_loss_of_what_must_not_be_repeated() -> None:
    run = replace(
        GOOD, effects=GOOD.effects[:1], letters=(*GOOD.letters, _letter(NEVER, "unknown"))
    )

    assert not judge(run).broken


def test_a_kill_excuses_only_what_the_store_did_not_call_done() -> None:
    again = _more(Effect(3, 4.0, "a"))(GOOD)
    kill = Kill(3.0, {0: Stored(3.2, 0, 0)}, in_flight=2)

    excused = judge(replace(again, kills=(kill,)))
    not_excused = judge(replace(again, kills=(replace(kill, stored={0: Stored(3.2, 0, 1)}),)))
    too_old = judge(replace(again, kills=(kill,), resend_window=1.0))

    assert not excused.broken
    assert excused.tolls == [Toll(in_flight=2, uncommitted=2, resent=1)]
    assert not_excused.broken.keys() == too_old.broken.keys() == {"unexcused"}


def test_a_letter_that_stands_twice_is_told() -> None:
    run = replace(GOOD, letters=(*GOOD.letters, *GOOD.letters))

    assert judge(run).repeated_letters
