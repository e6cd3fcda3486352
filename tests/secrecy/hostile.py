"""Texts that a publisher may choose, and that mean something to a path, a header, a log or a terminal."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

TEXTS: Final = (
    "../../../admin/users",
    "..%2f..%2fadmin",
    "a/../b",
    "T-1?x=1#f",
    "T-1;a=b",
    "T-1\r\nX-Injected: 1",
    "T-1\nAuthorization: Bearer x",
    "%0d%0aX-Injected:%201",
    "T-1\0",
    "\x1b[31mred\x1b[0m",
    "line\u2028and\u2029and\x85next",
    "\u202eright to left",
    '"},{"event":"forged',
    "\\",
    "\ufeffT-1",
    "ü/ß?",
    "http://elsewhere.example/",
    " T-1 ",
)
TOO_LONG: Final = "x" * 1_000_000
_PIECES: Final = (*"/.%\r\n\0?#\"'\\\x85\u2028", "..", "2f", "\x1b[31m", "\r\nX-Injected: 1")

hostile_texts = st.one_of(
    st.sampled_from(TEXTS),
    st.lists(st.sampled_from(_PIECES) | st.characters(codec="utf-8"), min_size=1, max_size=12).map(
        "".join
    ),
)
"""Lone surrogates are not among them: they are no text that a record can bring."""
