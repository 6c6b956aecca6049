"""Cron lines against somebody else's reading of them: every minute, one by one."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.services.cron.driver_schedule import BadLine, next_minute, next_runs, parse

BERLIN = ZoneInfo("Europe/Berlin")
NAMES = {"jan": 1, "feb": 2, "mar": 3, "oct": 10, "sun": 0, "mon": 1, "fri": 5, "sat": 6}
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


@cache
def allowed(field: str, low: int, high: int) -> set[int]:
    """The numbers of a field, as slowly as can be."""
    found = set()
    for part in field.split(","):
        span, _slash, step = part.partition("/")
        first, _dash, last = span.partition("-")
        start = low if first == "*" else NAMES.get(first) if first in NAMES else int(first)
        end = high if first == "*" else NAMES.get(last) if last in NAMES else int(last or start)
        found |= {n for n in range(start, end + 1) if (n - start) % int(step or 1) == 0}
    return found


def fits(line: str, at: datetime) -> bool:
    fields = line.split()
    minute, hour, day, month, week = (
        allowed(field, *bounds) for field, bounds in zip(fields, BOUNDS, strict=True)
    )
    if at.minute not in minute or at.hour not in hour or at.month not in month:
        return False
    by_day, by_week = at.day in day, at.isoweekday() in week or at.isoweekday() % 7 in week
    either = not (fields[2].startswith("*") or fields[4].startswith("*"))
    return (by_day or by_week) if either else (by_day and by_week)


def oracle(line: str, zone: ZoneInfo, after: int, most: int) -> int | None:
    """The next minute, found by looking at each, and at each that the wall's clock left out."""
    is_hourly = len(allowed(line.split()[1], 0, 23)) == 24
    before = datetime.fromtimestamp(after * 60, zone).replace(tzinfo=None)
    for minute in range(after + 1, after + most):
        at = datetime.fromtimestamp(minute * 60, zone)
        wall = at.replace(tzinfo=None, fold=0)
        leap = int((wall - before) / timedelta(minutes=1))
        missed = [before + timedelta(minutes=n) for n in range(1, leap)] if not is_hourly else []
        if any(fits(line, one) for one in missed):
            return minute
        if fits(line, wall) and (is_hourly or not at.fold):
            return minute
        before = wall
    return None


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda two: f"{min(two)}-{max(two)}")
    stepped = st.tuples(st.one_of(span, st.just("*")), st.integers(1, 20)).map(
        lambda two: f"{two[0]}/{two[1]}"
    )
    one = st.one_of(number.map(str), span, stepped)
    return st.one_of(st.just("*"), one, st.lists(one, min_size=1, max_size=3).map(",".join))


LINES = st.tuples(*(field(*bounds) for bounds in BOUNDS)).map(" ".join)
# Around both changes of the clock, the leap day, and the turn of a year.
MOMENTS = st.sampled_from(
    [
        datetime(2026, 3, 28, 23, tzinfo=UTC),
        datetime(2026, 10, 24, 22, tzinfo=UTC),
        datetime(2028, 2, 28, 12, tzinfo=UTC),
        datetime(2026, 12, 31, 12, tzinfo=UTC),
    ]
)
ZONES = st.sampled_from(["Europe/Berlin", "UTC", "Australia/Lord_Howe", "America/St_Johns"])


@settings(deadline=None, max_examples=80)
@given(LINES, ZONES, MOMENTS, st.integers(0, 600))
def test_the_next_run_is_the_one_that_a_look_at_every_minute_finds(
    line: str, zone: str, moment: datetime, later: int
) -> None:
    try:
        schedule = parse(line)
    except BadLine:
        # Never due: 31 February.
        assert oracle(line, ZoneInfo("UTC"), int(moment.timestamp()) // 60, 2000) is None
        return
    after = int(moment.timestamp()) // 60 + later
    found = next_minute(schedule, ZoneInfo(zone), after)
    wanted = oracle(line, ZoneInfo(zone), after, 2000)
    assert found == wanted if wanted is not None else found is None or found >= after + 2000


def times(line: str, start: datetime, number: int) -> list[str]:
    found = next_runs(parse(line), BERLIN, start.timestamp(), number)
    return [datetime.fromtimestamp(at, BERLIN).strftime("%d %H:%M %Z") for at in found]


def test_a_time_that_the_clock_leaves_out_is_made_up_for_and_one_twice_counts_once() -> None:
    spring = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    assert times("30 2 * * *", spring, 2) == ["29 03:00 CEST", "30 02:30 CEST"]
    autumn = datetime(2026, 10, 25, 0, tzinfo=BERLIN)
    assert times("30 2 * * *", autumn, 2) == ["25 02:30 CEST", "26 02:30 CET"]
    assert times("30 * * * *", autumn, 4)[1:4] == ["25 01:30 CEST", "25 02:30 CEST", "25 02:30 CET"]


@pytest.mark.parametrize(
    "line",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *"),
        *("* * * * 8", "5-1 * * * *", "*/0 * * * *", "5/2 * * * *", "a * * * *", "1, * * * *"),
        *("@reboot", "@", "0 0 31 2 *", "²  * * * *", "* * * * *\0", "*-5 * * * *", "1" * 300),
    ],
)
def test_what_is_no_line_or_never_due_is_refused(line: str) -> None:
    with pytest.raises(BadLine):
        parse(line)


@given(st.text(max_size=60))
def test_hostile_text_is_a_line_or_refused_and_nothing_else(text: str) -> None:
    try:
        schedule = parse(text)
    except BadLine:
        return
    assert schedule.minutes <= set(range(60))
    assert schedule.weekdays <= set(range(7))


def test_names_and_words_are_understood() -> None:
    assert parse("0 9 * Jan-Mar Mon-Fri") == parse("0 9 * 1-3 1-5")
    assert parse("@daily") == parse("0 0 * * *")
    assert parse("0 0 * * 7") == parse("0 0 * * 0")
