"""What visits of sites take, out of the access log."""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from hosting.agent.host import Host
from hosting.agent.traffic import Amount, Traffic
from hosting.services.web.driver_log import Logs

# The site, then two fields, the day of the time, the status, bytes out and in.
_LINE = re.compile(rb"s(\d+)-\d+ \S+ \S+ (\d{4}-\d\d-\d\d)T\S+ \d{3} (\d+) (\d+) ")


def of_visits(host: Host, logs: Logs) -> Traffic:
    """Return what counts the lines of the access log, also of what it was before."""

    def files() -> Iterable[Path]:
        return reversed(logs.all(logs.access))

    return Traffic(host, host.platform.web / "traffic.sqlite3", files, read)


def read(lines: list[bytes], _database: sqlite3.Connection) -> Iterator[Amount]:
    """Yield what each line of the access log says."""
    for line in lines:
        if found := _LINE.match(line):
            yield Amount(int(found[1]), found[2].decode(), int(found[3]), int(found[4]))
