"""What is wrong with a topic: said first, then a colon, then what to do. `doctor` takes it apart so."""

from __future__ import annotations

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import RequestTimedOutError

from consumer.errors import StartRefused
from consumer.kafka import topics
from consumer.kafka.topics import refuse_missing_topics


class Answers:
    """A client whose broker answers with this code for each topic, or not at all."""

    def __init__(self, code: int | None) -> None:
        self._code = code
        self.topics = [(code, "orders")]

    def get_random_node(self) -> int:
        return 1

    async def send(self, _node: int, _request: object) -> Answers:
        if self._code is None:
            raise RequestTimedOutError
        return self


@pytest.mark.parametrize(
    ("code", "what", "remedy"),
    [
        (3, "'orders' does not exist", "create it"),
        (5, "'orders' .*LEADER_NOT_AVAILABLE", "check the brokers"),
        (29, "no access to topic 'orders'", "grant DESCRIBE"),
        (None, "no broker says which topics there are.*RequestTimedOut", "try again"),
    ],
)
async def test_each_refusal_ends_with_what_to_do(
    code: int | None, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "TRY_AGAIN_AFTER", 0.0)
    client: AIOKafkaClient = Answers(code)  # type: ignore[assignment]  # as much of one as is asked

    with pytest.raises(StartRefused, match=f"{what}[^:]*: [^:]*{remedy}[^:]*$"):
        await refuse_missing_topics(client, ["orders"])
