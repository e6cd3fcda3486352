"""What the producer of letters promises, as the client library is told: without a broker."""

from __future__ import annotations

from consumer.kafka.client import KafkaConfig
from consumer.kafka.deadletters import KafkaDeadLetters


def test_a_letter_is_written_when_all_in_sync_replicas_have_it_and_stands_once() -> None:
    letters = KafkaDeadLetters(KafkaConfig(("a:9092",), "g"), ["t"], template="{topic}.dlq")

    options = letters._options()

    assert options["acks"] == "all"
    assert options["enable_idempotence"] is True
