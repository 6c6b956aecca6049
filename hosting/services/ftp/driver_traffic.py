"""What FTP and SFTP take: a line for each session that has ended.

ProFTPD writes it when a session says goodbye or its connection is lost; sessions that are killed,
because their subscription is suspended, are not in it.
"""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.platform import FIRST_UID, Platform, uid_of
from hosting.agent.traffic import Amount, Traffic

# ProFTPD's LogFormat (mod_log): the day, the uid, raw bytes that came in and went out. "-" stands
# for what a session that nobody logged in to has not.
FORMAT = "%{%Y-%m-%d}t %{uid} %I %O"
_LINE = re.compile(rb"(\d{4}-\d\d-\d\d) (\d{1,19}) (\d{1,18}) (\d{1,18})")


def log(platform: Platform) -> Path:
    """Return the file of the lines."""
    return platform.logs / "ftp-traffic.log"


def line(day: str, subscription: int, received: int, sent: int) -> str:
    """Return what ProFTPD would write, for the server that is not ProFTPD."""
    return f"{day} {uid_of(subscription)} {received} {sent}\n"


def of_sessions(host: Host, directory: Path) -> Traffic:
    """Return what counts these lines, kept in the service's directory."""
    return Traffic(host, directory / "traffic.sqlite3", lambda: [log(host.platform)], read)


def read(lines: list[bytes], _database: sqlite3.Connection) -> Iterator[Amount]:
    """Yield what each session took, but for those of nobody's."""
    for each in lines:
        found = _LINE.fullmatch(each)
        if found and int(found[2]) > FIRST_UID:
            number = int(found[2]) - FIRST_UID
            yield Amount(number, found[1].decode(), int(found[4]), int(found[3]))
