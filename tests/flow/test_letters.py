"""What a letter says: why, where, and with what answer."""

from __future__ import annotations

import asyncio

import pytest

from consumer.model import Letter, Repeat
from consumer.outcomes import Answer, Unknown
from tests.fakes.foundry import Plan
from tests.fakes.log import Fate
from tests.flow.simulate import simulate
from tests.flow.world import World


def the_letter(world: World) -> Letter:
    ((letter,),) = [letters for letters in world.truth.letters.values() if letters]
    return letter


def test_law_12_a_refused_record_says_what_foundry_answered() -> None:
    async def story(world: World) -> None:
        world.produce(2, lane="a")
        world.produce(1, lane="a", fate=Fate.POISON, action="open")
        world.start()
        await world.settled()

        letter = the_letter(world)
        assert letter.answer is not None
        assert (letter.answer.cause, letter.answer.status) == ("ActionValidationFailed", 400)
        assert (letter.stage, letter.action, letter.attempts) == ("submit", "open", 1)
        assert letter.event_id == "t/0/" + str(letter.record.offset)

    simulate(story)


def test_law_12_an_exhausted_record_says_how_often_it_was_tried() -> None:
    async def story(world: World) -> None:
        world.produce(1, conflicts=1_000)
        world.start()
        await world.settled()

        letter = the_letter(world)
        assert (letter.reason, letter.attempts) == ("exhausted", world.options.retry.attempts)
        assert letter.answer == Answer("ObjectChanged", status=409)

    simulate(story)


@pytest.mark.parametrize("cause", ["timeout", "cut"])
def test_law_12_a_record_that_may_have_been_applied_says_what_befell_its_request(
    cause: str,
) -> None:
    async def story(world: World) -> None:
        world.produce(1, repeat=Repeat.NEVER)
        world.foundry.plans.append(Plan(None, 1.0, Unknown(Answer(cause))))
        world.start()
        await world.settled()

        letter = the_letter(world)
        assert (letter.reason, letter.answer) == ("unknown", Answer(cause))

    simulate(story)


def test_letters_that_are_not_taken_hold_their_partitions_and_stop_nothing_else() -> None:
    """The dead-letter topic may be missing, full, or closed to us: nothing is lost, and it goes on by itself."""

    async def story(world: World) -> None:
        first = world.start()
        await world.until(lambda: first.source.lease() > world.loop.time())
        world.letter_box.down_until = world.loop.time() + 120
        world.produce(5, fate=Fate.INVALID)
        await world.until(lambda: bool(first.watch.gates), within=5)
        await asyncio.sleep(1)
        others = world.produce(50, partition=1)
        await asyncio.sleep(100)

        assert first.watch.gates == ["closed t letters_failing"]
        assert "not written" in (first.watch.remedies["letters_failing"] or "")
        assert first.watch.held_times == 1
        assert all(record in world.truth.settled for record in others)
        await world.settled(within=60)
        assert first.watch.gates[-1] == "opened t letters_failing"
        assert first.watch.notes.count("letters can be written again") == 1

    simulate(story, partitions=2)
