"""The watch: sums for dashboards, a line for each letter and change of state, nothing of the events."""

from __future__ import annotations

from typing import get_args

from consumer.errors import Reason
from consumer.model import Letter, Partition
from consumer.outcomes import Answer
from consumer.ports import Watch
from consumer.store import CommitResult
from consumer.telemetry import Sums, Telemetry
from tests.telemetry.values import TIMEOUT, logged, prepared, record

HERE = Partition("tickets", 3)


class Time:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def watched() -> tuple[Telemetry, Time]:
    time = Time()
    return Telemetry(Sums(topics=["tickets"], actions=["create-ticket"]), time), time


def letter(reason: Reason = "invalid", event_id: str = "e-7") -> Letter:
    return Letter(
        record=record(),
        reason=reason,
        detail="priority: missing",
        stage="validate",
        event_id=event_id,
        event_type="opened.v1",
        action="create-ticket",
        attempts=2,
        answer=TIMEOUT,
    )


def test_it_is_a_watch() -> None:
    watch: Watch = watched()[0]

    assert watch is not None


def test_known_series_are_there_at_zero() -> None:
    series = watched()[0].sums.snapshot()

    assert series["records_total"]["tickets", "applied"] == 0
    assert {("tickets", reason) for reason in get_args(Reason)} == set(series["dead_letters_total"])
    assert series["commits_total"]["stored",] == 0
    assert series["rebalances_total"][()] == 0


def test_a_record_is_applied_with_its_last_action() -> None:
    watch, _ = watched()
    one, two = prepared(record(1)), prepared(record(2), calls=2)

    watch.applied([one, two], already=False)
    two.applied = 1
    watch.applied([two], already=True)

    assert watch.sums.value("records_total", "tickets", "applied") == 2
    assert watch.sums.value("repeats_avoided_total", "create-ticket") == 1


def test_fields_that_the_model_does_not_know_are_counted_by_type() -> None:
    watch, _ = watched()
    entry = prepared(record())
    entry.unknown_fields = 2

    watch.applied([entry], already=False)

    assert watch.sums.value("unknown_fields_total", "opened.v1") == 2


def test_each_letter_is_a_line_that_names_the_record_and_shows_nothing_of_it() -> None:
    watch, _ = watched()

    with logged(level="debug") as lines:
        for _n in range(3):
            watch.lettered(letter())
        watch.lettered(letter("unmappable"))
        watch.lettered(letter("rejected"))

    first, *_more, unmappable, rejected = lines.of("dead letter")
    assert len(lines.all) == 5
    assert (first["topic"], first["partition"], first["offset"]) == ("tickets", 3, 7)
    assert (first["event_id"], first["reason"], first["detail"]) == (
        "e-7",
        "invalid",
        "priority: missing",
    )
    assert unmappable["detail"] == "priority: missing"
    assert (rejected["error_instance_id"], rejected["status"]) == ("e-1", 504)
    assert "detail" not in rejected
    assert "canary" not in lines.text
    assert watch.sums.value("dead_letters_total", "tickets", "invalid") == 3
    assert watch.sums.value("records_total", "tickets", "dead_lettered") == 5


def test_nothing_that_is_called_shows_key_value_lane_or_foundrys_words() -> None:
    watch, _ = watched()
    entry = prepared(record())

    with logged(level="debug") as lines:
        watch.applied([entry], already=True)
        watch.ignored(record(), "canary-why")
        watch.lettered(letter("unknown"))
        watch.retried("create-ticket", TIMEOUT, 0.5)
        watch.unknown([entry], TIMEOUT)
        watch.gate_closed("all", "unreachable", TIMEOUT, "look at the proxy")
        watch.committed({HERE: CommitResult.LOST})
        watch.flush()

    assert "canary" not in lines.text


def test_a_hostile_event_id_is_bounded_and_escaped() -> None:
    watch, _ = watched()

    with logged() as lines:
        watch.lettered(letter(event_id="\x1b[31m\n" + "x" * 5000))

    assert len(lines.all) == 1
    assert len(lines.all[0]["event_id"]) < 200
    assert lines.all[0]["event_id"].isprintable()


