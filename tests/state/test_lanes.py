"""Lanes keep order, gather heads, and forget nothing but what is dropped."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import replace

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from consumer.model import ActionType, Call, Lookup, PlainRecord, Prepared, Repeat
from consumer.state.lanes import Lanes

ACTIONS = [ActionType("create-ticket", 20), ActionType("notify", 1)]
REPEATS = [Repeat.SAFE, Repeat.NEVER]


def record(
    number: int,
    lane: Hashable | None,
    action: ActionType = ACTIONS[0],
    repeat: Repeat = Repeat.SAFE,
) -> Prepared:
    return Prepared(
        record=PlainRecord("t", 0, number),
        event_id=f"e{number}",
        event_type="x",
        lane=lane,
        repeat=repeat,
        calls=(Call(action, b"{}"),),
        size=1,
    )


def take_all(lanes: Lanes) -> list[Prepared]:
    taken: list[Prepared] = []
    for group in list(lanes.turns()):
        while batch := group.take():
            taken += batch
    return taken


def test_only_the_head_of_a_lane_is_ready() -> None:
    lanes = Lanes(batch_size=20)

    first, second, other = record(0, "a"), record(1, "a"), record(2, "b")
    for entry in (first, second, other):
        lanes.add(entry)

    assert take_all(lanes) == [first, other]
    lanes.settle(first)
    assert take_all(lanes) == [second]


def test_what_asks_nothing_is_a_suspect_that_is_a_letter_or_not_to_be_read_back_yet() -> None:
    lanes = Lanes(batch_size=20)
    lookup = Lookup("Ticket", applied=bool, key="T-1")
    plain, letter, early = record(0, None), record(1, None), replace(record(2, None), lookup=lookup)
    letter.suspect = early.suspect = plain.alone = True
    early.not_before = 5.0
    group = lanes.group(plain)

    assert not group.asks_nothing(0.0)
    lanes.add(plain)
    assert not group.asks_nothing(0.0)
    group.take()
    lanes.add(letter)
    assert group.asks_nothing(0.0)
    group.take()
    lanes.add(early)
    assert group.asks_nothing(4.9)
    assert not group.asks_nothing(5.0)


def test_records_without_a_lane_are_all_ready_at_once() -> None:
    lanes = Lanes(batch_size=20)

    for number in range(45):
        lanes.add(record(number, None))

    group = next(iter(lanes.turns()))
    assert group.requests == 3
    assert [len(group.take()) for _ in range(4)] == [20, 20, 5, 0]


def test_a_hold_keeps_the_next_of_the_lane_back_even_when_it_comes_later() -> None:
    """After an attempt without an answer the lane's next record waits."""
    lanes = Lanes(batch_size=20)
    first = record(0, "a")
    lanes.add(first)
    take_all(lanes)

    lanes.hold("a", until=30.0)
    lanes.settle(first)
    lanes.add(record(1, "a"))

    assert take_all(lanes) == []
    assert not lanes.due(29.9)
    assert lanes.next_due == 30.0
    assert lanes.due(30.0)
    assert len(take_all(lanes)) == 1


def test_a_hold_that_nobody_met_is_forgotten_when_it_is_over() -> None:
    lanes = Lanes(batch_size=20)
    first = record(0, "a")
    lanes.add(first)
    take_all(lanes)
    lanes.hold("a", until=30.0)
    lanes.settle(first)

    lanes.due(30.0)
    lanes.add(record(1, "a"))

    assert len(take_all(lanes)) == 1


def test_what_comes_due_costs_no_look_at_each_hold() -> None:
    """Thousands of lanes are held where some requests hang, and something comes due as often."""
    looks: list[int] = []

    class Lane(int):
        def __hash__(self) -> int:
            looks.append(self)
            return int(self)

    lanes = Lanes(batch_size=20)
    for number in range(1_000):
        lanes.hold(Lane(number), until=30.0)
    looks.clear()

    lanes.due(29.0)

    assert not looks


def test_a_hold_is_only_prolonged() -> None:
    lanes = Lanes(batch_size=20)
    for until in (20.0, 30.0, 10.0):
        lanes.hold("a", until=until)
    for now in (10.0, 20.0):
        lanes.due(now)

    lanes.add(record(1, "a"))

    assert lanes.next_due == 30.0


def test_a_hold_outlasts_whoever_waited_for_it() -> None:
    """What was dropped with its session comes again in the next one."""
    lanes = Lanes(batch_size=20)
    first = record(0, "a")
    lanes.add(first)
    lanes.add(record(1, "a"))
    take_all(lanes)
    lanes.hold("a", until=30.0)
    lanes.settle(first)

    lanes.drop(lambda _: True)
    lanes.add(record(1, "a"))

    assert take_all(lanes) == []
    assert lanes.next_due == 30.0


