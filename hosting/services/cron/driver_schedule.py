"""Cron lines: one parser for forms and nodes, and the minutes at which a line is due.

Five fields as crontab(5) has them, with names, lists, ranges and steps, or a word like @daily. All
is computed in the zone of the task. When a zone's clock is put forward, a time that it leaves out
is made up for in the first minute after; when it is put back, a time that comes twice counts once.
A line for every hour is due by the minutes that really pass, and has no need of either.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

LONGEST = 200
_MONTHS = {
    name: n
    for n, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_DAYS = {name: n for n, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART = re.compile(r"(\*|[0-9a-z]+)(?:-([0-9a-z]+))?(?:/([0-9]{1,2}))?", re.ASCII)
_MINUTE = 60
_DAY = 24 * 60
# 29 February comes again after eight years at the latest; what is not due until then never is.
_HORIZON = 9 * 366 * _DAY
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadLine(ValueError):
    """What is wrong with a line: which field ("" for the line as a whole)."""

    def __init__(self, field: str):
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Schedule:
    """A line that was understood."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    # Sunday is 0.
    weekdays: frozenset[int]
    # Where one of the two begins with a star, both have to fit; else one of them.
    needs_both: bool

    @property
    def is_hourly(self) -> bool:
        """Whether it is due in every hour."""
        return len(self.hours) == 24

    def fits_day(self, at: datetime) -> bool:
        """Say whether it is due on a day at all."""
        if at.month not in self.months:
            return False
        by_day, by_week = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        return by_day and by_week if self.needs_both else by_day or by_week

    def fits(self, at: datetime) -> bool:
        """Say whether it is due in a minute of the wall's clock."""
        return at.minute in self.minutes and at.hour in self.hours and self.fits_day(at)


def _number(word: str, name: str, low: int, high: int, names: dict[str, int]) -> int:
    if word in names:
        return names[word]
    if not word.isdecimal() or len(word) > 2 or not low <= int(word) <= high:
        raise BadLine(name)
    return int(word)


def _field(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise BadLine(name)
        first, last, step = match.groups()
        if first == "*":
            if last is not None:
                raise BadLine(name)
            start, end = low, high
        else:
            start = _number(first, name, low, high, names)
            end = start if last is None else _number(last, name, low, high, names)
            # A step without a range says something else in each cron.
            if end < start or (step is not None and last is None):
                raise BadLine(name)
        width = int(step) if step is not None else 1
        if width < 1:
            raise BadLine(name)
        found.update(range(start, end + 1, width))
    if name == "weekday":
        found = {day % 7 for day in found}
    return frozenset(found)


@lru_cache(maxsize=4096)
def parse(line: str) -> Schedule:
    """Return what a line says. BadLine: it is none, or one that is never due."""
    if len(line) > LONGEST or not line.isascii():
        raise BadLine("")
    words = WORDS.get(line.strip().lower(), line).lower().split()
    if len(words) != len(_FIELDS):
        raise BadLine("")
    sets = [_field(word, *field) for word, field in zip(words, _FIELDS, strict=True)]
    found = Schedule(*sets, needs_both=words[2].startswith("*") or words[4].startswith("*"))
    if next_minute(found, ZoneInfo("UTC"), 0) is None:
        raise BadLine("day")
    return found


def minute_of(at: float) -> int:
    """Return the minute, counted from 1970, of a time in seconds."""
    return int(at // _MINUTE)


def _local(minute: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(minutes=minute)).astimezone(zone)


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta(0)


def _made_up_for(schedule: Schedule, minute: int, here: datetime, zone: ZoneInfo) -> bool:
    """Say whether the clock was put forward just before this minute, over a time that is due."""
    before = _local(minute - 1, zone)
    if _offset(here) <= _offset(before):
        return False
    at = before.replace(tzinfo=None, fold=0) + timedelta(minutes=1)
    end = here.replace(tzinfo=None, fold=0)
    while at < end:
        if schedule.fits(at):
            return True
        at += timedelta(minutes=1)
    return False


def next_minute(schedule: Schedule, zone: ZoneInfo, after: int) -> int | None:
    """Return the first minute after `after` (both counted from 1970) that is due; None: never."""
    minute, end = after + 1, after + _HORIZON
    may_follow_a_leap = not schedule.is_hourly
    while minute < end:
        here = _local(minute, zone)
        if may_follow_a_leap and _made_up_for(schedule, minute, here, zone):
            return minute
        is_again = bool(here.fold) and not schedule.is_hourly
        if schedule.fits(here) and not is_again:
            return minute
        step = 1
        if not schedule.fits_day(here):
            step = _DAY - here.hour * 60 - here.minute
        elif here.hour not in schedule.hours:
            step = 60 - here.minute
        if step > 1 and _offset(_local(minute + step, zone)) != _offset(here):
            # The clock is put forward or back on the way: minute by minute.
            step = 1
        # What lies behind a longer step has no leap just before it.
        may_follow_a_leap = step == 1 and not schedule.is_hourly
        minute += step
    return None


def next_runs(schedule: Schedule, zone: ZoneInfo, after: float, number: int) -> list[int]:
    """Return when it is due next, in seconds since 1970."""
    found: list[int] = []
    minute = minute_of(after)
    while len(found) < number:
        following = next_minute(schedule, zone, minute)
        if following is None:
            break
        found.append(following * _MINUTE)
        minute = following
    return found