def test_retries_of_one_kind_are_said_once_and_then_summed_up() -> None:
    watch, time = watched()

    with logged() as lines:
        for _n in range(1000):
            watch.retried("create-ticket", TIMEOUT, 0.5)
        watch.retried("create-ticket", Answer("http_503"), 0.5)
        time.now += 31
        watch.retried("create-ticket", TIMEOUT, 0.5)
        watch.flush()

    said = lines.of("retry")
    assert [line["cause"] for line in said] == ["timeout", "http_503", "timeout"]
    assert (said[2]["times"], said[2]["seconds"]) == (1000, 31)
    assert watch.sums.value("retries_total", "create-ticket", "timeout") == 1001


def test_what_was_kept_back_is_said_at_the_end() -> None:
    watch, _ = watched()

    with logged() as lines:
        watch.unknown([prepared(record())], TIMEOUT)
        watch.unknown([prepared(record())], TIMEOUT)
        watch.flush()
        watch.flush()

    first, last = lines.of("unknown outcome")
    assert (first["offset"], first["records"], first["repeat"]) == (7, 1, "safe")
    assert last["times"] == 1
    assert watch.sums.value("unknown_outcomes_total", "create-ticket") == 2


def test_the_gate_is_a_line_when_it_closes_and_when_it_opens() -> None:
    watch, _ = watched()

    with logged() as lines:
        watch.gate_closed("all", "token", TIMEOUT, "regenerate the secret")
        remedies = dict(watch.remedies)
        watch.gate_opened("all", "token")

    assert remedies == {("all", "token"): "regenerate the secret"}
    assert not watch.remedies
    assert [line["event"] for line in lines.all] == ["gate closed", "gate opened"]
    assert lines.all[0]["remedy"] == "regenerate the secret"


def test_a_commit_is_a_line_only_when_its_fate_changes() -> None:
    watch, _ = watched()

    with logged() as lines:
        for result in ("STORED", "AGAIN", "AGAIN", "STORED", "STORED"):
            watch.committed({HERE: CommitResult[result]})

    assert [line["event"] for line in lines.all] == ["commit not stored", "commit works again"]
    assert watch.sums.value("commits_total", "stored") == 3
    assert watch.sums.value("commits_total", "again") == 2


def test_a_commit_of_many_partitions_is_one_line_for_each_fate() -> None:
    """Brokers that are away would else tell as many lines as there are partitions, twice."""
    watch, _ = watched()
    one, two, three = (Partition("tickets", number) for number in (1, 2, 3))

    with logged() as lines:
        watch.committed({two: CommitResult.LOST, one: CommitResult.LOST, three: CommitResult.AGAIN})
        watch.committed({one: CommitResult.STORED, two: CommitResult.STORED})

    told = [(line["event"], line["partitions"], line["count"]) for line in lines.all]
    assert told == [
        ("commit not stored", "tickets/1 tickets/2", 2),
        ("commit not stored", "tickets/3", 1),
        ("commit works again", "tickets/1 tickets/2", 2),
    ]


def test_rebalances_held_partitions_and_notes_are_lines() -> None:
    watch, _ = watched()

    with logged() as lines:
        watch.assigned([Partition("b", 1), Partition("a", 0)])
        watch.revoked([Partition("a", 0)], drained=False)
        watch.held(HERE, "a letter cannot be written: timeout")
        watch.goes_on(HERE, "letters can be written again")
        watch.noted(HERE, "foreign metadata")

    assigned, revoked, held, goes_on, noted = lines.all
    assert (assigned["partitions"], assigned["count"]) == ("a/0 b/1", 2)
    assert (revoked["level"], revoked["drained"]) == ("warning", False)
    assert (held["level"], held["topic"], held["partition"]) == ("error", "tickets", 3)
    assert (goes_on["event"], goes_on["level"]) == ("partition goes on", "info")
    assert goes_on["why"] == "letters can be written again"
    assert noted["what"] == "foreign metadata"
    assert watch.sums.value("rebalances_total") == 1
