"""php-fpm's configuration as text: one pool for each subscription, version and set of settings.

The only place where text becomes configuration. Whatever does not fit the grammar is refused.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hosting.agent.protocol import AgentError
from hosting.services.php.driver_desired import Php, Values
from hosting.services.php.driver_table import BY_NAME

# Asked for on a socket, and never through nginx: what it passes on ends with .php.
PROBE = "/freehold"
# No subscription's number reaches so low; uid 0 would pass php-fpm's own test of a configuration.
_LOWEST_UID = 1000
# Past its time by this much a request is ended by the clock, whatever it waits for.
_GRACE = 30
# How long requests may go on when a master reads its configuration anew. Others wait meanwhile.
_PATIENCE = 5
# Nobody's: the pool that keeps a master alive has nothing to do but to answer probes.
_NOBODY = 65534

# php-fpm reads a quoted value up to the next quote, with $ and ${ } replaced; there is no way to
# write these characters that all of its versions read alike.
_HARMLESS = re.compile(r"[^\x00-\x1f\x7f\"\\$]*")
_NAME = re.compile(r"s[1-9][0-9]{0,18}-[0-9a-f]{12}", re.ASCII)
_SECTION = re.compile(r"^\[([^\]\n]+)\]$", re.MULTILINE)


def refused(what: object) -> AgentError:
    """Return the error for text that has no place in a configuration."""
    return AgentError("invalid", f"not fit for php-fpm's configuration: {str(what)[:80]!r}")


def quoted(value: object) -> str:
    """Return a quoted string."""
    if not _HARMLESS.fullmatch(str(value)):
        raise refused(value)
    return f'"{value}"'


@dataclass(frozen=True)
class Pool:
    """Processes of one subscription that run alike."""

    subscription: int
    version: str
    children: int
    values: Values

    @cached_property
    def name(self) -> str:
        """Its name, which says all of it: other settings are another pool beside this one."""
        said = repr((self.version, self.children, self.values)).encode()
        return f"s{self.subscription}-{hashlib.sha256(said).hexdigest()[:12]}"


@dataclass(frozen=True)
class Surroundings:
    """What a pool needs to know of its node: whose it is, where, and who may speak to it."""

    uid: int
    home: Path
    socket: Path
    web_user: str


def owner_of(name: str) -> int | None:
    """Return whose pool this is by its name; None if it is no pool of ours."""
    return int(name[1:].partition("-")[0]) if _NAME.fullmatch(name) else None


def pools_of(subscription: int, php: Php, newest: str) -> dict[int, Pool]:
    """Return the pool of each site."""
    return {
        site.id: Pool(
            subscription,
            newest if site.version == "newest" else site.version,
            php.children,
            site.values,
        )
        for site in php.sites
    }


def _settings(values: Values) -> Iterable[tuple[str, str]]:
    for name, value in values:
        directive = BY_NAME[name]
        kind = "php_admin_value" if directive.firm else "php_value"
        try:
            yield f"{kind}[{directive.ini}]", directive.text(value)
        except ValueError as error:
            raise refused(error) from None


def directives(pool: Pool, around: Surroundings) -> list[tuple[str, str]]:
    """Return everything that a pool is told, in order."""
    if around.uid < _LOWEST_UID:
        raise refused(f"user {around.uid}")
    home, temporary = around.home, around.home / "tmp"
    given = dict(pool.values)
    longest = given.get("max_execution_time", BY_NAME["max_execution_time"].default)
    return [
        ("user", str(around.uid)),
        ("group", str(around.uid)),
        ("listen", str(around.socket)),
        ("listen.owner", around.web_user),
        ("listen.group", around.web_user),
        ("listen.mode", "0660"),
        ("pm", "ondemand"),
        ("pm.max_children", f"{pool.children:d}"),
        ("pm.process_idle_timeout", "10s"),
        ("pm.max_requests", "500"),
        ("ping.path", PROBE),
        ("ping.response", pool.name),
        ("request_terminate_timeout", f"{int(str(longest)) + _GRACE:d}s"),
        ("security.limit_extensions", ".php"),
        ("clear_env", "yes"),
        ("env[HOME]", str(home)),
        ("env[USER]", f"s{pool.subscription:d}"),
        ("env[TMPDIR]", str(temporary)),
        ("env[PATH]", "/usr/local/bin:/usr/bin:/bin"),
        # With its slash, so that s4 is not the beginning of s42.
        ("php_admin_value[open_basedir]", f"{home}/"),
        ("php_admin_value[upload_tmp_dir]", str(temporary)),
        ("php_admin_value[sys_temp_dir]", str(temporary)),
        ("php_admin_value[error_log]", str(temporary / "php-errors.log")),
        ("php_admin_value[allow_url_include]", "off"),
        ("php_value[session.save_path]", str(temporary / "sessions")),
        # Debian clears only sessions in its own directory; here PHP does it itself.
        ("php_value[session.gc_probability]", "1"),
        *_settings(pool.values),
    ]


def section(name: str, lines: Iterable[tuple[str, str]]) -> str:
    """Return a section: a name, and a value for each key."""
    return f"[{name}]\n" + "".join(f"{key} = {quoted(value)}\n" for key, value in lines)


def pool_text(pool: Pool, around: Surroundings) -> str:
    """Return the section of a pool."""
    return section(pool.name, directives(pool, around))


def serial_of(sections: Iterable[str]) -> str:
    """Return what a master answers that has read exactly these pools."""
    return hashlib.sha256("".join(sections).encode()).hexdigest()[:32]


def master_text(pid: Path, log: Path, probe: Path, sections: Iterable[str]) -> str:
    """Return a master's whole configuration: its own, a pool that probes ask, and the pools."""
    every = list(sections)
    own = [
        ("pid", str(pid)),
        ("error_log", str(log)),
        ("log_level", "notice"),
        ("daemonize", "no"),
        ("process_control_timeout", f"{_PATIENCE}s"),
    ]
    asked = [
        ("user", str(_NOBODY)),
        ("group", str(_NOBODY)),
        ("listen", str(probe)),
        ("listen.mode", "0600"),
        ("pm", "ondemand"),
        ("pm.max_children", "1"),
        ("ping.path", PROBE),
        ("ping.response", serial_of(every)),
        ("security.limit_extensions", ".php"),
    ]
    head = "; Written by Freehold. Changes made here are overwritten.\n"
    return head + section("global", own) + section("freehold", asked) + "".join(every)


def sections_of(text: str) -> dict[str, str]:
    """Return the pools of a master's configuration by name, as they stand there."""
    parts = _SECTION.split(text)
    pairs = zip(parts[1::2], parts[2::2], strict=True)
    return {name: f"[{name}]{body}" for name, body in pairs if _NAME.fullmatch(name)}


def serial_in(text: str) -> str | None:
    """Return what a master answers that has read this text."""
    found = re.search(r'^ping\.response = "([0-9a-f]{32})"$', text, re.MULTILINE)
    return found[1] if found else None
