"""Keeps a handful of programs running and ends them together; standard library only.

One thread, one loop: it waits for output, for signals and for the next restart. `panel.serve` says
which programs; this module knows nothing of the panel.
"""

import ctypes
import os
import re
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)

# What somebody at the terminal wants to see of a child's output; the rest is in its log.
_ALARMING = re.compile(
    r"\b(WARNING|ERROR|CRITICAL)\b|\[(warn|error|crit|alert|emerg)\]|^Traceback ", re.ASCII
)
_LOG_BYTES = 5_000_000
_LINE_BYTES = 65_536
# A child in distress says the same again and again; the terminal needs it a few times only.
_SHOWN_LINES = 6
_SHOWN_SECONDS = 10.0
# A child that has lived this long was well: its next death is its first again.
_WELL_AFTER = 20.0
_LONGEST_PAUSE = 10.0
_DEATHS_BEFORE_GIVING_UP = 3

Say = Callable[[str], None]


class StartFailed(Exception):
    """A child died again and again before everything worked: starting it once more is no use."""


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask the kernel for a signal when whoever started this process is gone, however it went."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)


def pause_before_start(deaths: int) -> float:
    """Seconds until the next start: none after one death, longer the more often it dies."""
    return 0.0 if deaths <= 1 else min(_LONGEST_PAUSE, 0.25 * 2 ** (deaths - 2))


