"""Hard quotas: what the kernel lets the files of one user take on the homes' file system.

Quotas by user, of ext4, XFS and others that keep them (quotactl(2)), read and set by the programs
of Debian's package quota: repquota(8), setquota(8). An administrator of the node mounts the file
system with them (`usrquota`); the agent mounts nothing.
"""

import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from hosting.agent.host import Finished, Host
from hosting.agent.platform import FIRST_UID, uid_of
from hosting.agent.protocol import AgentError
from hosting.services.system.driver_files import HIGHEST_UID

_MOUNTS = Path("/proc/self/mountinfo")
# By these options a mount says that limits of users are enforced: those of ext4, those of XFS.
_ENFORCED = ("usrquota", "uquota", "quota")
_ENFORCED_WITH = ("usrjquota=",)
_COLUMNS = ("User", "BlockHardLimit")
# Reading those of ten thousand users takes a second where the disk is busy.
_LONGEST = 120.0
KIB_OF_MIB = 1024


class Quotas:
    """The hard quotas of one node's tenants, in MiB."""

    def __init__(self, host: Host):
        self._host = host
        self._homes = host.platform.homes

    def why_not(self) -> str:
        """Return why there are none on this node, in words for its administrator; "" if they are.

        It reads what is mounted, and starts nothing.
        """
        for program in ("setquota", "repquota"):
            if program not in self._host.platform.programs:
                return f"{program} is not installed (Debian's package quota)"
        found = self._mount()
        if found is None:
            return f"nobody knows what {self._homes} is mounted from"
        where, kind, options = found
        if any(one in _ENFORCED or one.startswith(_ENFORCED_WITH) for one in options):
            return ""
        return f"{where} ({kind}), where {self._homes} is, is mounted without the option usrquota"

    def _mount(self) -> tuple[str, str, list[str]] | None:
        """Return where the homes' file system is mounted, its type and its options (proc(5))."""
        device = self._homes.stat().st_dev
        number = f"{os.major(device)}:{os.minor(device)}"
        best: tuple[str, str, list[str]] | None = None
        for line in _MOUNTS.read_text("utf-8", "surrogateescape").splitlines():
            mount, _, system = line.partition(" - ")
            fields, about = mount.split(" "), system.split(" ")
            if len(fields) < 5 or len(about) < 3 or fields[2] != number:
                continue
            where = _unescaped(fields[4])
            # The longest: below it nothing else is mounted on the way to the homes.
            if self._homes.is_relative_to(where) and (best is None or len(where) >= len(best[0])):
                best = where, about[0], about[2].split(",")
        return best

    def of(self, numbers: Collection[int]) -> dict[int, int]:
        """Return the hard quotas in force of these subscriptions, in MiB rounded up.

        Who has none is left out. AgentError: it cannot be read, in the program's words.
        """
        command = ["repquota", "--user", "--verbose", "--no-names", "--output=csv"]
        told = self._told(self._host.runner.run, command)
        first, *rows = told.splitlines() or [""]
        names = first.split(",")
        if any(name not in names for name in _COLUMNS):
            raise AgentError("failed", f"repquota does not say what it should: {first[:200]!r}")
        user, hard = (names.index(name) for name in _COLUMNS)
        wanted = {f"#{uid_of(number)}": number for number in numbers}
        cells = (row.split(",") for row in rows)
        found = {wanted[each[user]]: int(each[hard]) for each in cells if each[user] in wanted}
        return {number: -(-limit // KIB_OF_MIB) for number, limit in found.items() if limit}

    def set(self, quotas: Mapping[int, int | None]) -> None:
        """Give each of these its quota in MiB, None for none, all in one run of setquota.

        AgentError: none or only some were set, in the program's words.
        """
        lines = [
            f"{uid_of(number)} 0 {(limit or 0) * KIB_OF_MIB} 0 0\n"
            for number, limit in sorted(quotas.items())
            if FIRST_UID < uid_of(number) <= HIGHEST_UID
        ]
        given = "".join(lines).encode("ascii")
        self._told(self._host.run, ["setquota", "--user", "--batch"], given)

    def _told(self, run: Callable[..., Finished], command: list[str], given: bytes = b"") -> str:
        found = self._mount()
        if found is None or self.why_not():
            raise AgentError("refused", self.why_not())
        program = str(self._host.platform.programs[command[0]])
        done = run([program, *command[1:], found[0]], _LONGEST, given)
        if done.code:
            raise AgentError("failed", done.output.strip()[-500:] or f"{command[0]} failed")
        return str(done.output)


def _unescaped(path: str) -> str:
    """Return a path of mountinfo, whose blanks and the like are written in octal."""
    for code in ("040", "011", "012", "134"):
        path = path.replace(f"\\{code}", chr(int(code, 8)))
    return path
