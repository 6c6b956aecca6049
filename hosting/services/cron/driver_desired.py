"""What a subscription should have of scheduled tasks, as checked values."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from hosting.agent.protocol import (
    AgentError,
    invalid,
    listed,
    one_of,
    record,
    text,
    truth,
    whole,
)
from hosting.services.cron import driver_schedule as schedule

MOST_TASKS = 200
MAX_NUMBER = 2**53
KINDS = ("command", "url", "php")
LONGEST = 1000
LONGEST_SECONDS, LEAST_MEMORY, MOST_MEMORY = 24 * 3600, 64, 16 * 1024
NEWEST = "newest"
_VERSION = re.compile(r"newest|[5-9]\.[0-9]", re.ASCII)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,2}", re.ASCII)


@dataclass(frozen=True)
class Task:
    """One task. `asked` is when somebody pressed Run now, in seconds since 1970; 0: never."""

    id: int
    kind: str
    what: str
    line: str
    zone: str
    is_active: bool
    seconds: int
    memory: int
    php: str = ""
    asked: int = 0

    def __str__(self) -> str:
        state = "" if self.is_active else " (off)"
        return f"{self.line} {self.zone} {self.kind} {self.what}{state}"


@dataclass(frozen=True)
class Tasks:
    """The tasks of a subscription, and the name of its system user."""

    user: str
    tasks: tuple[Task, ...]


def is_url(value: str) -> bool:
    """Say whether it is an address that a task may fetch: http or https, with a host."""
    if not value.isascii() or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        _port = parts.port
    except ValueError:
        return False
    is_plain = parts.username is None and parts.password is None
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain


def is_script(value: str) -> bool:
    """Say whether it is a path of a PHP script inside a home, and stays there."""
    parts = value.split("/")
    return all(part not in ("", ".", "..") for part in parts) and not value.startswith("-")


def find_zone(name: str) -> ZoneInfo:
    """Return a time zone. ValueError: there is none by that name."""
    if len(name) > 60 or not _ZONE.fullmatch(name):
        raise ValueError(name)
    try:
        return ZoneInfo(name)
    except (LookupError, OSError) as error:
        raise ValueError(name) from error


def _task(value: object) -> Task:
    names = ("id", "kind", "what", "line", "zone", "active", "seconds", "memory")
    fields = record(value, "task", names, ("php", "asked"))
    kind = one_of(fields["kind"], "kind", KINDS)
    what = text(fields["what"], "what", LONGEST)
    php = ""
    if kind == "url" and not is_url(what):
        raise invalid("a task's address is not one of http or https")
    if kind == "php":
        php = text(fields.get("php"), "php", 10)
        if not _VERSION.fullmatch(php) or not is_script(what):
            raise invalid("a task's script is not a path in the home, or has no version of PHP")
    line, zone = text(fields["line"], "line", schedule.LONGEST), text(fields["zone"], "zone", 60)
    try:
        schedule.parse(line)
        find_zone(zone)
    except ValueError:
        raise invalid(
            f"a task's times cannot be understood: {line[:60]!r}, {zone[:60]!r}"
        ) from None
    return Task(
        id=whole(fields["id"], "task", 1, MAX_NUMBER),
        kind=kind,
        what=what,
        line=line,
        zone=zone,
        is_active=truth(fields["active"], "active"),
        seconds=whole(fields["seconds"], "seconds", 1, LONGEST_SECONDS),
        memory=whole(fields["memory"], "memory", LEAST_MEMORY, MOST_MEMORY),
        php=php,
        asked=whole(fields.get("asked", 0), "asked", 0, MAX_NUMBER),
    )


def parse(value: object) -> Tasks:
    """Return the tasks of a subscription."""
    fields = record(value, "cron", ("user", "tasks"))
    found = tuple(_task(each) for each in listed(fields["tasks"], "tasks", MOST_TASKS))
    if len({task.id for task in found}) != len(found):
        raise AgentError("invalid", "a task is given twice")
    return Tasks(text(fields["user"], "user", 31), found)
