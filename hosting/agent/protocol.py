"""The agent's wire: one JSON object a line, read strictly, checked field by field.

Everything is validated here again, whatever the panel has checked before: the agent trusts nobody.
"""

import json
import re
import sqlite3
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import BinaryIO

VERSION = 1
MAX_LINE = 8 * 1024 * 1024
MAX_SUBSCRIPTIONS = 500
MAX_SWITCHES = 100_000
MAX_MEASURED = 10_000
MAX_ID = 2**63 - 1
# A generation beyond what every JSON reader keeps exactly is a mistake, and one that would
# shut out all later ones.
MAX_GENERATION = 2**53 - 1

# What a subscription may do: everything; what the overused may; nothing.
OPEN, LIMITED, SHUT = STATES = ("open", "limited", "shut")
KINDS = ("invalid", "refused", "stale", "check", "probe", "io")

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# At least two labels: single words such as "default" and "include" mean something else to daemons.
# The last one has a letter: 127.0.0.1 is not a name.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?=[0-9-]*[a-z]){_LABEL}", re.ASCII)


class AgentError(Exception):
    """Something the agent could not or would not do: a kind for programs, words for people."""

    def __init__(self, kind: str, message: str):
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Subscription:
    """One subscription as it should be; each service's part is checked by that service's driver.

    `state` is one of STATES; of what is not present, "shut".
    """

    id: int
    generation: int
    present: bool
    state: str
    services: dict[str, object]


def told(error: AgentError | OSError | sqlite3.Error) -> AgentError:
    """Return an error as the agent tells it: its own as it is, others' in their words."""
    return error if isinstance(error, AgentError) else AgentError("io", str(error))


def invalid(message: str) -> AgentError:
    """Return the error for input that is not what the contract says."""
    return AgentError("invalid", message)


def whole(value: object, name: str, low: int, high: int) -> int:
    """Return value if it is a whole number within the bounds. True is not a number."""
    if type(value) is not int or not low <= value <= high:
        raise invalid(f"{name} is not a whole number from {low} to {high}")
    return value


def truth(value: object, name: str) -> bool:
    """Return value if it is true or false."""
    if type(value) is not bool:
        raise invalid(f"{name} is not true or false")
    return value


def text(value: object, name: str, longest: int) -> str:
    """Return value if it is a text of one line without control characters."""
    if type(value) is not str or not 0 < len(value) <= longest or not value.isprintable():
        raise invalid(f"{name} is not a line of at most {longest} characters")
    return value


def day(value: object, name: str) -> str:
    """Return value if it is a date, written 2026-11-23."""
    if type(value) is str and _DAY.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value).isoformat()
    raise invalid(f"{name} is not a date")


def listed(value: object, name: str, longest: int) -> list:
    """Return value if it is a list that is not too long."""
    if type(value) is not list or len(value) > longest:
        raise invalid(f"{name} is not a list of at most {longest} entries")
    return value


def one_of(value: object, name: str, allowed: Collection[str]) -> str:
    """Return value if it is one of the words allowed."""
    if type(value) is not str or value not in allowed:
        raise invalid(f"{name} is not one of {', '.join(allowed)}")
    return value


def record(value: object, name: str, needed: Iterable[str], optional: Iterable[str] = ()) -> dict:
    """Return value if it is an object with all the keys needed and no unknown one."""
    if type(value) is not dict:
        raise invalid(f"{name} is not an object")
    needed = set(needed)
    for key in needed - value.keys():
        raise invalid(f"{name} lacks {key}")
    for key in value.keys() - needed - set(optional):
        raise invalid(f"{name} has an unknown key {key[:60]!r}")
    return value


def is_host_name(value: object) -> bool:
    """Say whether value is a lower-case ASCII host name of at least two labels."""
    return type(value) is str and len(value) <= 253 and _HOST.fullmatch(value) is not None


def host_name(value: object, name: str, wildcard: bool = False) -> str:
    """Return value if it is a host name; with `wildcard`, *.host.name as well."""
    if not isinstance(value, str) or len(value) > 253:
        raise invalid(f"{name} is not a host name: {str(value)[:80]!r}")
    plain = value[2:] if wildcard and value.startswith("*.") else value
    if not is_host_name(plain):
        raise invalid(f"{name} is not a host name: {value[:80]!r}")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict:
    """Refuse an object that says the same thing twice: readers differ on which one counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid("a key is given twice")
    return found


def _no_constant(word: str) -> object:
    raise invalid(f"{word} is not JSON")


def decode(line: bytes) -> dict:
    """Return the object that a line holds."""
    try:
        value = json.loads(
            line.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise invalid("not a JSON object on one line") from None
    if type(value) is not dict:
        raise invalid("not a JSON object on one line")
    return value


def encode(value: dict) -> bytes:
    """Return the line for an object."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def read_line(stream: BinaryIO) -> bytes | None:
    """Return the next whole line, None at the end. A longer one than allowed is refused."""
    line = stream.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE:
        raise invalid(f"a line is longer than {MAX_LINE} bytes")
    if line and not line.endswith(b"\n"):
        return None
    return line or None


def subscription(value: object, services: Collection[str]) -> Subscription:
    """Return one subscription of a `desired` or `plan` request."""
    fields = record(value, "subscription", ("id", "generation", "present", "state"), services)
    return Subscription(
        id=whole(fields["id"], "id", 1, MAX_ID),
        generation=whole(fields["generation"], "generation", 0, MAX_GENERATION),
        present=truth(fields["present"], "present"),
        state=one_of(fields["state"], "state", STATES),
        services={name: fields[name] for name in services if name in fields},
    )


def switches(value: object) -> list[tuple[int, int, str]]:
    """Return the items of a `switch` request as (subscription, generation, state)."""
    found = []
    for item in listed(value, "items", MAX_SWITCHES):
        if type(item) is not list or len(item) != 3:
            raise invalid("an item is not [subscription, generation, state]")
        found.append(
            (
                whole(item[0], "subscription", 1, MAX_ID),
                whole(item[1], "generation", 0, MAX_GENERATION),
                one_of(item[2], "state", STATES),
            )
        )
    return found


def line(number: int, generation: int, service: str, error: AgentError | None) -> dict[str, object]:
    """Return what is told of a subscription in one service: done, or why not."""
    found: dict[str, object] = {
        "subscription": number,
        "generation": generation,
        "service": service,
    }
    if error is None:
        return found | {"ok": True}
    return found | {"ok": False, "kind": error.kind, "message": error.message}


def whose(value: object) -> tuple[int, int]:
    """Return whose unsound request this was, as far as it can be told; 0 where it cannot."""
    if type(value) is not dict:
        return 0, 0
    number, generation = value.get("id"), value.get("generation")
    return (
        number if type(number) is int and 0 < number <= MAX_ID else 0,
        generation if type(generation) is int and 0 <= generation <= MAX_GENERATION else 0,
    )
