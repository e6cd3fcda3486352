"""A secret that shows where it comes from, and never what it is."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import final

MAX_SECRET_BYTES = 65_536
TOKENS_REMEMBERED = 4
"""How many tokens: the present one, and earlier ones that a late log line may still contain."""


@final
class Secret:
    """Text, or a file that is opened again for each read, so that a rotated secret is found.

    `repr` and `str` show only the source, and it cannot be pickled. Every value ever read is remembered, so that the
    log can remove it from every line.
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
        """The file; None: the setting is the secret itself."""
        return self._path

    @property
    def seen(self) -> frozenset[str]:
        """Every value read so far, and the latest tokens got with it: what the log must not show."""
        return frozenset((*self._seen, *self._tokens))

    def remember(self, token: str) -> None:
        """Remember a token that was got with this secret, and so is a secret itself."""
        self._tokens.append(token)

    def read(self) -> str:
        """The secret as it is now, without the line break that editors add.

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
