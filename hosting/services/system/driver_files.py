"""The files of users, passwords and groups that the node's name service reads, as text.

They are a pure function of who there is and who is shut; see passwd(5), shadow(5) and group(5).
"""

from collections.abc import Collection, Mapping
from pathlib import Path

from hosting.agent.platform import FIRST_UID, uid_of
from hosting.agent.trees import home_name
from hosting.services.system.driver_desired import SystemUser

# Beyond those of the subscriptions: groups by which sshd tells who may what.
HIGHEST_UID = 4_294_960_000
USERS_GROUP, SFTP_GROUP = ("freehold-users", HIGHEST_UID + 1), ("freehold-sftp", HIGHEST_UID + 2)
SHELL, NO_SHELL = "/bin/bash", "/usr/sbin/nologin"
# A day long gone. By it the account is refused whatever it comes with, a key as well.
_EXPIRED = "1"
Users = Mapping[int, SystemUser]


def passwd_line(subscription: int, user: SystemUser, homes: Path) -> str:
    """Return the line of a user: where it is at home, and what it logs in to."""
    uid = uid_of(subscription)
    shell = SHELL if user.access == "shell" else NO_SHELL
    return f"{user.name}:x:{uid}:{uid}::{homes / home_name(subscription)}:{shell}"


def shadow_line(user: SystemUser, is_shut: bool) -> str:
    """Return the line of a password. Without access none is right."""
    password = user.password if user.access != "none" else ""
    return f"{user.name}:{password or '!'}::0:99999:7::{_EXPIRED if is_shut else ''}:"


def passwd(users: Users, homes: Path) -> bytes:
    """Return the file of all users."""
    return _file(passwd_line(number, user, homes) for number, user in sorted(users.items()))


def shadow(users: Users, shut: Collection[int]) -> bytes:
    """Return the file of all passwords."""
    return _file(shadow_line(user, number in shut) for number, user in sorted(users.items()))


def group(users: Users) -> bytes:
    """Return the file of all groups: one for each subscription, and those that sshd asks for."""
    members = sorted(users.items())
    everybody = ",".join(user.name for _number, user in members)
    sftp = ",".join(user.name for _number, user in members if user.access == "sftp")
    own = [f"{home_name(number)}:x:{uid_of(number)}:" for number, _user in members]
    return _file([*own, f"{_named(USERS_GROUP)}{everybody}", f"{_named(SFTP_GROUP)}{sftp}"])


def _named(group_of: tuple[str, int]) -> str:
    return f"{group_of[0]}:x:{group_of[1]}:"


def _file(lines: object) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("ascii")  # type: ignore[attr-defined]


def is_foreign(line: str) -> bool:
    """Say whether a line of passwd is of somebody else, who uses the same files."""
    fields = line.split(":")
    return len(fields) != 7 or not fields[2].isdecimal() or int(fields[2]) < FIRST_UID
