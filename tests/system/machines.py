"""A machine of one's own to install on: this one's files under an overlay, gone afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.source_code import ROOT

CLONE = Path("/usr/src/freehold")
_LEFT_OUT = {".git", ".venv", "var", "tests", "screenshots", "__pycache__", "build"}

# The first process of the machine: process 1 of its own process table, so that its end is the end
# of everything there. Its files are this machine's, read-only below what it writes to memory.
_FIRST = """
import ctypes, os, signal, sys
top = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
REC, PRIVATE, BIND = 0x4000, 0x40000, 0x1000
def mount(source, target, kind, flags=0, data=""):
    words = [word.encode() if word else None for word in (source, target, kind)]
    if libc.mount(*words, flags, data.encode()):
        sys.exit(f"mount {target}: {os.strerror(ctypes.get_errno())}")
mount("none", "/", "", REC | PRIVATE)
mount("tmpfs", top, "tmpfs")
for name in ("upper", "work", "root"):
    os.mkdir(f"{top}/{name}")
root = f"{top}/root"
mount("overlay", root, "overlay", 0, f"lowerdir=/,upperdir={top}/upper,workdir={top}/work")
mount("proc", f"{root}/proc", "proc")
mount("/dev", f"{root}/dev", "", BIND | REC)
mount("tmpfs", f"{root}/run", "tmpfs", 0, "mode=0755")
mount("tmpfs", f"{root}/tmp", "tmpfs", 0, "mode=1777")
os.chroot(root)
os.chdir("/")
print("ready", flush=True)
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    signal.pause()
"""


def why_not() -> str:
    """The reason why no such machine can be here, or nothing."""
    if os.geteuid() != 0:
        return "installing needs root"
    if not Path("/etc/debian_version").exists():
        return "this is no Debian"
    for program in ("nginx", "openssl", "unshare", "nsenter"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    return ""


class NoMachine(Exception):
    """The kernel does not allow it here."""


class Machine:
    """Runs commands there as root, and keeps programs running."""

    def __init__(self, first: subprocess.Popen) -> None:
        self._first = first
        # `unshare --fork` waits for process 1 of the machine, its only child.
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text()
        self.init = int(children.split()[0])

    def _inside(self) -> list[str]:
        return ["nsenter", "-t", str(self.init), "-m", "-p", "-r", "-w"]

    def run(
        self, *words: str, given: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """A command's end, with an environment of its own and something to read."""
        return subprocess.run(
            [*self._inside(), *words],
            env=_variables(variables),
            input=given,
            capture_output=True,
            text=True,
        )

    def make(self, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`make` in the clone."""
        return self.run("make", "-C", str(CLONE), target, **variables)

    def done(self, *words: str, given: str = "") -> str:
        """A command's output, which has to succeed."""
        result = self.run(*words, given=given)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def start(self, *words: str) -> subprocess.Popen:
        """A program that goes on; what it says lies in /tmp/output there."""
        with (self.path("/tmp") / "output").open("a") as output:
            return subprocess.Popen(
                [*self._inside(), *words],
                env=_variables({}),
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def path(self, path: str | Path) -> Path:
        """A path there, as seen from here."""
        return Path(f"/proc/{self.init}/root") / str(path).lstrip("/")


def _variables(more: dict[str, str]) -> dict[str, str]:
    """As a login shell of root's; where packages come from stays as it is here."""
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_", "https_"))}
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return kept | {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8"} | more


def _copy_clone(machine: Machine) -> None:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in _LEFT_OUT and name[0] != "."]
        target = machine.path(CLONE) / Path(folder).relative_to(ROOT)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            shutil.copy(Path(folder) / name, target / name)


@contextmanager
def clean_machine() -> Iterator[Machine]:
    """A machine with a clone in CLONE. NoMachine, with the reason, where that cannot be."""
    with tempfile.TemporaryDirectory(prefix="freehold-machine-") as top:
        first = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", sys.executable, "-c", _FIRST, top],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if first.stdout.readline().strip() != "ready":
                raise NoMachine(f"no overlay of / here: {first.stderr.read().strip()}")
            machine = Machine(first)
            _copy_clone(machine)
            yield machine
        finally:
            if first.poll() is None:
                children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text()
                for pid in children.split():
                    os.kill(int(pid), signal.SIGKILL)
            first.wait()
            first.stdout.close()
            first.stderr.close()


def wait_until(condition, what: str, limit: float = 60.0) -> None:
    """Wait; the limit is wide, only a test that fails reaches it."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)
