"""What is written beside an offset is read back as it was, or not at all."""

from __future__ import annotations

import string
from base64 import urlsafe_b64encode
from dataclasses import replace
from zlib import crc32

import pytest
from hypothesis import example, given, strategies as st

from consumer.state.offset_codec import MAX_SPAN, Damaged, Known, decode, encode

BROKER_LIMIT = 4_096
WIDEST = 2**MAX_SPAN - 1

bitmaps = st.one_of(
    st.integers(0, 2**40),
    st.integers(0, WIDEST),
    st.sets(st.integers(0, MAX_SPAN - 1), max_size=40).map(lambda bits: sum(1 << b for b in bits)),
)
TOPIC = "4fLBRmjISuKh_T-Y9dTdMA"
topic_ids = st.none() | st.text(
    string.ascii_letters + string.digits + "-_", min_size=22, max_size=22
)
contents = st.builds(
    Known,
    done=bitmaps,
    claims=bitmaps,
    drained=st.booleans(),
    held=st.booleans(),
    topic_id=topic_ids,
)
characters = st.one_of(
    st.sampled_from(string.ascii_letters + string.digits + "-_.="), st.characters()
)


def written(content: Known) -> str:
    return encode(
        content.done,
        content.claims,
        drained=content.drained,
        held=content.held,
        topic_id=content.topic_id,
    )


def reading(text: str) -> Known | str | None:
    try:
        return decode(text)
    except Damaged:
        return "damaged"


@given(contents)
@example(Known(WIDEST, WIDEST, drained=True, held=True))
@example(Known(WIDEST, WIDEST, drained=True, held=True, topic_id=TOPIC))
@example(Known(WIDEST, WIDEST, drained=True))
@example(Known(0, 0, drained=False))
def test_what_is_written_is_read_back_and_always_fits_the_broker(
    content: Known,
) -> None:
    text = written(content)

    assert decode(text) == content
    assert len(text) <= BROKER_LIMIT
    assert text.isascii()


def test_the_longest_text_is_as_long_as_the_docstring_proves() -> None:
    assert len(encode(WIDEST, WIDEST, drained=True, held=True)) == 4_012
    assert len(encode(WIDEST, WIDEST, drained=True, held=True, topic_id=TOPIC)) == 4_035


def test_the_format_is_pinned() -> None:
    """Texts of an earlier release lie in the broker: they must stay readable."""
    text = encode(0b1_0000_0101, 0b10, drained=True)

    assert text == "1d.BQE.Ag.9y4o-Q"
    assert decode(text) == Known(0b1_0000_0101, 0b10, drained=True, held=False)


def test_the_format_with_a_topic_is_pinned() -> None:
    text = encode(0b1_0000_0101, 0b10, drained=True, topic_id=TOPIC)

    assert text == f"2d.BQE.Ag.{TOPIC}.oEHv0w"
    assert decode(text) == Known(0b1_0000_0101, 0b10, drained=True, topic_id=TOPIC)


@pytest.mark.parametrize("topic_id", ["", TOPIC[:-1], TOPIC + "A", TOPIC[:-1] + ".", "\u00e9" * 22])
def test_what_is_no_topic_id_is_refused(topic_id: str) -> None:
    with pytest.raises(ValueError, match="no topic id"):
        encode(1, 0, drained=False, topic_id=topic_id)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_version_with_the_parts_of_the_other_is_damaged(version: str) -> None:
    """Under a right check: a release that writes this is not this one."""
    topic = f".{TOPIC}" if version == "1" else ""
    body = f"{version}.AQ.{topic}"
    check = urlsafe_b64encode(crc32(body.encode()).to_bytes(4, "big")).rstrip(b"=").decode()

    assert reading(f"{body}.{check}") == "damaged"


