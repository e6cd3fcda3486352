"""Whatever the value, what is written stands for it exactly."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal as PythonDecimal
from typing import Any

from hypothesis import given, strategies as st

from consumer.contracts import Action, Decimal, Long, Timestamp

ZURICH = timezone(timedelta(hours=2))


class Exact(Action, api_name="exact"):
    at: Timestamp | None = None
    long: Long | None = None
    decimal: Decimal | None = None


def sent(**parameters: Any) -> Any:
    return json.loads(Exact(**parameters).call().parameters)


@given(
    st.datetimes(
        timezones=st.sampled_from([UTC, ZURICH, timezone(-timedelta(hours=9, minutes=30))]),
        min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - as above
    )
)
def test_every_time_is_written_in_utc_and_stays_the_same_moment(moment: datetime) -> None:
    text = sent(at=moment)["at"]

    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_every_long_is_written_as_its_digits(number: int) -> None:
    assert sent(long=number) == {"long": str(number)}


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, places=6, min_value=-(10**20), max_value=10**20
    )
)
def test_every_decimal_is_written_exactly_and_without_exponent(number: PythonDecimal) -> None:
    text = sent(decimal=number)["decimal"]

    assert PythonDecimal(text) == number
    assert "E" not in text.upper()
