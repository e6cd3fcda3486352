"""Dead letters on a real broker."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time

import pytest

from consumer.errors import StartRefused, Unavailable
from consumer.kafka import deadletters
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.model import Letter, PlainRecord
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, unique
from tests.kafka.member import config

pytestmark = NEEDS_BROKER

TEMPLATE = "{topic}.dlq"


def letter(topic: str, offset: int = 0, **fields: object) -> Letter:
    record = PlainRecord(topic, 0, offset, 5, 0, **fields)  # type: ignore[arg-type]  # key, value, headers
    return Letter(record, "invalid", "no title", "validate")


async def topics(cluster: Cluster, **configs: str) -> str:
    topic = unique("orders")
    await cluster.create_topic(f"{topic}.dlq", partitions=4, **configs)
    return topic


def writer(cluster: Cluster, *names: str) -> KafkaDeadLetters:
    return KafkaDeadLetters(config(cluster.bootstrap_servers), names, template=TEMPLATE)


async def test_a_letter_holds_the_original_bytes_and_headers(cluster: Cluster) -> None:
    topic = await topics(cluster)

    async with writer(cluster, topic) as letters:
        await letters.write(
            letter(topic, key=b"\xff", value=b"\x00\xfe", headers=(("a", b"\xff"), ("a", None)))
        )

    (written,) = await cluster.read_all(f"{topic}.dlq")
    assert (written.key, written.value) == (b"\xff", b"\x00\xfe")
    assert list(written.headers[:2]) == [("a", b"\xff"), ("a", None)]
    assert ("dlq.reason", b"invalid") in written.headers


async def test_null_key_and_null_value_are_kept_apart(cluster: Cluster) -> None:
    topic = await topics(cluster)

    async with writer(cluster, topic) as letters:
        await letters.write(letter(topic, 0, value=b"v"))
        await letters.write(letter(topic, 1, key=b"k"))
        await letters.write(letter(topic, 2))

    written = await cluster.read_all(f"{topic}.dlq")
    found = {dict(each.headers)["dlq.offset"]: (each.key, each.value) for each in written}
    assert found == {b"0": (None, b"v"), b"1": (b"k", None), b"2": (None, b"")}


async def test_letters_of_one_key_lie_in_one_partition_in_order(cluster: Cluster) -> None:
    topic = await topics(cluster)

    async with writer(cluster, topic) as letters:
        for offset in range(8):
            await letters.write(letter(topic, offset, key=b"T-1", value=b"v"))

    written = await cluster.read_all(f"{topic}.dlq")
    assert len({each.partition for each in written}) == 1
    assert [dict(each.headers)["dlq.offset"] for each in written] == [b"%d" % n for n in range(8)]


async def test_a_letter_that_is_too_large_goes_without_its_details(cluster: Cluster) -> None:
    topic = await topics(cluster, max_message_bytes="2000")
    large = Letter(
        PlainRecord(topic, 0, 7, key=b"k", value=b"v"), "invalid", _noise(5000), "validate"
    )

    async with writer(cluster, topic) as letters:
        await letters.write(letter(topic, 6, key=b"k", value=b"v"))
        await letters.write(large)
        await letters.write(letter(topic, 8, key=b"k", value=b"v"))

    written = await cluster.read_all(f"{topic}.dlq")
    assert [dict(each.headers)["dlq.offset"] for each in written] == [b"6", b"7", b"8"]
    assert "dlq.detail" not in dict(written[1].headers)


async def test_letters_refused_in_company_go_alone_and_keep_their_details(cluster: Cluster) -> None:
    """The topic's limit is on a batch: no letter that fits by itself may lose anything for its company."""
    topic = await topics(cluster, max_message_bytes="4000")
    flood = [letter(topic, n, key=b"k", value=_noise(600).encode()) for n in range(60)]

    async with writer(cluster, topic) as letters:
        await asyncio.gather(*map(letters.write, flood))

    written = await cluster.read_all(f"{topic}.dlq")
    assert {dict(each.headers)["dlq.offset"] for each in written} == {b"%d" % n for n in range(60)}
    assert all("dlq.detail" in dict(each.headers) for each in written)


async def test_a_flood_of_letters_of_one_key_is_written_in_large_batches(cluster: Cluster) -> None:
    """After a bad deploy whole topics are letters; they must not take hours, nor the loop."""
    topic = await topics(cluster)
    flood = [letter(topic, n, key=b"k", value=b"v" * 300) for n in range(4000)]

    async with writer(cluster, topic) as letters:
        begun = time.process_time()
        await asyncio.gather(*map(letters.write, flood))
        spent = time.process_time() - begun

    assert len(await cluster.read_all(f"{topic}.dlq")) == 4000
    assert spent < 4000 * 0.002, "more than 2 ms of CPU a letter: they wake one another"


