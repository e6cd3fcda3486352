"""What refuses a start, and how it is told: exit code and message."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.broker import NEEDS_BROKER, unique
from tests.e2e.scene import Scene
from tests.e2e.service import Service

pytestmark = NEEDS_BROKER


async def _refused(service: Service, code: int, *messages: str) -> None:
    assert await service.ended() == code, service.tail()
    for message in messages:
        assert message in service.output
    assert "Traceback" not in service.output


async def test_a_topic_that_is_missing_is_named_with_1(scene: Scene) -> None:
    nowhere, unlettered, neither = unique("nowhere"), unique("unlettered"), unique("neither")
    await scene.kafka.make_topic(f"{nowhere}.dlq")
    await scene.kafka.make_topic(unlettered)

    no_topic = scene.start(topics={"work": nowhere})
    no_letters = scene.start(topics={"work": unlettered})
    nothing = scene.start(topics={"work": neither})

    await _refused(no_topic, 1, f"topic '{nowhere}' does not exist")
    await _refused(no_letters, 1, f"topic '{unlettered}.dlq' does not exist")
    both = (f"topic '{neither}' does not exist", f"topic '{neither}.dlq' does not exist")
    await _refused(nothing, 1, *both)


async def test_brokers_that_do_not_answer_are_named_with_1_and_a_remedy(scene: Scene) -> None:
    away = scene.start(kafka={"bootstrap_servers": "127.0.0.1:1"})

    await _refused(away, 1, "error: no Kafka broker answers at 127.0.0.1:1: check kafka.bootstrap")
    assert "KafkaConnectionError(" not in away.output.splitlines()[-1]


async def test_wrong_settings_and_broken_contracts_are_told_with_2(
    scene: Scene, tmp_path: Path
) -> None:
    wrong = scene.start(kafka={"session_timeout": 1, "commit_intervall": 1})
    absent = scene.start(consumer={"contracts": "tests.e2e.no_such_contracts"})

    await _refused(wrong, 2, "kafka.session_timeout", "commit_intervall")
    await _refused(absent, 2, "tests.e2e.no_such_contracts", "cannot be imported")


async def test_a_run_to_an_end_that_is_not_reached_in_time_is_1(scene: Scene) -> None:
    """And what a hanging Foundry left undone is done by the next run, once."""
    await scene.publish(60)
    with scene.fault("hang"):
        late = scene.start("run", "--until-end", "--timeout", "1.5")
        assert await late.ended() == 1, late.tail()
    rest = scene.start("run", "--until-end", "--timeout", "50")
    assert await rest.ended() == 0, rest.tail()

    assert late.said("the end was not reached")
    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.resent == {}


@pytest.mark.slow
async def test_no_secret_and_no_token_is_told_whatever_fails(scene: Scene) -> None:
    """At log level debug; the stage looks at the output of every test's processes."""
    await scene.publish(30)
    with scene.fault("status", endpoint="token", status=500, body="html", times=2):
        service = scene.start()
        await scene.progress(10)
    scene.foundry.identity.expire_all()
    scene.foundry.identity.clients["e2e"].secrets.clear()
    await scene.publish(30)
    await scene.until(
        lambda: any(line.get("error_name") == "invalid_client" for line in service.lines()),
        "the secret is refused",
    )
    scene.foundry.identity.clients["e2e"].secrets.add(scene.secret)
    await scene.progress(10)
    with scene.fault("hang"):
        await scene.publish(30)
        await scene.until(lambda: scene.foundry.in_flight > 0, "a request hangs")
        service.ask_to_stop()
        await service.ended()

    assert scene.foundry.identity.issued >= 2
    scene.refuse_told_secrets()
    service.log.write_text(service.output + next(iter(scene.foundry.identity._tokens)))
    with pytest.raises(AssertionError, match="tells 1 secrets"):
        scene.refuse_told_secrets()
    service.log.write_text("")
