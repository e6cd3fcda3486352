"""A secret that says where it comes from and never what it is."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import final

MAX_SECRET_BYTES = 65_536
TOKENS_REMEMBERED = 4
"""The present one, and those that a late line may still name."""


@final
class Secret:
    """Text, or a file that is opened anew at each read, so that a rotated secret is found.

    `repr`, `str` and pickling show only the source. What was ever read is remembered, so that the log
    can take it out of every line.
    """

    __slots__ = ("_path", "_seen", "_text", "_tokens", "name")

    def __init__(self, name: str, *, text: str | None = None, path: Path | None = None) -> None:
        if (text is None) == (path is None):
            raise ValueError(f"{name}: a secret is either text or a file")
        self.name = name
        self._text = text
        self._path = path
        self._seen: set[str] = set() if text is None else {text}
        self._tokens: deque[str] = deque(maxlen=TOKENS_REMEMBERED)

    def __repr__(self) -> str:
        return f"Secret({self.name} from {self._path or 'text'})"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError(f"{self.name} is a secret and is not pickled")

    @property
    def path(self) -> Path | None:
        """The file, or None where the setting holds the secret itself."""
        return self._path

    @property
    def seen(self) -> frozenset[str]:
        """Every value read so far, and the last tokens got with it: what a log must not show."""
        return frozenset((*self._seen, *self._tokens))

    def remember(self, token: str) -> None:
        """A token that this secret got is a secret itself."""
        self._tokens.append(token)

    def read(self) -> str:
        """The secret as it is now, without the line end that editors leave.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is empty, too large or no UTF-8 text; the message does not quote it.
        """
        if self._path is None:
            return self._text or ""
        value = _content(self._path)
        self._seen.add(value)
        return value


def _content(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_SECRET_BYTES + 1)
    if len(raw) > MAX_SECRET_BYTES:
        raise ValueError(f"has more than {MAX_SECRET_BYTES} bytes")
    # Decoded with `replace` and compared, because a UnicodeDecodeError carries the secret's bytes.
    text = raw.decode("utf-8", errors="replace").rstrip("\r\n")
    if "\ufffd" in text:
        raise ValueError("is not UTF-8 text")
    if not text:
        raise ValueError("is empty")
    return text