@pytest.mark.parametrize(
    ("content", "flags"),
    [
        (Known(0b101, 0b10, drained=False, held=False), "1."),
        (Known(0b101, 0b10, drained=True, held=False), "1d."),
        (Known(0b101, 0b10, drained=False, held=True), "1h."),
        (Known(0b101, 0b10, drained=True, held=True), "1dh."),
    ],
)
def test_that_some_lane_has_to_wait_is_a_flag_of_its_own(content: Known, flags: str) -> None:
    text = written(content)

    assert text.startswith(flags)
    assert decode(text) == content


@given(contents)
def test_the_flag_that_a_lane_waits_changes_nothing_else_and_is_covered_by_the_check(
    content: Known,
) -> None:
    other = replace(content, held=not content.held)
    text = written(content)
    flags, rest = text.split(".", 1)
    moved = flags.removesuffix("h") if content.held else f"{flags}h"

    assert decode(written(other)) == other
    assert reading(f"{moved}.{rest}") == "damaged"


def test_zeros_at_the_end_cost_nothing() -> None:
    assert encode(0, 0, drained=False).startswith("1...")
    assert len(encode(1, 0, drained=False)) == len("1.AQ..123456")


@given(contents, st.data())
def test_one_altered_character_never_gives_other_content(
    content: Known, data: st.DataObject
) -> None:
    text = written(content)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(characters.filter(lambda character: character != text[at]))
    altered = text[:at] + other + text[at + 1 :]

    expected = {"damaged"} if at > text.index(".") else {"damaged", None}

    assert reading(altered) in expected


def test_each_altered_character_of_one_text_is_found() -> None:
    """All places times all characters of the format: what a random search might miss."""
    text = encode(0b1011 << 70, 0b1 << 33, drained=True)

    for at in range(text.index(".") + 1, len(text)):
        for other in set(string.ascii_letters + string.digits + "-_.=") - {text[at]}:
            assert reading(text[:at] + other + text[at + 1 :]) == "damaged"


@given(contents, st.data())
def test_a_cut_text_never_gives_other_content(content: Known, data: st.DataObject) -> None:
    text = written(content)
    length = data.draw(st.integers(0, len(text) - 1))

    expected = "damaged" if "." in text[:length] else None

    assert reading(text[:length]) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bAAMAAAANg==",
        "AgAAAY",
        "consumer-1.host",
        "{}",
        "no dot 1.",
        "1",
        "1d",
        "-1.",
        "\u0661.x",
        "\u00b2.x",
    ],
)
def test_foreign_text_says_nothing(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2.AQ..AAAAAA",
        "3.AQ..AAAAAA",
        "12d.AQ..AAAAAA",
        "1x.AQ..AAAAAA",
        "1hd.AQ..AAAAAA",
        "1hh.AQ..AAAAAA",
        "1.",
        "1.AQ..AAAAAA",
        "1.A..AAAAAA",
        "1.\u00e9\u00e9..AAAAAA",
        "1." + "A" * 5_000 + "..AAAAAA",
        "1." + "_" * 5_000 + "..AAAAAA",
    ],
)
def test_our_own_format_that_cannot_be_read_is_damaged_not_empty(text: str) -> None:
    with pytest.raises(Damaged) as caught:
        decode(text)

    assert len(str(caught.value)) < 200


def test_a_text_with_a_right_check_that_we_would_not_write_is_damaged() -> None:
    """`AQA` is `AQ` with a zero byte behind it: same bits, other text."""
    check = urlsafe_b64encode(crc32(b"1.AQA.").to_bytes(4, "big")).rstrip(b"=").decode()

    assert reading(f"1.AQA..{check}") == "damaged"


@pytest.mark.parametrize(
    ("done", "claims"), [(-1, 0), (0, -1), (1 << MAX_SPAN, 0), (0, 1 << MAX_SPAN)]
)
def test_what_would_not_fit_is_refused(done: int, claims: int) -> None:
    with pytest.raises(ValueError, match="bitmap"):
        encode(done, claims, drained=False)
