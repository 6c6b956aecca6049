"""What can be set about PHP: one table, for the pages as for the node.

Standard library only: the agent checks by it what the panel has checked before.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# PHP evaluates E_… constants by number in a pool's configuration.
_REPORTING = {
    # E_ERROR, E_PARSE, E_CORE_ERROR, E_COMPILE_ERROR, E_USER_ERROR, E_RECOVERABLE_ERROR.
    "errors": "4437",
    # E_ALL without E_NOTICE, E_USER_NOTICE, E_STRICT, E_DEPRECATED and E_USER_DEPRECATED.
    "warnings": "5111",
    # E_ALL without E_STRICT and E_DEPRECATED: what PHP recommends for servers.
    "production": "22527",
    "all": "32767",
}
# What starts programs, or changes what the next ones see. The uid is what keeps subscriptions
# apart; this keeps the first foothold in a broken web application small.
_PROGRAMS = (
    "exec,passthru,shell_exec,system,proc_open,popen,proc_nice,dl,"
    "pcntl_exec,pcntl_fork,posix_kill,posix_mkfifo,posix_setpgid,posix_setsid"
)
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]{1,30}(?:/[A-Z][A-Za-z0-9_+-]{1,30}){0,2}", re.ASCII)
VERSION = re.compile(r"[5-9]\.[0-9]{1,2}", re.ASCII)
# What stands for the newest version that a node has.
NEWEST = "newest"
MIN_CHILDREN, MAX_CHILDREN = 1, 100


@dataclass(frozen=True)
class Directive:
    """One setting: its name here and in php.ini, what it may be, and what it is by itself.

    `kind` is "switch", "number" (from `low` to `high`, in `unit`), "choice" (`texts`: what stands
    in php.ini for each word) or "zone". What is `firm` neither a script nor a .user.ini changes.
    `group` says which permission it takes: "settings", or "insecure" for what opens up more.
    """

    name: str
    ini: str
    kind: str
    default: Any
    low: int = 0
    high: int = 0
    unit: str = ""
    texts: Mapping[Any, str] | None = None
    firm: bool = True
    group: str = "settings"

    def accepts(self, value: object) -> bool:
        """Say whether it can have this value."""
        if self.kind == "switch":
            return type(value) is bool
        if self.kind == "number":
            return type(value) is int and self.low <= value <= self.high
        if self.kind == "choice":
            return type(value) is str and value in (self.texts or ())
        return type(value) is str and _ZONE.fullmatch(value) is not None

    def text(self, value: Any) -> str:
        """Return the value as php.ini has it; ValueError if it cannot have it."""
        if not self.accepts(value):
            raise ValueError(f"{self.name} cannot be {str(value)[:60]!r}")
        if self.texts is not None:
            return self.texts[value]
        if self.kind == "switch":
            return "on" if value else "off"
        return f"{value}{self.unit}"


def _size(name: str, default: int, most: int) -> Directive:
    return Directive(name, name, "number", default, 1, most, "M")


def _number(name: str, default: int, low: int, high: int) -> Directive:
    return Directive(name, name, "number", default, low, high)


TABLE = (
    _size("memory_limit", 128, 4096),
    _number("max_execution_time", 30, 1, 3600),
    _number("max_input_time", 60, 1, 3600),
    _size("post_max_size", 32, 1024),
    _size("upload_max_filesize", 32, 1024),
    _number("max_file_uploads", 20, 1, 1000),
    _number("max_input_vars", 1000, 100, 100_000),
    Directive("session_lifetime", "session.gc_maxlifetime", "number", 1440, 60, 2_592_000),
    Directive("display_errors", "display_errors", "switch", False, firm=False),
    Directive("log_errors", "log_errors", "switch", True, firm=False),
    Directive(
        "error_reporting", "error_reporting", "choice", "production", texts=_REPORTING, firm=False
    ),
    Directive("timezone", "date.timezone", "zone", "UTC", firm=False),
    Directive("short_open_tag", "short_open_tag", "switch", False, firm=False),
    Directive("file_uploads", "file_uploads", "switch", True),
    Directive("opcache", "opcache.enable", "switch", True),
    Directive("allow_url_fopen", "allow_url_fopen", "switch", True, group="insecure"),
    Directive(
        "programs",
        "disable_functions",
        "switch",
        False,
        texts={True: "", False: _PROGRAMS},
        group="insecure",
    ),
)
BY_NAME = {directive.name: directive for directive in TABLE}


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions are put in order by: 8.10 is newer than 8.9."""
    return tuple(int(part) for part in version.split("."))
