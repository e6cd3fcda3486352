"""Answers of Foundry, made and judged."""

from __future__ import annotations

import json
from typing import Any

from consumer.foundry.answers import Reply
from consumer.foundry.classify import Sent, classify
from consumer.model import Repeat
from consumer.outcomes import Outcome

NOW = 1_700_000_000.0
SINGLE = Sent(batched=False, size=1, repeat=Repeat.NEVER)
CREATE = Sent(batched=False, size=1, repeat=Repeat.CREATE)
BATCH = Sent(batched=True, size=20, repeat=Repeat.CREATE)
LAST_OF_BATCH = Sent(batched=True, size=1, repeat=Repeat.CREATE)


def foundry(status: int, code: str, name: str, **parameters: Any) -> Reply:
    body = {
        "errorCode": code,
        "errorName": name,
        "errorInstanceId": "6ff5de26-0000-4000-8000-000000000000",
        "parameters": parameters,
        "errorDescription": "value-of-an-event",
        "message": "value-of-an-event",
    }
    return Reply(status, "application/json", json.dumps(body).encode())


def judged(reply: Reply, sent: Sent = SINGLE) -> Outcome:
    return classify(reply, sent, NOW)
