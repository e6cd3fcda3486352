"""What is known above a committed offset, encoded as the metadata text that Kafka keeps with that offset.

    "1" flags "." done "." claims "." check
    "2" flags "." done "." claims "." topic "." check

`topic` is the topic's id as Kafka writes it (KIP-516), 22 characters: a topic that is deleted and created
again has another one. The first form, without it, is written where the broker gives none. `done` and `claims`
are bitmaps in base64url without padding: bit i (of byte i // 8, least significant bit first) stands for the
committed offset + i, and zero bytes at the end are cut off. Flags: `d`, the former owner drained the partition
before it gave it up; `h`, lanes have to wait for what it sent last. `check` is the CRC-32 of all before its dot.

It always fits: a bitmap of `MAX_SPAN` = 12,000 bits is 1,500 bytes, or 2,000 characters. Two of them, the
version, two flags, four dots, the topic's 22 characters and six of check are 4,035; a broker takes 4,096
(its default for `offset.metadata.max.bytes`).

It is never misread: a text is accepted only if it is, character for character, what `encode` writes for its
content. One altered character is a burst of at most 8 bits, and CRC-32 detects every burst of up to 32. A
truncated text lacks a part, or its check is too short.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from consumer.errors import ConsumerError

MAX_SPAN: Final = 12_000
"""How many offsets, from the committed one on, a text can describe."""

_SHOWN: Final = 60
"""Characters of a damaged text that a message quotes."""

_OURS = re.compile(r"[0-9]+[a-z]*\.")
_PARTS = re.compile(r"[12](d?)(h?)\.([\w-]*)\.([\w-]*)(?:\.([\w-]{22}))?\.[\w-]{6}", re.ASCII)
_TOPIC_ID = re.compile(r"[\w-]{22}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Known:
    """What a former owner left: bitmaps whose bit 0 is the committed offset."""

    done: int
    claims: int
    drained: bool
    held: bool = False
    """Some lane has to wait: a request of the former owner got no answer, and may still take effect."""
    topic_id: str | None = None
    """The topic's id, as Kafka writes it; None: not known."""


class Damaged(ConsumerError):
    """The text is in our format, but altered, truncated, or of a version that this program does not know.

    What it claims cannot be known, so nothing of its partition may be sent.
    """


def encode(
    done: int, claims: int, *, drained: bool, held: bool = False, topic_id: str | None = None
) -> str:
    """At most 4,035 ASCII characters.

    Raises:
        ValueError: a bitmap is negative or wider than `MAX_SPAN`, or the topic id is not one.
    """
    flags = f"{'d' * drained}{'h' * held}"
    text = f"{flags}.{_bitmap_text(done)}.{_bitmap_text(claims)}"
    if topic_id is None:
        text = f"1{text}"
    elif _TOPIC_ID.fullmatch(topic_id):
        text = f"2{text}.{topic_id}"
    else:
        raise ValueError(f"{topic_id!r} is no topic id")
    return f"{text}.{_base64(crc32(text.encode()).to_bytes(4, 'big'))}"


def decode(text: str) -> Known | None:
    """What the text says; None: it is empty, or another program's.

    Raises:
        Damaged: the text is in our format, but not what `encode` writes.
    """
    if not _OURS.match(text):
        return None
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise Damaged(f"offset metadata of an unknown version, altered or cut: {_shown(text)}")
    drained, held, done, claims, topic_id = parts.groups()
    try:
        known = Known(
            _bitmap(done),
            _bitmap(claims),
            drained=bool(drained),
            held=bool(held),
            topic_id=topic_id,
        )
        faithful = _encode(known) == text
    except ValueError as error:
        raise Damaged(f"offset metadata with an impossible bitmap: {_shown(text)}") from error
    if not faithful:
        raise Damaged(f"offset metadata that does not match its check: {_shown(text)}")
    return known


def _encode(known: Known) -> str:
    return encode(
        known.done,
        known.claims,
        drained=known.drained,
        held=known.held,
        topic_id=known.topic_id,
    )


def _bitmap_text(bitmap: int) -> str:
    width = bitmap.bit_length()
    if bitmap < 0 or width > MAX_SPAN:
        raise ValueError(f"a bitmap of {width} bits, beyond 0..{MAX_SPAN}")
    return _base64(bitmap.to_bytes((width + 7) // 8, "little"))


def _bitmap(text: str) -> int:
    try:
        return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "little")
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from error


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
