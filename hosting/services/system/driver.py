"""System users on a node: who there is, what lets them in, whose their homes are.

Users stand in files that the name service reads besides its own, written whole and renamed into
place: one rename for a batch, however large. Who is shut has an account that expired long ago,
which refuses keys as well as passwords, and its processes are ended.
"""

import signal
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from hosting.agent import trees
from hosting.agent.driver import Change, Driver, Result
from hosting.agent.host import Host
from hosting.agent.platform import Platform, uid_of
from hosting.agent.protocol import AgentError, told
from hosting.services.system import driver_desired, driver_files, driver_sshd
from hosting.services.system.driver_desired import ACCESS, SystemUser
from hosting.services.system.driver_quota import Quotas

# Who was let in a moment before the door was shut has no process of its own yet: a second look.
_LOOKS = (0.3, 1.0, 3.0)


class SystemDriver(Driver[SystemUser]):
    """The system users of one node."""

    service = "system"
    serves_limited: ClassVar[bool] = True

    def __init__(self, host: Host):
        if host.platform.users is None:
            raise ValueError(f"the platform {host.platform.name} has no system users")
        self._host = host
        self._files = host.platform.users
        self._homes = host.platform.homes
        self._keys = driver_sshd.keys_directory(host.platform)
        self._users: dict[int, SystemUser] = {}
        self._shut: set[int] = set()
        self._foreign = False
        # Held while the files are written: `switch` runs beside `apply`.
        self._lock = threading.RLock()
        self._looking = threading.Condition()
        self._again: list[tuple[float, frozenset[int], bool]] = []
        self._port: int | None = None
        self._sshd_words = ""
        self._quotas = Quotas(host)
        self._quota_words = ""

    @staticmethod
    def is_possible(platform: Platform) -> bool:
        """Say whether a node has users for its tenants."""
        return platform.users is not None and platform.isolates

    def offers(self) -> dict[str, object]:
        """Return the port of the node's sshd, None where it has none; why it keeps no hard quotas,
        "" where it does."""
        return {"port": self._port, "no_quota": self._quotas.why_not()}

    def parse(self, value: object) -> SystemUser:
        """Return the system user of a subscription."""
        return driver_desired.parse(value)

    def settle(self, applied: Mapping[int, SystemUser], shut: Collection[int]) -> None:
        """Write again what is not as it was recorded, and end what should not run."""
        self._lay_out()
        self._include()
        with self._lock:
            self._users, self._shut = dict(applied), set(shut)
            self._foreign = any(map(driver_files.is_foreign, self._lines()))
            self._write()
            wanted = {str(uid_of(number)) for number in applied}
            for path in list(self._keys.iterdir()):
                if path.name not in wanted:
                    self._host.unlink(path)
            for number, user in applied.items():
                self._write_keys(number, user)
        self._limit(applied, Result())
        self._port = self._listening()
        self._end(self._shut)

    def _lay_out(self) -> None:
        for directory in (self._keys.parent, self._keys):
            if not directory.is_dir():
                self._host.make(directory, 0o700)
        # Shut in where the homes are, a session still begins in its own: the way there that
        # passwd names leads to it from inside, too.
        *above, last = self._homes.parts[1:]
        inside = self._homes
        for name in above:
            inside = inside / name
            if not inside.is_dir():
                self._host.make(inside, 0o711)
        if not (inside / last).is_symlink():
            self._host.symlink("/", inside / last)

    def _lines(self) -> list[str]:
        return (self._read("passwd") or b"").decode("utf-8", "replace").splitlines()

    def _read(self, name: str) -> bytes | None:
        try:
            return (self._files / name).read_bytes()
        except OSError:
            return None

    def _include(self) -> None:
        """Tell sshd of system users, in a file of its own beside its configuration.

        It is written once, or when another version of the agent says something else. One that
        sshd's own check does not take is taken back: the way in for the administrator stays.
        """
        directory, sshd = self._host.platform.ssh, self._host.platform.programs.get("sshd")
        if directory is None or sshd is None or not directory.is_dir():
            return
        path, text = directory / "freehold.conf", driver_sshd.drop_in(self._host.platform).encode()
        before = path.read_bytes() if path.is_file() else None
        if before == text:
            return
        self._host.replace(path, text)
        # Where it empties itself of rights. Whoever starts it makes this; it may not run yet.
        privileges = self._host.platform.sshd_pid.with_suffix("")
        if not privileges.is_dir():
            self._host.make(privileges)
        checked = self._host.runner.run([str(sshd), "-t"], 10.0)
        if checked.code:
            self._sshd_words = f"sshd does not take {path}: {checked.output.strip()[-300:]}"
            self._host.unlink(path)
            if before is not None:
                self._host.replace(path, before)
            return
        with suppress(OSError, ValueError):
            master = int(self._host.platform.sshd_pid.read_text())
            self._host.signal(master, signal.SIGHUP)

    def _listening(self) -> int | None:
        """Return the port that the node's sshd is set to; None where there is none."""
        sshd = self._host.platform.programs.get("sshd")
        if sshd is None:
            return None
        told = self._host.runner.run([str(sshd), "-T"], 10.0).output
        ports = [line.split()[1] for line in told.splitlines() if line.startswith("port ")]
        return int(ports[0]) if ports and ports[0].isdecimal() else 22

    def switch(self, shut: Collection[int], opened: Collection[int]) -> None:
        """Expire accounts and bring them back, in one rename; end what runs of those shut."""
        with self._lock:
            before = self._shut
            self._shut = (before | set(shut)) - set(opened)
            try:
                if self._shut != before:
                    self._write_shadow()
            except (AgentError, OSError):
                # Whoever asks again is not to be told that it is so already.
                self._shut = before
                raise
            news = self._shut - before
        self._end(news)
        self._look_again(news)

    def _write(self) -> None:
        """Write what is not so. Passwords come first and names last: nobody is let in between."""
        self._write_shadow()
        self._replace("group", driver_files.group(self._users), 0o644)
        self._replace("passwd", driver_files.passwd(self._users, self._homes), 0o644)

    def _write_shadow(self) -> None:
        self._replace("shadow", driver_files.shadow(self._users, self._shut), 0o600)

    def _replace(self, name: str, data: bytes, mode: int) -> None:
        # Somebody else's users stay: problem() says so, and whoever is to be added is refused.
        if not self._foreign and self._read(name) != data:
            self._host.replace(self._files / name, data, mode)

    def _words_of_foreign(self) -> str:
        return f"{self._files}/passwd has users that are not of this agent, so it is left alone"

    def _key_file(self, number: int) -> Path:
        return self._keys / str(uid_of(number))

    def _key_lines(self, number: int) -> list[str]:
        try:
            return self._key_file(number).read_text("ascii").splitlines()
        except (OSError, ValueError):
            return []

    def _write_keys(self, number: int, user: SystemUser | None) -> bool:
        """Write or remove the keys of one; say whether that was news."""
        keys = list(user.keys) if user is not None and user.access != "none" else []
        if self._key_lines(number) == keys:
            return False
        if keys:
            text = "".join(f"{key}\n" for key in keys)
            self._host.replace(self._key_file(number), text.encode("ascii"), 0o600)
        else:
            self._host.unlink(self._key_file(number))
        return True

    def plan(self, wanted: Mapping[int, SystemUser | None]) -> dict[int, list[Change]]:
        """Return what differs: the user's line, password, keys, home, and hard quota."""
        passwd = {line.split(":")[2]: line for line in self._lines() if line.count(":") == 6}
        shadow = (self._read("shadow") or b"").decode("utf-8", "replace").splitlines()
        passwords = {line.split(":")[0]: line for line in shadow}
        found = {}
        quotas = self._found_quotas(wanted)
        for number, user in wanted.items():
            line = passwd.get(str(uid_of(number)))
            after = driver_files.passwd_line(number, user, self._homes) if user else None
            changes = _change("user", line, after)
            if user is not None:
                is_shut = number in self._shut
                same = passwords.get(user.name) == driver_files.shadow_line(user, is_shut)
                # A hash is nobody's to see.
                changes += [] if same else [Change("password or expiry", [], ["as it should be"])]
                home = trees.home_differs(self._host, number)
                changes += [] if home is None else _change("home", home[0], home[1])
            keys = list(user.keys) if user and user.access != "none" else []
            if (there := self._key_lines(number)) != keys:
                changes.append(Change("SSH keys", there, keys))
            if quotas is not None:
                there_is, should = quotas.get(number), user.quota if user else None
                changes += _change("hard disk quota", _mib(there_is), _mib(should))
            if changes:
                found[number] = changes
        return found

    def apply(self, wanted: Mapping[int, SystemUser | None]) -> Result:
        """Make homes, write keys, then users, all in one go; end what may not run any more."""
        result = Result()
        ended: set[int] = set()
        # First: nothing is written beyond what one may. Without the lock: shutting waits for none.
        self._limit(wanted, result)
        with self._lock:
            users = dict(self._users)
            for number, user in wanted.items():
                if number in result.failures:
                    continue
                try:
                    self._furnish(number, user, users, result)
                except (AgentError, OSError) as error:
                    result.failures[number] = told(error)
                    continue
                before = users.pop(number, None)
                if user is not None:
                    users[number] = user
                if before != user:
                    result.changed.add(number)
                if before is not None and _rank(user) < _rank(before):
                    ended.add(number)
            previous, self._users = self._users, users
            try:
                self._write()
            except (AgentError, OSError) as error:
                self._users = previous
                result.failures |= dict.fromkeys(wanted.keys() - result.failures, told(error))
                result.changed.clear()
                return result
        self._end(ended)
        self._look_again(ended - self._users.keys(), gone=True)
        return result

    def _furnish(
        self, number: int, user: SystemUser | None, users: Mapping[int, SystemUser], result: Result
    ) -> None:
        """Make the home and write the keys of one."""
        is_news = False
        if user is not None:
            self._check(number, user, users)
            is_news = trees.make_home(self._host, number)
        if self._write_keys(number, user) or is_news:
            result.changed.add(number)

    def _found_quotas(self, numbers: Collection[int]) -> dict[int, int] | None:
        """Return the hard quotas in force; None where the node keeps none, or cannot say."""
        if self._quotas.why_not():
            self._quota_words = ""
            return None
        try:
            found = self._quotas.of(numbers)
        except AgentError as error:
            self._quota_words = error.message
            return None
        self._quota_words = ""
        return found

    def _limit(self, wanted: Mapping[int, SystemUser | None], result: Result) -> None:
        """Set the hard quotas that are not as they should be, in one go.

        On a node that keeps none nobody fails: pages say so, by what the node offers.
        """
        asked = {n: user.quota if user else None for n, user in wanted.items()}
        found = self._found_quotas(asked)
        if found is not None:
            asked = {n: quota for n, quota in asked.items() if found.get(n) != quota}
            try:
                if asked:
                    self._quotas.set(asked)
                    result.changed |= asked.keys()
                return
            except AgentError as error:
                self._quota_words = error.message
        if self._quota_words:
            at_fault = [n for n, quota in asked.items() if quota or found is not None]
            error = AgentError("failed", f"hard quota: {self._quota_words}")
            result.failures |= dict.fromkeys(at_fault, error)

    def _check(self, number: int, user: SystemUser, users: Mapping[int, SystemUser]) -> None:
        if self._foreign:
            raise AgentError("refused", self._words_of_foreign())
        uid = uid_of(number)
        if uid > driver_files.HIGHEST_UID:
            raise AgentError("refused", f"there is no user {uid}")
        if any(n != number and other.name == user.name for n, other in users.items()):
            raise AgentError("refused", f"another subscription has the system user {user.name}")
        there = self._host.runner.user(user.name)
        if there is not None and there != uid:
            raise AgentError("refused", f"the node has a user {user.name} of its own")

    def _end(self, numbers: Collection[int]) -> None:
        """End every process of these. They are listed once, and only those that live are ended."""
        uids = {uid_of(number) for number in numbers}
        for uid in sorted(uids & self._host.runner.users() if uids else ()):
            self._host.end(uid)

    def _look_again(self, numbers: Collection[int], *, gone: bool = False) -> None:
        """Have these looked at again: who was shut, or, if "gone", who has no system user now."""
        if not numbers:
            return
        now = self._host.runner.now()
        with self._looking:
            self._again += [(now + later, frozenset(numbers), gone) for later in _LOOKS]
            self._looking.notify()

    def look_again(self) -> float | None:
        """End what came up since of those that were shut; say when the next look is due."""
        now = self._host.runner.now()
        with self._looking:
            due = [(numbers, gone) for at, numbers, gone in self._again if at <= now]
            self._again = [each for each in self._again if each[0] > now]
            later = min((at - now for at, _numbers, _gone in self._again), default=None)
        with self._lock:
            # Who was opened meanwhile, or has a system user again, is left alone.
            shut = {n for numbers, _ in due for n in numbers if n in self._shut}
            gone = {n for numbers, of_gone in due if of_gone for n in numbers - self._users.keys()}
        self._end(shut | gone)
        return later

    def problem(self) -> str | None:
        """Return what keeps system users out, as far as the agent can see it."""
        if self._sshd_words or self._quota_words:
            return self._sshd_words or f"hard quotas: {self._quota_words}"
        if self._foreign:
            return self._words_of_foreign()
        with self._lock:
            some = next(iter(sorted(self._users.items())), None)
        if some is None:
            return None
        number, user = some
        if self._host.runner.user(user.name) != uid_of(number):
            return (
                f"the node does not know its system users: nsswitch.conf has to name extrausers"
                f" for passwd, group and shadow ({self._files})"
            )
        return None

    def watch(self) -> None:
        """Begin to look a second time after what was shut."""
        threading.Thread(target=self._keep_looking, name="system users", daemon=True).start()

    def _keep_looking(self) -> None:
        while True:
            later = self.look_again()
            with self._looking:
                if later is not None or not self._again:
                    self._looking.wait(later)

    def stop(self) -> None:
        """Nothing runs that could be left or taken along: sshd is the node's own."""


def _rank(user: SystemUser | None) -> int:
    return -1 if user is None else ACCESS.index(user.access)


def _change(what: str, before: object | None, after: object | None) -> list[Change]:
    shown = [[] if each is None else [str(each)] for each in (before, after)]
    return [] if shown[0] == shown[1] else [Change(what, *shown)]


def _mib(quota: int | None) -> str | None:
    return None if quota is None else f"{quota:,} MiB"
