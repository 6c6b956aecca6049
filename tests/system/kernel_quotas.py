"""Runs inside a kernel of its own (kernel.py): hard quotas of ext4 and XFS, and who is refused."""

import os
import subprocess
import traceback
from pathlib import Path

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian, uid_of
from hosting.services.system.driver import SystemDriver
from tests.system import kernel

ANNA, BERT = 42, 43
MIB = 1024 * 1024


def writes(home: Path, number: int, mib: int) -> str:
    """Write as a tenant; "" or why it was refused."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([])
        os.setresgid(*[uid_of(number)] * 3)
        os.setresuid(*[uid_of(number)] * 3)
        words = ""
        try:
            with (home / f"file-{mib}").open("wb", buffering=0) as file:
                for _ in range(mib * 16):
                    file.write(b"x" * (MIB // 16))
        except OSError as error:
            words = str(error.strerror)
        os.write(writing, words.encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as file:
        return file.read()


class Node:
    """An agent with the system service alone, whose homes lie on one of the disks."""

    def __init__(self, top: Path):
        places = {name: top / name for name in ("node", "homes", "run", "logs", "users", "ssh")}
        for place in places.values():
            place.mkdir(parents=True)
        platform = debian(**places)
        programs = {k: v for k, v in platform.programs.items() if k != "sshd"}
        object.__setattr__(platform, "programs", programs)
        self.host = Host(platform.node, Runner(), platform)
        self.generation = 0
        self.begin()

    def begin(self) -> None:
        """A new life of the agent."""
        self.driver = SystemDriver(self.host)
        self.applier = Applier(self.host, [self.driver])
        self.applier.settle()

    def apply(self, **quotas: int | None) -> dict[str, object]:
        """Apply a batch; how many changed, and why one failed, by name."""
        numbers, lines, frames = {"anna": ANNA, "bert": BERT}, [], []
        for name, quota in quotas.items():
            self.generation += 1
            user = {"user": name, "access": "sftp", "keys": []}
            frame = {"id": numbers[name], "generation": self.generation, "present": True}
            frame |= {"state": "open", "system": user | ({"quota": quota} if quota else {})}
            frames.append(frame)
        self.applier.desired(frames, lines.append)
        said = {line["subscription"]: line.get("message", "") for line in lines[:-1]}
        return {"changed": lines[-1]["changed"]} | {n: said[numbers[n]] for n in quotas}

    def differs(self, quota: int | None) -> list[list[str]]:
        """What the plan for Anna shows of her quota."""
        user = {"user": "anna", "access": "sftp", "keys": []} | ({"quota": quota} if quota else {})
        changes = self.driver.plan({ANNA: self.driver.parse(user)}).get(ANNA, [])
        return [[*each.before, *each.after] for each in changes if "quota" in each.what]

    def home(self, number: int) -> Path:
        """Where one's files are."""
        return self.host.platform.homes / f"s{number}"


def walk(top: Path) -> dict[str, object]:
    """What becomes of two tenants, one of which has a quota."""
    node = Node(top)
    found: dict[str, object] = {"why_not": node.driver.offers()["no_quota"]}
    found["none"] = node.apply(anna=None, bert=None)
    found["before"] = writes(node.home(ANNA), ANNA, 3)
    found["set"] = node.apply(anna=5, bert=None)
    found["beyond"] = writes(node.home(ANNA), ANNA, 4)
    found["neighbour"] = writes(node.home(BERT), BERT, 8)
    found["again"] = node.apply(anna=5)
    found["same"] = node.differs(5)
    found["drift"] = node.differs(7)
    found["raised"] = node.apply(anna=20)
    found["within"] = writes(node.home(ANNA), ANNA, 6)
    node.driver._quotas.set({ANNA: 1})
    found["by hand"] = node.differs(20)
    node.begin()
    found["settled"] = node.differs(20)
    found["lifted"] = node.apply(anna=None)
    found["unlimited"] = writes(node.home(ANNA), ANNA, 25)
    found["problem"] = node.driver.problem()
    return found


def without(top: Path) -> dict[str, object]:
    """The same on a disk that is mounted without quotas."""
    node = Node(top)
    return {
        "why_not": node.driver.offers()["no_quota"],
        "set": node.apply(anna=5, bert=None),
        "beyond": writes(node.home(ANNA), ANNA, 8),
        "differs": node.differs(5),
        "problem": node.driver.problem(),
    }


def mended(top: Path) -> dict[str, object]:
    """Without at first; then the administrator turns them on, as the documentation says."""
    found = without(top)
    for command in (["quotacheck", "-cum"], ["quotaon"]):
        subprocess.run([f"/usr/sbin/{command[0]}", *command[1:], top], check=True)
    node = Node(top / "again")
    found["mended"] = node.apply(anna=5, bert=None)
    found["beyond then"] = writes(node.home(ANNA), ANNA, 12)
    found["neighbour then"] = writes(node.home(BERT), BERT, 8)
    return found


def main() -> None:
    """Each disk in turn."""
    kernel.prepare()
    top = Path("/tmp")
    kernel.mount("ext4", "/dev/ubda", top / "ext4", "usrquota")
    kernel.mount("xfs", "/dev/ubdb", top / "xfs", "uquota")
    kernel.mount("ext4", "/dev/ubdc", top / "off", "usrquota")
    kernel.mount("ext4", "/dev/ubdd", top / "plain")
    places = {"ext4": walk, "xfs": walk, "off": mended, "plain": without}
    kernel.tell({name: look(top / name) for name, look in places.items()})


if __name__ == "__main__":
    try:
        main()
    except BaseException:
        with Path("/dev/console").open("w") as console:
            traceback.print_exc(file=console)
    kernel.halt()