def test_action_types_and_repeats_never_share_a_request() -> None:
    lanes = Lanes(batch_size=20)
    for number, (action, repeat) in enumerate((a, r) for a in ACTIONS for r in REPEATS):
        lanes.add(record(number, number, action, repeat))

    batches = [group.take() for group in list(lanes.turns())]

    assert [len(batch) for batch in batches] == [1, 1, 1, 1]


def test_groups_take_turns() -> None:
    lanes = Lanes(batch_size=1)
    for number in range(4):
        lanes.add(record(number, None, ACTIONS[number % 2]))

    served = [next(iter(lanes.turns())).take()[0].call.action.name for _ in range(4)]

    assert served == ["create-ticket", "notify", "create-ticket", "notify"]


class LanesMachine(RuleBasedStateMachine):
    """Against a model: per lane the list of what is not settled; its first is the only one out."""

    def __init__(self) -> None:
        super().__init__()
        self.lanes = Lanes(batch_size=3)
        self.number = 0
        self.now = 0.0
        self.model: dict[Hashable, list[Prepared]] = defaultdict(list)
        self.in_hand: list[Prepared] = []
        self.holds: dict[Hashable, float] = {}
        self.ready_at: dict[int, float] = {}

    @rule(lane=st.integers(0, 4), action=st.sampled_from(ACTIONS), repeat=st.sampled_from(REPEATS))
    def add(self, lane: int, action: ActionType, repeat: Repeat) -> None:
        entry = record(self.number, lane, action, repeat)
        self.number += 1
        self.model[lane].append(entry)
        self.lanes.add(entry)

    @rule()
    def take(self) -> None:
        for group in self.lanes.turns():
            batch = group.take()
            assert len(batch) <= 3
            for entry in batch:
                assert self.model[entry.lane][0] is entry
                assert entry not in self.in_hand
                assert self.now >= self.ready_at.get(entry.record.offset, 0.0)
                self.in_hand.append(entry)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), hold=st.sampled_from([0.0, 5.0]))
    def settle(self, data: st.DataObject, hold: float) -> None:
        entry = self.in_hand.pop(data.draw(st.integers(0, len(self.in_hand) - 1)))
        queue = self.model[entry.lane]
        queue.pop(0)
        if hold:
            self.lanes.hold(entry.lane, self.now + hold)
            if queue:
                self.ready_at[queue[0].record.offset] = self.now + hold
        self.lanes.settle(entry)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), wait=st.floats(0, 3))
    def put_off(self, data: st.DataObject, wait: float) -> None:
        entry = self.in_hand.pop(data.draw(st.integers(0, len(self.in_hand) - 1)))
        self.ready_at[entry.record.offset] = self.now + wait
        self.lanes.later(entry, self.now + wait)

    @rule(below=st.integers(0, 60), wait=st.floats(1, 3))
    def put_off_what_is_ready(self, below: int, wait: float) -> None:
        self.lanes.due(self.now)
        taken = self.lanes.take_ready(lambda entry: entry.record.offset < below)
        for entry in taken:
            assert self.model[entry.lane][0] is entry
            assert entry not in self.in_hand
            assert entry.record.offset < below
            assert self.now >= self.ready_at.get(entry.record.offset, 0.0)
            self.ready_at[entry.record.offset] = self.now + wait
            self.lanes.later(entry, self.now + wait)

    @rule(passed=st.floats(0, 4))
    def time_passes(self, passed: float) -> None:
        self.now += passed
        self.lanes.due(self.now)

    @rule(below=st.integers(0, 60))
    def drop(self, below: int) -> None:
        """What is in somebody's hands stays; all else that is gone is dropped, and lanes go on."""
        dropped = self.lanes.drop(lambda entry: entry.record.offset < below)
        expected = {
            entry.record.offset
            for queue in self.model.values()
            for entry in queue
            if entry.record.offset < below and entry not in self.in_hand
        }
        assert {entry.record.offset for entry in dropped} == expected
        for lane, queue in self.model.items():
            self.model[lane] = [e for e in queue if e.record.offset not in expected]

    @invariant()
    def nothing_is_forgotten(self) -> None:
        lanes_with_records = {lane for lane, queue in self.model.items() if queue}
        assert len(self.lanes) == len(lanes_with_records)

    def teardown(self) -> None:
        """Everything that is left comes out, in order."""
        for _ in range(self.number + 1):
            self.time_passes(10.0)
            self.take()
            for entry in self.in_hand:
                self.model[entry.lane].pop(0)
                self.lanes.settle(entry)
            self.in_hand.clear()
        assert not any(self.model.values())


TestLanes = LanesMachine.TestCase
TestLanes.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