async def test_a_letter_that_never_fits_names_the_limit_it_needs(cluster: Cluster) -> None:
    topic = await topics(cluster, max_message_bytes="2000")

    async with writer(cluster, topic) as letters:
        with pytest.raises(
            Unavailable, match=rf"{topic}\.dlq.*max\.message\.bytes=\d{{4}}; set.* skip the offset"
        ):
            await letters.write(letter(topic, value=_noise(5000).encode()))
        await letters.write(letter(topic, 1, value=b"small"))

    (written,) = await cluster.read_all(f"{topic}.dlq")
    assert written.value == b"small"


async def test_a_missing_letter_topic_refuses_the_start_and_is_not_made(cluster: Cluster) -> None:
    topic = unique("orders")

    with pytest.raises(StartRefused, match=rf"{topic}\.dlq.*create it"):
        async with writer(cluster, topic):
            pass

    assert f"{topic}.dlq" not in await cluster.topics()


async def test_no_broker_refuses_the_start() -> None:
    nowhere = config("127.0.0.1:1")

    with pytest.raises(
        StartRefused,
        match=r"no Kafka broker answers at 127\.0\.0\.1:1: check kafka\.bootstrap_servers",
    ):
        async with KafkaDeadLetters(nowhere, ["t"], template=TEMPLATE):
            pass


async def test_a_silent_broker_means_unavailable_and_leaves_one_letter(
    fragile: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again for the same letter, the writer waits for the one that is under way."""
    monkeypatch.setattr(deadletters, "WRITE_TIMEOUT", 0.3)
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await topics(cluster)

    async with writer(cluster, topic) as letters:
        await letters.write(letter(topic, 0, value=b"before"))
        fragile.suspend()
        for _ in range(3):
            with pytest.raises(Unavailable, match=rf"not acknowledged .* topic '{topic}\.dlq'"):
                await letters.write(letter(topic, 1, value=b"during"))
        fragile.resume()
        monkeypatch.setattr(deadletters, "WRITE_TIMEOUT", 30.0)
        await letters.write(letter(topic, 1, value=b"during"))

    written = await cluster.read_all(f"{topic}.dlq")
    assert sorted(each.value or b"" for each in written) == [b"before", b"during"]


async def test_where_the_librarys_sender_dies_the_letter_waits_for_a_producer_made_anew(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells its own end to every letter from then on."""
    topic = await topics(cluster)

    async def amiss(*_: object) -> None:
        raise KeyError("a defect of the library's")

    async with writer(cluster, topic) as letters:
        monkeypatch.setattr(letters._producer._sender, "_send_produce_req", amiss)  # type: ignore[union-attr]  # connected
        ended = await asyncio.gather(
            *(letters.write(letter(topic, n, value=b"v")) for n in range(3)),
            return_exceptions=True,
        )
        await asyncio.gather(*(letters.write(letter(topic, n, value=b"v")) for n in range(3)))

    assert [type(each) for each in ended] == [Unavailable] * 3
    assert len(await cluster.read_all(f"{topic}.dlq")) == 3


async def test_a_letter_that_waits_for_its_topic_outlives_the_end_of_its_producer(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The topic is gone, another letter's failure ends the producer, and the topic is made anew."""
    healthy, gone = await topics(cluster), await topics(cluster)

    async def amiss(*_: object) -> None:
        raise KeyError("a defect of the library's")

    async with writer(cluster, healthy, gone) as letters:
        await cluster.delete_topic(f"{gone}.dlq")
        await letters._producer.client.force_metadata_update()  # type: ignore[union-attr]  # connected
        monkeypatch.setattr(deadletters, "WRITE_TIMEOUT", 0.3)
        with pytest.raises(Unavailable, match="not acknowledged"):
            await letters.write(letter(gone, value=b"v"))
        monkeypatch.setattr(deadletters, "WRITE_TIMEOUT", 10.0)
        monkeypatch.setattr(letters._producer._sender, "_send_produce_req", amiss)  # type: ignore[union-attr]  # connected
        with pytest.raises(Unavailable):
            await letters.write(letter(healthy, value=b"v"))
        await cluster.create_topic(f"{gone}.dlq")
        with contextlib.suppress(Unavailable):
            await letters.write(letter(gone, value=b"v"))  # the one that was under way
        await letters.write(letter(gone, value=b"v"))

    assert {each.value for each in await cluster.read_all(f"{gone}.dlq")} == {b"v"}


async def test_a_dead_broker_does_not_hold_up_the_end(
    fragile: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadletters, "WRITE_TIMEOUT", 0.3)
    monkeypatch.setattr(deadletters, "STOP_TIMEOUT", 0.5)
    cluster = Cluster(fragile.bootstrap_servers)
    topic = await topics(cluster)

    async with asyncio.timeout(10):
        async with writer(cluster, topic) as letters:
            fragile.kill()
            with pytest.raises(Unavailable):
                await letters.write(letter(topic, value=b"v"))


def _noise(size: int) -> str:
    """Text that does not compress."""
    return "".join(random.Random(size).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=size))