class Output:
    """What one child writes: into its log; alarming lines to the terminal; the end to memory."""

    def __init__(self, name: str, path: Path, say: Say) -> None:
        self.name = name
        self.path = path
        self.say = say
        self.tail: deque[str] = deque(maxlen=12)
        self._partial = b""
        self._shown_at: deque[float] = deque(maxlen=_SHOWN_LINES)
        self._file = path.open("ab")

    def feed(self, data: bytes) -> None:
        """Take a piece, which may end in the middle of a line."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LINE_BYTES:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            self._record(line)

    def end(self) -> None:
        """The process is gone: what it wrote without a newline is a line as well."""
        if self._partial:
            self._record(self._partial)
            self._partial = b""

    def close(self) -> None:
        """Close the log."""
        self.end()
        self._file.close()

    def _record(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.tail.append(text)
        self._file.write(time.strftime("%F %T ").encode() + line + b"\n")
        self._file.flush()
        if self._file.tell() > _LOG_BYTES:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("ab")
        if _ALARMING.search(text):
            self._show(text)

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if len(self._shown_at) == _SHOWN_LINES and now - self._shown_at[0] < _SHOWN_SECONDS:
            return
        self._shown_at.append(now)
        self.say(f"{self.name} | {text}")
        if len(self._shown_at) == _SHOWN_LINES and now - self._shown_at[0] < _SHOWN_SECONDS:
            self.say(f"{self.name} | (more in {self.path})")


@dataclass
class Child:
    """One program to keep running, and what is known of its present process."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    keep_open: Sequence[int] = ()
    umask: int = -1
    user: str | None = None  # nobody: with the supervisor's own rights
    process: subprocess.Popen[bytes] | None = None
    pipe: IO[bytes] | None = None
    output: Output | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    deaths: int = 0

    @property
    def is_living(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts the children, restarts what dies, and ends all of them with everything they started.

    Each child leads a session of its own, so Ctrl-C at the terminal reaches only the supervisor,
    which then ends them in order. As subreaper it inherits the orphans of a killed child: those in
    the child's session go before it starts anew; one with a session of its own (a daemon) stays for
    the new child to take over, and goes at the end.
    """

    def __init__(self, logs: Path, say: Say) -> None:
        self.children: list[Child] = []
        self.logs = logs
        self.say = say
        self.is_stopping = False
        self.is_up = False
        self._is_hurried = False
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)

    def install_signals(self) -> None:
        """Take over the signals that mean "end", and SIGCHLD, which only has to wake the loop."""
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Ignored from the start is what nohup does, and means what it says.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._end)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C comes from somebody who does not want to wait for the polite ending.
        self._is_hurried = self.is_stopping
        self.is_stopping = True

    def finish(self, child: Child) -> int | None:
        """Run a child that ends by itself; its exit code, or None when an ending was asked for."""
        self.children.append(child)
        try:
            self._spawn(child)
            while child.is_living and not self.is_stopping:
                self._wait(1.0)
            if self.is_stopping:
                self._end_all([child], grace=5.0)
                return None
            return self._bury(child)
        finally:
            self.children.remove(child)
            if child.output is not None:
                child.output.close()

    def start(self, children: Sequence[Child]) -> None:
        """Start all children; from now on they are kept running."""
        self.children.extend(children)
        for child in children:
            self._spawn(child)

    def run(self, until: Callable[[], bool] = lambda: False) -> bool:
        """Keep the children running until `until` is met (True) or an ending was asked for (False).

        Raises StartFailed when a child keeps dying before `until` was met for the first time.
        """
        while not self.is_stopping:
            for child in self.children:
                if child.process is not None and not child.is_living:
                    self._mourn(child, _how(self._bury(child)))
                if child.restart_at is not None and time.monotonic() >= child.restart_at:
                    self._spawn(child)
            if until():
                self.is_up = True
                return True
            self._wait(self._timeout())
        return False

    def stop(self, grace: float = 8.0) -> None:
        """End all children politely, then by force whatever is left of them. Leaves no orphan."""
        self.is_stopping = True
        self._end_all(self.children, grace)
        self._end_orphans(0.0 if self._is_hurried else 2.0)
        for child in self.children:
            if child.output is not None:
                child.output.close()

    def _timeout(self) -> float:
        # While starting, `until` asks for something outside this process and has to be polled.
        longest = 30.0 if self.is_up else 0.05
        due = [child.restart_at for child in self.children if child.restart_at is not None]
        return max(0.0, min([longest, *(at - time.monotonic() for at in due)]))

    def _spawn(self, child: Child) -> None:
        child.restart_at = None
        child.started_at = time.monotonic()
        if child.output is None:
            child.output = Output(child.name, self.logs / f"{child.name}.log", self.say)
        parent = os.getpid()

        def before_exec() -> None:
            die_with_parent()
            # The parent may have died before the kernel was asked.
            if os.getppid() != parent:
                os._exit(1)

        user = child.user
        as_user: dict = {"user": user, "group": user, "extra_groups": []} if user else {}
        try:
            child.process = subprocess.Popen(
                child.command,
                env=child.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=child.keep_open,
                umask=child.umask,
                **as_user,
                preexec_fn=before_exec,
            )
        except OSError as error:
            child.process = None
            self._mourn(child, f"could not be started: {error}")
            return
        child.pipe = child.process.stdout
        if child.pipe is not None:
            os.set_blocking(child.pipe.fileno(), False)
            self._selector.register(child.pipe, selectors.EVENT_READ, child)

    def _wait(self, timeout: float) -> None:
        """Sleep until a child writes, a signal comes or time is up; then take what there is."""
        for key, _ in self._selector.select(timeout):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(self._wake_read, 4096)
            else:
                self._read(key.data)
        self._collect_orphans()

    def _read(self, child: Child) -> bool:
        """Take one piece of output; False when there is none now, or none any more."""
        if child.pipe is None or child.output is None:
            return False
        try:
            data = os.read(child.pipe.fileno(), _LINE_BYTES)
        except BlockingIOError:
            return False
        if data:
            child.output.feed(data)
        else:
            self._forget_pipe(child)
        return bool(data)

    def _forget_pipe(self, child: Child) -> None:
        if child.pipe is not None:
            self._selector.unregister(child.pipe)
            child.pipe.close()
            child.pipe = None

    def _bury(self, child: Child) -> int:
        """Clear away what a dead child left in its session; read its last words; its exit code."""
        process = child.process
        if process is None:
            return 0
        for pid in [pid for pid, _, session in _processes() if session == process.pid]:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        while self._read(child):
            pass
        # A daemon that outlives the child may hold the pipe open for ever.
        self._forget_pipe(child)
        child.process = None
        if child.output is not None:
            child.output.end()
        return process.wait()

    def _mourn(self, child: Child, how: str) -> None:
        """Say what happened and decide when the child starts again."""
        if time.monotonic() - child.started_at > _WELL_AFTER:
            child.deaths = 0
        child.deaths += 1
        tail = list(child.output.tail) if child.output else []
        if not self.is_up and child.deaths >= _DEATHS_BEFORE_GIVING_UP:
            raise StartFailed("\n".join([f"{child.name} {how}, time and again:", *tail]))
        pause = pause_before_start(child.deaths)
        child.restart_at = time.monotonic() + pause
        again = f"starting it again in {pause:.2g} s" if pause else "starting it again"
        self.say(f"{child.name} {how}; {again} (log: {self.logs / child.name}.log)")

    def _end_all(self, children: Sequence[Child], grace: float) -> None:
        for child in children:
            child.restart_at = None
            if child.process is not None and child.is_living:
                child.process.terminate()
        deadline = time.monotonic() + grace
        while (
            any(child.is_living for child in children)
            and time.monotonic() < deadline
            and not self._is_hurried
        ):
            self._wait(0.05)
        for child in children:
            if child.process is not None and child.is_living:
                self.say(f"{child.name} did not end by itself within {grace:g} s and was killed")
                child.process.kill()
                child.process.wait()
            self._bury(child)

    def _collect_orphans(self) -> None:
        """Reap inherited processes, and only those: Popen must find the codes of its own."""
        ours = {child.process.pid for child in self.children if child.process is not None}
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None or dead.si_pid in ours:
                return
            with suppress(ChildProcessError):
                os.waitpid(dead.si_pid, os.WNOHANG)

    def _end_orphans(self, grace: float) -> None:
        """Daemons that the children had made were inherited; end them, and what they started."""
        deadline = time.monotonic() + grace
        asked: set[int] = set()
        while left := set(_descendants(os.getpid())):
            force = time.monotonic() >= deadline
            for pid in left if force else left - asked:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL if force else signal.SIGTERM)
            asked |= left
            time.sleep(0.02)
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if time.monotonic() > deadline + 2.0:
                self.say(f"could not be ended: process {', '.join(map(str, sorted(left)))}")
                return


def _processes() -> Iterator[tuple[int, int, int]]:
    """Process id, parent and session of every process of this machine that has not ended."""
    for path in Path("/proc").iterdir():
        if not path.name.isdigit():
            continue
        try:
            # The name stands in parentheses and may contain anything, parentheses too.
            fields = (path / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] != "Z":
            yield int(path.name), int(fields[1]), int(fields[3])


def _descendants(root: int) -> list[int]:
    parents = {pid: parent for pid, parent, _ in _processes()}
    found: list[int] = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found.extend(level)
    return found


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    with suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"
