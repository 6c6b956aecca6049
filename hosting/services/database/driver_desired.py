"""What a subscription should have of databases, as checked values.

The panel says the names without their beginning, which is the subscription's number: no message,
whatever it says, reaches what is another's.
"""

import ipaddress
import re
from dataclasses import dataclass, field

from hosting.agent.protocol import invalid, listed, one_of, record, text

MARIADB, POSTGRESQL = SERVERS = ("mariadb", "postgresql")
FULL, READ = ACCESS = ("full", "read")
MOST_DATABASES, MOST_USERS, MOST_HOSTS = 5000, 5000, 50
_NAME = re.compile(r"[a-z0-9_]{1,32}", re.ASCII)
_PASSWORDS = {
    MARIADB: re.compile(r"\*[0-9A-F]{40}", re.ASCII),
    POSTGRESQL: re.compile(
        r"SCRAM-SHA-256\$[0-9]{4,6}:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=",
        re.ASCII,
    ),
}


@dataclass(frozen=True)
class User:
    """Who logs in to a server: with what, to which databases, how far, from where besides here."""

    name: str
    password: str = field(repr=False)
    access: str
    databases: tuple[str, ...]
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """What a subscription has on one server."""

    databases: tuple[str, ...] = ()
    users: tuple[User, ...] = ()


NOTHING = Part()
Databases = dict[str, Part]


def prefixed(number: int, name: str) -> str:
    """Return a name as the server knows it."""
    return f"s{number}_{name}"


def _name(value: object, what: str) -> str:
    found = text(value, what, 32)
    if not _NAME.fullmatch(found):
        raise invalid(f"not a name of a {what}: {found!r}")
    return found


def _host(value: object) -> str:
    found = text(value, "host", 50)
    try:
        network = ipaddress.ip_network(found)
    except ValueError:
        raise invalid(f"not an address or a network: {found!r}") from None
    is_one = network.num_addresses == 1
    if str(network.network_address if is_one else network) != found:
        raise invalid(f"not an address as it is written here: {found!r}")
    if network.version == 6 and not is_one:
        raise invalid("of IPv6, single addresses only")
    return found


def _user(value: object, server: str, databases: tuple[str, ...]) -> User:
    fields = record(value, "user", ("name", "password", "access", "databases", "hosts"))
    password = text(fields["password"], "password", 200)
    if not _PASSWORDS[server].fullmatch(password):
        raise invalid(f"the password is not a hash of the kind that {server} takes")
    own = tuple(_name(each, "database") for each in listed(fields["databases"], "databases", 5000))
    if unknown := set(own) - set(databases):
        raise invalid(f"there is no database {min(unknown)!r} on {server}")
    hosts = tuple(_host(each) for each in listed(fields["hosts"], "hosts", MOST_HOSTS))
    access = one_of(fields["access"], "access", ACCESS)
    name = _name(fields["name"], "user")
    return User(name, password, access, tuple(sorted(own)), tuple(sorted(hosts)))


def parse(value: object) -> Databases:
    """Return what a subscription has, by server."""
    found: Databases = {}
    for server, part in record(value, "database", (), SERVERS).items():
        fields = record(part, server, ("databases", "users"))
        names = listed(fields["databases"], "databases", MOST_DATABASES)
        databases = tuple(sorted(_name(each, "database") for each in names))
        given = listed(fields["users"], "users", MOST_USERS)
        users = tuple(_user(each, server, databases) for each in given)
        for several in (databases, tuple(user.name for user in users)):
            if len(set(several)) != len(several):
                raise invalid(f"a name is given twice on {server}")
        found[server] = Part(databases, tuple(sorted(users, key=lambda user: user.name)))
    return found
