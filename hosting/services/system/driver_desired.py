"""What a subscription should have of a system user, as checked values."""

import re
from dataclasses import dataclass

from hosting.agent.protocol import invalid, listed, one_of, record, text, whole
from hosting.services.system import driver_keys

MOST_KEYS = 50
# A pebibyte.
MOST_MIB = 2**30
# From the least to the most.
ACCESS = ("none", "sftp", "shell")
_NAME = re.compile(r"[a-z][a-z0-9_-]{1,30}", re.ASCII)
# bcrypt as crypt(3) knows it. Nothing of it can end a field or a line.
_HASH = re.compile(r"\$2b\$[0-3][0-9]\$[./A-Za-z0-9]{53}", re.ASCII)


@dataclass(frozen=True)
class SystemUser:
    """One system user: its name, how far it gets over SSH, and what lets it in."""

    name: str
    access: str
    password: str = ""
    keys: tuple[str, ...] = ()
    # What its files may take on disk, in MiB; None: as much as there is.
    quota: int | None = None


def _key(value: object) -> str:
    line = text(value, "keys", driver_keys.LONGEST)
    try:
        key, comment = driver_keys.parse(line)
    except driver_keys.BadKey:
        raise invalid(f"not an SSH public key: {line[:40]!r}") from None
    if comment or key.line != line:
        raise invalid("a key is a type and the key, and nothing else")
    return key.line


def parse(value: object) -> SystemUser:
    """Return the system user of a subscription."""
    fields = record(value, "system", ("user", "access", "keys"), ("password", "quota"))
    name = text(fields["user"], "user", 31)
    if not _NAME.fullmatch(name):
        raise invalid(f"not a name of a system user: {name!r}")
    password = fields.get("password", "")
    if password and not _HASH.fullmatch(text(password, "password", 72)):
        raise invalid("the password is not a hash of the kind that is taken")
    keys = tuple(_key(each) for each in listed(fields["keys"], "keys", MOST_KEYS))
    access = one_of(fields["access"], "access", ACCESS)
    quota = whole(fields["quota"], "quota", 1, MOST_MIB) if "quota" in fields else None
    return SystemUser(name, access, str(password), keys, quota)
