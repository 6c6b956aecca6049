"""Text as SQL: one way to write names and values for each server, and nothing else writes them.

What has control characters is refused: nothing that is meant has any. That a server reads back
exactly what was given is tested against the servers themselves.
"""

import ipaddress
import re
from collections.abc import Callable

from hosting.agent.protocol import invalid

# What a host of accounts may look like: an address, a network with its mask, everybody.
ANYWHERE = "0.0.0.0/0"
_LONGEST = 1024
_OURS = re.compile(r"s([1-9][0-9]{0,18})_[a-z0-9_]{1,32}(?:\.(?:owner|reader))?", re.ASCII)


def number_of(name: str) -> int | None:
    """Return the subscription that a name belongs to, by its number and the delimiter."""
    found = _OURS.fullmatch(name)
    return int(found[1]) if found else None


def _checked(text: str) -> str:
    if not 0 < len(text) <= _LONGEST or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text):
        raise invalid(f"not a name or a value of SQL: {text[:60]!r}")
    return text


def maria_name(name: str) -> str:
    """Return a name of a database, a table, a column."""
    return "`" + _checked(name).replace("`", "``") + "`"


def maria_pattern(name: str) -> str:
    """Return the name of a database as GRANT reads it: there _ and % stand for anything."""
    return maria_name(re.sub(r"([\\_%])", r"\\\1", name))


def maria_text(text: str) -> str:
    """Return a value, where a backslash escapes."""
    return "'" + _checked(text).replace("\\", "\\\\").replace("'", "''") + "'"


def maria_account(user: str, host: str) -> str:
    """Return an account: who, and from where."""
    return f"{maria_text(user)}@{maria_text(host)}"


def maria_host(address: str) -> str:
    """Return an allowed address or network as MariaDB writes the host of an account."""
    if address == ANYWHERE:
        return "%"
    network = ipaddress.ip_network(address)
    if network.num_addresses == 1:
        return str(network.network_address)
    return f"{network.network_address}/{network.netmask}"


def pg_name(name: str) -> str:
    """Return a name of a database, a role."""
    return '"' + _checked(name).replace('"', '""') + '"'


def pg_text(text: str) -> str:
    """Return a value, where a backslash is a backslash."""
    return "'" + _checked(text).replace("'", "''") + "'"


def pg_hba(kind: str, user: str, address: str) -> str:
    """Return a line of pg_hba.conf: this user, from there, to every database."""
    quoted = '"' + _checked(user).replace('"', '""') + '"'
    return f"{kind} all {quoted} {ipaddress.ip_network(address)} scram-sha-256"


def listed(names: object, quote: Callable[[str], str]) -> str:
    """Return several in their order, parted by commas."""
    return ", ".join(quote(name) for name in names)  # type: ignore[attr-defined]
