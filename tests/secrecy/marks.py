"""What must not turn up where it does not belong: secrets anywhere, values of events outside of letters."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote_plus

MARK = "zz-mark-of-an-event"
"""Begins every value of an event in these tests: of a field, a key, a header, a lane."""
SECRET = "Kanarie7-of-a-secret"  # noqa: S105 - that is what it is for
"""Begins every secret in these tests."""


@lru_cache
def _forms(secret: str) -> re.Pattern[str]:
    """As text (which the `repr` of its bytes holds too), in a form's body, and as base64 at each of three offsets."""
    shifted = (base64.b64encode(b"\0" * at + secret.encode())[4:-4].decode() for at in range(3))
    return re.compile("|".join(map(re.escape, {secret, quote_plus(secret), *shifted})))


def told(text: str, *, of: Iterable[str] = (MARK, SECRET)) -> list[str]:
    """The places where one of them stands in a text, each with what is around it."""
    return [
        text[max(0, found.start() - 60) : found.end() + 30]
        for each in of
        for found in _forms(each).finditer(text)
    ]
