"""What a subscription should have of FTP accounts, as checked values."""

import re
from dataclasses import dataclass

from hosting.agent.protocol import invalid, listed, record, text, truth
from hosting.services.system import driver_keys

MOST_ACCOUNTS = 500
MOST_KEYS = 20
NAME = r"[a-z][a-z0-9._-]{1,31}"
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)
# bcrypt as crypt(3) knows it.
_HASH = re.compile(r"\$2b\$[0-3][0-9]\$[./A-Za-z0-9]{53}", re.ASCII)
# What ProFTPD can check.
_KEY_TYPES = re.compile(r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+")


@dataclass(frozen=True)
class Account:
    """One login: what lets it in, where it is at home, and whether it may change anything."""

    name: str
    home: str
    is_read_only: bool
    password: str
    keys: tuple[str, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The directories that lead to its home."""
        return tuple(self.home.split("/")) if self.home else ()


@dataclass(frozen=True)
class Ftp:
    """The accounts of one subscription, by name."""

    accounts: tuple[Account, ...] = ()


def is_home(path: str) -> bool:
    """Say whether a path leads from a subscription's home to a directory below, or is empty."""
    return not path or (len(path) <= 200 and all(map(_PART.fullmatch, path.split("/"))))


def is_key_type(name: str) -> bool:
    """Say whether keys of this type can be checked."""
    return _KEY_TYPES.fullmatch(name) is not None


def _key(value: object) -> str:
    line = text(value, "keys", driver_keys.LONGEST)
    try:
        key, comment = driver_keys.parse(line)
    except driver_keys.BadKey:
        raise invalid(f"not an SSH public key: {line[:40]!r}") from None
    if comment or key.line != line or not is_key_type(key.type):
        raise invalid("a key is a type that is taken, the key, and nothing else")
    return key.line


def _account(value: object) -> Account:
    fields = record(value, "account", ("name", "home", "read_only", "keys"), ("password",))
    name = text(fields["name"], "name", 32)
    if not re.fullmatch(NAME, name, re.ASCII):
        raise invalid(f"not a username: {name!r}")
    # Empty is the whole home, and no text as others are.
    home = "" if fields["home"] == "" else text(fields["home"], "home", 200)
    if not is_home(home):
        raise invalid(f"not a directory below a home: {home!r}")
    password = fields.get("password", "")
    if password and not _HASH.fullmatch(text(password, "password", 72)):
        raise invalid("the password is not a hash of the kind that is taken")
    keys = tuple(_key(each) for each in listed(fields["keys"], "keys", MOST_KEYS))
    return Account(name, home, truth(fields["read_only"], "read_only"), str(password), keys)


def parse(value: object) -> Ftp:
    """Return the FTP accounts of a subscription."""
    fields = record(value, "ftp", ("accounts",))
    found = [_account(each) for each in listed(fields["accounts"], "accounts", MOST_ACCOUNTS)]
    if len({account.name for account in found}) != len(found):
        raise invalid("a username stands there twice")
    return Ftp(tuple(sorted(found, key=lambda account: account.name)))
