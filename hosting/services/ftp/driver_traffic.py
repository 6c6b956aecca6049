"""What FTP and SFTP take: a line for each session that has ended.

ProFTPD writes it when a session says goodbye or its connection is lost; sessions that are killed,
because their subscription is suspended, are not in it.
"""

from pathlib import Path

from hosting.agent import metering
from hosting.agent.host import Host
from hosting.agent.platform import Platform
from hosting.agent.traffic import Traffic

# ProFTPD's LogFormat (mod_log): the day, the uid, raw bytes that came in and went out. "-" stands
# for what a session that nobody logged in to has not. As `metering` reads it.
FORMAT = "%{%Y-%m-%d}t %{uid} %I %O"


def log(platform: Platform) -> Path:
    """Return the file of the lines."""
    return platform.logs / "ftp-traffic.log"


def of_sessions(host: Host, directory: Path) -> Traffic:
    """Return what counts these lines, kept in the service's directory."""
    lines = [log(host.platform)]
    return Traffic(host, directory / "traffic.sqlite3", lambda: lines, metering.read)
