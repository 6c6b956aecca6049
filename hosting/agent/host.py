"""The only hands of the agent: every call that changes the node goes through Host.

So tests can count those calls, refuse them, or die at the first, second, third, ... of them.
"""

import errno
import os
import pwd
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hosting.agent.platform import FIRST_UID, Platform

_ANSWER_LIMIT = 64 * 1024
# What ends all processes of a user, its own included. It stops where it could not become that user.
_END = """
import os, sys
uid = int(sys.argv[1])
os.setgroups([])
os.setresgid(uid, uid, uid)
os.setresuid(uid, uid, uid)
if os.getresuid() == (uid, uid, uid) and uid:
    os.kill(-1, 9)
"""
# How often a process is looked at that has no command line yet.
_BEGINNING = 100


@dataclass(frozen=True)
class Finished:
    """How a command ended and what it said."""

    code: int
    output: str


@dataclass(frozen=True)
class Answer:
    """What a web server answered."""

    status: int
    headers: dict[str, str]
    body: bytes


class Runner:
    """Processes and requests, for real. A fake stands in for it where no daemon is wanted."""

    # Of the process, whichever runner started them: one that nobody buries keeps its number, and
    # to PostgreSQL a master that has this number still lives.
    _children: ClassVar[dict[int, subprocess.Popen]] = {}

    def run(self, command: Sequence[str], timeout: float, given: bytes = b"") -> Finished:
        """Run a command to its end, without a shell; `given` is what it reads."""
        try:
            done = subprocess.run(
                command,
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Finished(-1, f"{command[0]} did not end within {timeout:.0f} s")
        except OSError as error:
            return Finished(-1, f"{command[0]}: {error.strerror}")
        return Finished(done.returncode, done.stdout.decode("utf-8", "replace"))

    def spawn(self, command: Sequence[str], directory: Path, log: Path | None = None) -> int:
        """Start a daemon in a session of its own, so that it outlives the agent's terminal.

        It gets no pipe of the agent's: it has to go on when the agent is gone. What it says is
        added to `log`.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        output = os.open(log or os.devnull, flags, 0o640)
        try:
            child = subprocess.Popen(
                command,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        self._children[child.pid] = child
        return child.pid

    def signal(self, pid: int, number: int) -> None:
        """Send a signal; a process that is gone already is no error."""
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def alive(self, pid: int) -> bool:
        """Say whether a process runs. A child that has ended is buried on the way."""
        child = self._children.get(pid)
        if child is not None:
            if child.poll() is None:
                return True
            del self._children[pid]
            return False
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                return stat.read().rpartition(b")")[2].split()[0] not in (b"Z", b"X")
        except OSError:
            return False

    def command_line(self, pid: int, directory: Path) -> str | None:
        """Return a process's command line, None if it is not one that runs in the directory."""
        try:
            for _ in range(_BEGINNING):
                if os.readlink(f"/proc/{pid}/cwd") != str(directory):
                    return None
                with open(f"/proc/{pid}/cmdline", "rb") as stream:
                    if line := stream.read():
                        return line.replace(b"\0", b" ").decode("utf-8", "replace").strip()
                # Between exec and its first instruction a process has none yet.
                time.sleep(0.001)
        except OSError:
            pass
        return None

    def processes(self, directory: Path) -> dict[int, str]:
        """Return pid and command line of every process that runs in the directory."""
        lines = {pid: self.command_line(pid, directory) for pid in _pids()}
        return {pid: line for pid, line in lines.items() if line}

    def session(self, leader: int, program: Path) -> list[int]:
        """Return the processes of a session that run a program, whatever they call themselves.

        Of one that was killed the session goes on as long as any of it lives.
        """
        found = []
        for pid in _pids():
            with suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{pid}/stat", "rb") as stat:
                    session = int(stat.read().rpartition(b")")[2].split()[3])
                # A program that was upgraded meanwhile is marked as deleted.
                if session == leader:
                    runs = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")
                    if runs == os.path.realpath(program):
                        found.append(pid)
        return found

    def children(self, pid: int) -> dict[int, int]:
        """Return the children of a process, and the user of each."""
        found: dict[int, int] = {}
        try:
            with open(f"/proc/{pid}/task/{pid}/children", "rb") as stream:
                numbers = [int(word) for word in stream.read().split()]
        except OSError:
            return found
        for number in numbers:
            with suppress(OSError, ValueError), open(f"/proc/{number}/status", "rb") as stream:
                line = next(line for line in stream if line.startswith(b"Uid:"))
                found[number] = int(line.split()[1])
        return found

    def wait(self, pid: int, timeout: float) -> bool:
        """Wait for the end of a process, also of one that is no child. True: it has ended."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return not self.alive(pid)
        try:
            # A poll object has no limit on descriptor numbers, select() has.
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            poller.poll(timeout * 1000)
        finally:
            os.close(descriptor)
        return not self.alive(pid)

    def request(
        self, address: str, port: int, host: str, path: str, timeout: float = 2.0
    ) -> Answer | None:
        """Ask a web server on a connection of its own; None if nothing sensible came back."""
        asked = f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        answer = b""
        try:
            with socket.create_connection((address, port), timeout) as connection:
                connection.sendall(asked.encode("ascii"))
                while len(answer) < _ANSWER_LIMIT and (part := connection.recv(65536)):
                    answer += part
        except OSError:
            return None
        return _answer(answer)

    def exchange(self, address: str, port: int, data: bytes, timeout: float) -> bytes | None:
        """Send one datagram and return the one that comes back; None if none does."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as peer:
                peer.settimeout(timeout)
                peer.connect((address, port))
                peer.send(data)
                return peer.recv(65535)
        except OSError:
            return None

    def user(self, name: str) -> int | None:
        """Return the number of a user, as the node's name service says; None if it knows none."""
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            return None

    def users(self) -> set[int]:
        """Return the users of all processes there are."""
        found: set[int] = set()
        for pid in _pids():
            # Whose the directory is says less: it is root's where a process may not be watched.
            with suppress(OSError), open(f"/proc/{pid}/status", "rb") as status:
                told = status.read()
                words = told.partition(b"\nUid:")[2].split(b"\n")[0].split()
                # What has ended and waits to be buried runs no more.
                if b"\nState:\tZ" not in told:
                    found.update(map(int, words[:1]))
        return found

    def end(self, uid: int) -> None:
        """Kill all processes of a tenant at once: none can bring up another meanwhile."""
        if uid < FIRST_UID:
            raise ValueError(f"{uid} is no tenant's user")
        # As that user: the kernel then asks each process whether it is that user's. It becomes so
        # by itself, as that user may not be let to where Python is.
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", _END, str(uid)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def now(self) -> float:
        """Return a clock that only goes forward."""
        return time.monotonic()


def _pids() -> list[int]:
    """Return every process there is."""
    return [int(name) for name in os.listdir("/proc") if name.isascii() and name.isdigit()]


def _answer(raw: bytes) -> Answer | None:
    head, parted, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if not parted or len(words) < 2 or not words[1].isdecimal():
        return None
    pairs = (line.partition(":") for line in lines[1:])
    return Answer(int(words[1]), {key.lower(): value.strip() for key, _, value in pairs}, body)


class Host:
    """The node as the agent changes it. `root` is where everything of the agent's own lies.

    Names are taken relative to an open directory where `directory` is given; so what lies in a
    tenant's tree is never reached by a path that the tenant could bend meanwhile.
    """

    def __init__(self, root: Path, runner: Runner, platform: Platform):
        self.root = root
        self.runner = runner
        self.platform = platform
        self.calls = 0

    def changing(self, what: str, subject: object) -> None:
        """Count a call that is about to change the node."""
        self.calls += 1

    def make(self, path: str | Path, mode: int = 0o755, directory: int | None = None) -> None:
        """Make a directory."""
        self.changing("mkdir", path)
        os.mkdir(path, mode, dir_fd=directory)

    def write(
        self, path: str | Path, data: bytes, mode: int = 0o644, directory: int | None = None
    ) -> None:
        """Write a new file. One that is there already, or a link, is refused."""
        self.changing("write", path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, mode, dir_fd=directory)
        with open(descriptor, "wb") as stream:
            stream.write(data)

    def replace(self, path: Path, data: bytes, mode: int = 0o644) -> None:
        """Write a file of the agent's own in place of what is there: whole, or not at all."""
        beside = path.with_name(path.name + ".new")
        with suppress(FileNotFoundError):
            os.unlink(beside)
        self.write(beside, data, mode)
        self.rename(beside, path)

    def link(self, source: str | Path, target: str | Path) -> None:
        """Give a file another name. A file system's limit on names makes it a file of its own."""
        self.changing("link", target)
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EMLINK, errno.EPERM, errno.EXDEV, errno.ENOENT):
                raise
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))

    def symlink(self, target: str, path: Path, uid: int | None = None) -> None:
        """Make a symbolic link, in place of one that is there, at once. `uid`: whose it is."""
        self.changing("symlink", path)
        beside = path.with_name(path.name + ".new")
        with suppress(FileNotFoundError):
            os.unlink(beside)
        os.symlink(target, beside)
        if uid is not None:
            os.chown(beside, uid, uid, follow_symlinks=False)
        os.replace(beside, path)

    def rename(
        self,
        source: str | Path,
        target: str | Path,
        source_directory: int | None = None,
        target_directory: int | None = None,
    ) -> None:
        """Rename, in place of what is there."""
        self.changing("rename", target)
        os.replace(source, target, src_dir_fd=source_directory, dst_dir_fd=target_directory)

    def unlink(self, path: str | Path, directory: int | None = None) -> None:
        """Remove a name that is not a directory; one that is gone already is no error."""
        self.changing("unlink", path)
        with suppress(FileNotFoundError):
            os.unlink(path, dir_fd=directory)

    def remove(self, path: str | Path, directory: int | None = None) -> None:
        """Remove an empty directory."""
        self.changing("rmdir", path)
        os.rmdir(path, dir_fd=directory)

    def permit(self, descriptor: int, mode: int) -> None:
        """Set the mode of what an O_PATH descriptor stands for, whatever its name is by now."""
        self.changing("chmod", descriptor)
        os.chmod(f"/proc/self/fd/{descriptor}", mode)

    def own(self, descriptor: int, uid: int | None, gid: int | None) -> bool:
        """Give what a descriptor stands for to a user and a group; None leaves that as it is.

        Where one uid is everybody's, nothing is changed, and False says that it is not enforced.
        """
        if not self.platform.isolates:
            return False
        self.changing("chown", (descriptor, uid, gid))
        # Through /proc: fchown refuses an O_PATH descriptor. The link leads to what is open.
        os.chown(
            f"/proc/self/fd/{descriptor}", -1 if uid is None else uid, -1 if gid is None else gid
        )
        return True

    def run(self, command: Sequence[str], timeout: float = 60.0, given: bytes = b"") -> Finished:
        """Run a command to its end; `given` is what it reads."""
        self.changing("run", command)
        return self.runner.run(command, timeout, given)

    def spawn(self, command: Sequence[str], directory: Path, log: Path | None = None) -> int:
        """Start a daemon; what it says is added to `log`."""
        self.changing("spawn", command)
        return self.runner.spawn(command, directory, log)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process."""
        self.changing("signal", (pid, number))
        self.runner.signal(pid, number)

    def end(self, uid: int) -> None:
        """Kill all processes of a tenant."""
        self.changing("end", uid)
        self.runner.end(uid)

    def commit(self, connection: sqlite3.Connection) -> None:
        """Make the agent's own records durable."""
        self.changing("commit", connection)
        connection.commit()
