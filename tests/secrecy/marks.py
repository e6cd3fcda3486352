"""What must not turn up where it does not belong: secrets anywhere, values of events outside of letters."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote_plus

MARK = "zz-mark-of-an-event"
"""Begins every value of an event in these tests: of a field, a key, a header, a lane."""
SECRET = "Kanarie7-of-a-secret"  # noqa: S105 -- that is what it is for
"""Begins every secret in these tests."""
# As text, as the bytes' repr shows it (the same), and as base64 at each of the three offsets.
_FORMS = {
    text: re.compile(
        "|".join(
            re.escape(form)
            for form in (
                text,
                quote_plus(text),
                *(base64.b64encode(b"\0" * at + text.encode())[4:-4].decode() for at in range(3)),
            )
        )
    )
    for text in (MARK, SECRET)
}


def told(text: str, *, of: Iterable[str] = (MARK, SECRET)) -> list[str]:
    """The places where one of them stands in a text, each with what is around it."""
    return [
        text[max(0, found.start() - 60) : found.end() + 30]
        for each in of
        for found in _FORMS[each].finditer(text)
    ]
