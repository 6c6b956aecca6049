"""A Linux of our own for what the machine's kernel may lack: Debian's user-mode-linux, one process.

It sees the machine's files, as root and read-only but for /tmp of its own, has the disks that it is
given, and runs one Python module as its only program.
"""

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAM = Path("/usr/bin/linux.uml")
MODULES = Path("/usr/lib/uml/modules")
_MARK = "what it found: "
_FINIT_MODULE = 313
# On two busy processors it takes four seconds.
_LONGEST = 90


def why_not() -> str:
    """The reason why it cannot run here, or nothing."""
    if os.geteuid() != 0:
        return "only root is root in it"
    return "" if PROGRAM.exists() else "user-mode-linux is not installed"


def run(module: str, disks: Sequence[Path]) -> dict:
    """Boot it, run a module of ours in it, and return what that told."""
    command = [
        PROGRAM, "rootfstype=hostfs", "rootflags=/", "ro", "mem=256M", "quiet", "con=null",
        "con0=null,fd:1", f"init={sys.executable}",
        *(f"ubd{number}={disk}" for number, disk in enumerate(disks)),
        "--", "-m", module,
    ]  # fmt: skip
    here = Path(__file__).parents[2]
    # What is no word of its own to the kernel becomes the environment of its first program.
    command[-3:-3] = [f"PYTHONPATH={here}", "PYTHONDONTWRITEBYTECODE=1"]
    done = subprocess.run(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_LONGEST,
        text=True,
        check=False,
    )
    for line in done.stdout.splitlines():
        if line.startswith(_MARK):
            found: dict = json.loads(line.removeprefix(_MARK))
            return found
    raise AssertionError(f"{done.stdout[-3000:]}{done.stderr[-2000:]}")


def tell(found: dict) -> None:
    """Inside: say what was found. The last that is done there."""
    print(f"{_MARK}{json.dumps(found)}", flush=True)


def prepare() -> None:
    """Inside: mount what a program expects and a /tmp of its own; load the modules of quotas."""
    for kind, place in (("proc", "/proc"), ("tmpfs", "/tmp"), ("tmpfs", "/run")):
        mount(kind, kind, place)
    call = ctypes.CDLL(None, use_errno=True).syscall
    for name in ("quota_tree", "quota_v2"):
        path = next(MODULES.glob(f"*/kernel/fs/quota/{name}.ko"))
        file = os.open(path, os.O_RDONLY)
        if call(_FINIT_MODULE, file, b"", 0):
            raise OSError(ctypes.get_errno(), name)
        os.close(file)


def mount(kind: str, disk: str, place: str | Path, options: str = "defaults") -> None:
    """Inside: mount something."""
    Path(place).mkdir(exist_ok=True)
    subprocess.run(["/usr/bin/mount", "-t", kind, "-o", options, disk, place], check=True)


def halt() -> None:
    """Inside: end it."""
    os.sync()
    ctypes.CDLL(None).reboot(0x4321FEDC)
