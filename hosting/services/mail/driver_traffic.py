"""What mail takes, out of the logs of Postfix and Dovecot.

A letter that arrives counts when it is put into its mailbox, one that is submitted when it is
queued and again with each server that takes it; reading counts when the session has ended. What is
only passed on by a mailbox counts for nobody.
"""

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hosting.agent import metering
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.traffic import Amount, Traffic

# Dovecot's log_timestamp and mail_log_prefix, what it says of a session's end, and of a letter.
TIMESTAMP = "%Y-%m-%d %H:%M:%S "
PREFIX = "%s(%u)<%{pid}><%{session}><%{uid}>: "
LOGGED_OUT, DELIVERED = "in=%i out=%o", "size=%p %$"
_BEGIN = rb"(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d "
_WHO = rb"\([^()<>]*\)<\d+><[^<>]*><(\d{1,19})>: Info: "
_READ = re.compile(_BEGIN + rb"(?:imap|pop3)" + _WHO + rb".*\bin=(\d{1,18}) out=(\d{1,18})")
_KEPT = re.compile(_BEGIN + rb"lmtp" + _WHO + rb"(?:sieve: )?size=(\d{1,18}) .*")
# Postfix's: the day without its year, the part that speaks, the letter's number in the queue.
_LETTER = re.compile(
    rb"(\w{3} [ \d]\d) \d\d:\d\d:\d\d \S+ postfix/(\w+(?:/\w+)?)\[\d+\]: (\w+): (.*)"
)
_LOGIN = re.compile(rb"client=[^, ]+, sasl_method=\w+, sasl_username=([^, ]+)(?:, sasl_sender=.*)?")
_SIZE = re.compile(rb"from=<.*>, size=(\d{1,18}), nrcpt=\d+ \(queue active\)")
_TAKEN = re.compile(rb"to=<.*, status=sent \(.*")
TABLES = """
CREATE TABLE IF NOT EXISTS letter (
    number TEXT PRIMARY KEY, subscription INTEGER NOT NULL, day TEXT NOT NULL,
    size INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
"""
# So long a letter waits in the queue at the most (maximal_queue_lifetime), and a little more.
_DAYS = 10
Owner = Callable[[str], int | None]


def log(platform: Platform) -> Path:
    """Return the file that the small server writes its lines into."""
    return platform.logs / "mail-traffic.log"


def of_letters(host: Host, directory: Path, owner: Owner) -> Traffic:
    """Return what counts all of it. `owner` gives the subscription of who logs in by an address."""
    platform = host.platform
    logs = [platform.logs / "dovecot.log", platform.logs / "mail.log", log(platform)]

    def read(lines: list[bytes], database: sqlite3.Connection) -> Iterable[Amount]:
        yield from metering.read(lines, database)
        yield from of_dovecot(lines)
        yield from of_postfix(lines, database, owner)

    return Traffic(host, directory / "traffic.sqlite3", lambda: logs, read, TABLES)


def of_dovecot(lines: list[bytes]) -> Iterator[Amount]:
    """Yield what sessions took, and letters that were put into mailboxes."""
    for line in lines:
        if found := _READ.fullmatch(line):
            yield from metering.amount(found[2], found[1], int(found[4]), int(found[3]))
        elif found := _KEPT.fullmatch(line):
            yield from metering.amount(found[2], found[1], 0, int(found[3]))


def of_postfix(lines: list[bytes], database: sqlite3.Connection, owner: Owner) -> Iterator[Amount]:
    """Yield what was submitted, and what other servers took of it."""
    today = time.localtime()
    for line in lines:
        found = _LETTER.fullmatch(line)
        if not found:
            continue
        day, part, number, said = found.groups()
        if part.endswith(b"smtpd") and (login := _LOGIN.fullmatch(said)):
            subscription = owner(login[1].decode("utf-8", "replace"))
            if subscription is not None:
                _note(database, number, subscription, _date(day, today))
        elif part == b"qmgr":
            yield from _queued(database, number, said)
        elif part == b"smtp" and _TAKEN.fullmatch(said):
            yield from _left(database, number, _date(day, today))


def _date(day: bytes, today: time.struct_time) -> str:
    """Return the date of a month and a day that were not long ago."""
    try:
        found = time.strptime(f"{today.tm_year} {day.decode()}", "%Y %b %d")
    except ValueError:
        found = today
    year = today.tm_year - (found.tm_yday > today.tm_yday + 1)
    return f"{year:04}-{found.tm_mon:02}-{found.tm_mday:02}"


def _note(database: sqlite3.Connection, number: bytes, subscription: int, day: str) -> None:
    database.execute(
        "INSERT OR REPLACE INTO letter (number, subscription, day) VALUES (?, ?, ?)",
        (number.decode(), subscription, day),
    )
    database.execute("DELETE FROM letter WHERE day < date(?, ?)", (day, f"-{_DAYS} days"))


def _letter(database: sqlite3.Connection, number: bytes) -> tuple[int, str, int] | None:
    query = "SELECT subscription, day, size FROM letter WHERE number = ?"
    row: tuple[int, str, int] | None = database.execute(query, (number.decode(),)).fetchone()
    return row


def _queued(database: sqlite3.Connection, number: bytes, said: bytes) -> Iterator[Amount]:
    if said == b"removed":
        database.execute("DELETE FROM letter WHERE number = ?", (number.decode(),))
    elif found := _SIZE.fullmatch(said):
        row = _letter(database, number)
        # It says so again with each attempt.
        if row is not None and not row[2]:
            size = int(found[1])
            change = "UPDATE letter SET size = ? WHERE number = ?"
            database.execute(change, (size, number.decode()))
            yield Amount(row[0], row[1], 0, size)


def _left(database: sqlite3.Connection, number: bytes, day: str) -> Iterator[Amount]:
    row = _letter(database, number)
    if row is not None:
        yield Amount(row[0], day, row[2], 0)
