"""Hard quotas of system users: set in one run for all, and completed after any crash."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.host import Finished
from hosting.agent.platform import uid_of
from hosting.services.system import driver_quota
from tests.agent import test_system_driver as users
from tests.agent.fakes import Died, DyingHost

LINE = re.compile(r"(\d+) 0 (\d+) 0 0\n")
FIRST = (
    "User,BlockStatus,FileStatus,BlockUsed,BlockSoftLimit,BlockHardLimit,BlockGrace,"
    "FileUsed,FileSoftLimit,FileHardLimit,FileGrace\n"
)


class FakeQuotas(users.FakeUsers):
    """A node whose file system keeps quotas, in KiB by uid."""

    def __init__(self, platform):
        super().__init__(platform)
        programs = {name: Path(f"/sbin/{name}") for name in ("setquota", "repquota")}
        self.platform = replace(platform, programs=platform.programs | programs)
        self.limits = {0: 0, uid_of(77): 9999}
        self.runs: list[str] = []
        self.words = ""

    def run(self, command, timeout, given=b""):
        name = Path(command[0]).name
        if name not in ("setquota", "repquota"):
            return super().run(command, timeout)
        self.runs.append(name)
        if self.words:
            return Finished(1, f"{name}: {self.words}\n")
        if name == "repquota":
            rows = (f"#{uid},ok,ok,4,0,{limit},,1,0,0,\n" for uid, limit in self.limits.items())
            return Finished(0, FIRST + "".join(rows))
        for line in given.decode("ascii").splitlines(keepends=True):
            uid, limit = map(int, LINE.fullmatch(line).groups())
            self.limits[uid] = limit
        return Finished(0, "")


def mounted(path, device, *, options):
    """A table of mounts in which the homes' device is mounted, among others."""
    major, minor = device >> 8 & 0xFFF, device & 0xFF | device >> 12 & 0xFFF00
    path.write_text(
        "22 1 0:5 / /proc rw - proc proc rw\n"
        "torn line\n"
        f"23 1 {major}:{minor} / / rw,relatime shared:1 - ext4 /dev/vda1 rw,{options}\n"
        f"24 1 {major}:{minor} / /mnt/else\\040where rw - ext4 /dev/vda1 rw\n"
    )


@pytest.fixture
def node(real, tmp_path, monkeypatch):
    mounts = tmp_path / "mountinfo"
    mounted(mounts, real.homes.stat().st_dev, options="usrquota")
    monkeypatch.setattr(driver_quota, "_MOUNTS", mounts)
    return FakeQuotas(real)


real = users.real


def frame(number, generation=1, name="anna", **more):
    return users.frame(number, generation, name, **more)


def quotas(node):
    return {uid - uid_of(0): limit // 1024 for uid, limit in node.limits.items() if uid and limit}


def test_a_batch_is_read_once_and_set_once_and_strangers_keep_theirs(node):
    agent = users.Agent(node)
    node.runs.clear()
    lines, _ = agent.desired(
        frame(42, quota=5), frame(43, name="bert"), frame(44, 1, "carl", quota=7)
    )
    assert all(line["ok"] for line in lines.values())
    assert quotas(node) == {42: 5, 44: 7, 77: 9}
    assert node.runs == ["repquota", "setquota"]
    agent.desired(frame(42, 2, quota=5))
    assert node.runs == ["repquota", "setquota", "repquota"]


def test_whoever_is_removed_has_no_quota_left_and_the_neighbour_has(node):
    agent = users.Agent(node)
    agent.desired(frame(42, quota=5), frame(43, name="bert", quota=6))
    agent.desired(frame(42, 2, present=False))
    assert quotas(node) == {43: 6, 77: 9}


@pytest.mark.parametrize("words", ["Disk quota is off", ""])
def test_a_quota_that_cannot_be_set_fails_who_wants_it_and_nobody_else(node, words):
    agent = users.Agent(node)
    node.words = words
    lines, _ = agent.desired(frame(42, quota=5), frame(43, name="bert"))
    if not words:
        assert lines[42]["ok"]
        return
    assert (lines[42]["ok"], lines[43]["ok"]) == (False, True)
    assert words in lines[42]["message"]
    assert words in agent.driver.problem()
    # Nobody gets in who could write beyond it.
    assert users.shadow_of(node.platform, "anna") is None
    node.words = ""
    agent.desired(frame(42, 2, quota=5))
    assert (quotas(node)[42], agent.driver.problem()) == (5, None)


def test_without_the_option_nothing_is_started_and_nobody_fails(node, tmp_path):
    mounted(tmp_path / "mountinfo", node.platform.homes.stat().st_dev, options="noquota")
    agent = users.Agent(node)
    lines, _ = agent.desired(frame(42, quota=5), frame(43, name="bert"))
    assert lines[42]["ok"]
    assert node.runs == []
    assert "/ (ext4)" in agent.driver.offers()["no_quota"]
    assert agent.driver.plan({42: agent.driver.parse(frame(42, quota=5)["system"])}) == {}


def test_an_agent_that_died_anywhere_is_completed_by_the_next(real, node):
    last = 1
    while True:
        platform = users.platform_in(real.homes.parent / f"life{last}")
        each = FakeQuotas(platform)
        host = DyingHost(each.platform.node, each, each.platform, last=10**6)
        agent = users.Agent(each, host)
        host.last = host.calls + last
        try:
            agent.desired(frame(42, quota=5), frame(43, name="bert", quota=6))
            died = False
        except Died:
            died = True
        again = users.Agent(each)
        again.desired(frame(42, quota=5), frame(43, name="bert", quota=6))
        assert quotas(each) == {42: 5, 43: 6, 77: 9}
        assert again.driver.plan({42: again.driver.parse(frame(42, quota=5)["system"])}) == {}
        if not died:
            break
        last += 1
    assert last > 3


def test_a_new_life_of_the_agent_sets_what_was_changed_meanwhile(node):
    users.Agent(node).desired(frame(42, quota=5), frame(43, name="bert"))
    node.limits[uid_of(42)] = 0
    node.limits[uid_of(43)] = 2048
    users.Agent(node)
    assert quotas(node) == {42: 5, 77: 9}


@pytest.mark.parametrize("quota", [0, -1, 2**40, "5", 1.5, True, None])
def test_a_quota_is_a_number_of_mebibytes(node, quota):
    agent = users.Agent(node)
    lines, _ = agent.desired(frame(42, quota=quota), frame(43, name="bert"))
    assert (lines[42]["ok"], lines[43]["ok"]) == (False, True)


@given(st.text(alphabet=st.characters(exclude_characters="\n\0/"), min_size=1))
def test_the_path_of_a_mount_is_read_as_the_kernel_writes_it(name):
    written = "".join(f"\\{ord(c):03o}" if c in " \t\n\\" else c for c in name)
    assert driver_quota._unescaped(written) == name
