"""What the producer of letters promises, as the client library is told: without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.errors import SettingsError, Unavailable
from consumer.kafka.client import KafkaConfig
from consumer.kafka.deadletters import KafkaDeadLetters
from consumer.model import Letter, PlainRecord


def test_a_letter_is_written_when_all_in_sync_replicas_have_it_and_stands_once() -> None:
    letters = KafkaDeadLetters(KafkaConfig(("a:9092",), "g"), ["t"], template="{topic}.dlq")

    options = letters._options()

    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True


async def test_a_certificate_that_cannot_be_read_for_a_while_is_an_outage_of_the_letters(
    tmp_path: Path,
) -> None:
    """Files are replaced while the service runs. At the start it is a wrong setting, and is said as one."""
    gone = str(tmp_path / "ca.pem")
    config = KafkaConfig(("a:9092",), "g", security_protocol="SSL", ssl_cafile=gone)
    letters = KafkaDeadLetters(config, ["t"], template="{topic}.dlq")
    record = PlainRecord("t", 0, 1, 1000, 0, b"k", b"v", ())

    with pytest.raises(Unavailable, match=r"kafka\.ssl_cafile"):
        await letters.write(Letter(record, "invalid", "detail", "validate"))
    with pytest.raises(SettingsError, match=r"kafka\.ssl_cafile"):
        await letters.__aenter__()
