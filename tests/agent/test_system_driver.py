"""The files of system users: written whole, for all at once, and completed after any crash."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.apply import Applier
from hosting.agent.host import Finished, Host
from hosting.agent.platform import debian, embedded
from hosting.agent.protocol import AgentError
from hosting.services.system import driver_desired, driver_files
from hosting.services.system.driver import SystemDriver
from hosting.services.system.driver_desired import SystemUser
from hosting.services.system.driver_sshd import drop_in
from tests.agent.fakes import Died, DyingHost
from tests.hosting.ssh import public_key

HASH = "$2b$10$" + "a" * 53
FILES = ("passwd", "shadow", "group")


class FakeUsers:
    """A node's name service and processes. It reads the same files, and outlives agents."""

    def __init__(self, platform):
        self.platform = platform
        self.own = {"root": 0, "backup": 34}
        self.living: set[int] = set()
        self.ended: list[int] = []
        self.clock = 0.0
        self.checked = Finished(0, "")
        self.signals: list[tuple[int, int]] = []

    def user(self, name):
        if name in self.own:
            return self.own[name]
        lines = (self.platform.users / "passwd").read_text().splitlines()
        return {line.split(":")[0]: int(line.split(":")[2]) for line in lines}.get(name)

    def users(self):
        return set(self.living)

    def end(self, uid):
        self.ended.append(uid)
        self.living.discard(uid)

    def run(self, command, timeout):
        if "-t" in command:
            return self.checked
        return Finished(0, "port 2222\n")

    def signal(self, pid, number):
        self.signals.append((pid, number))

    def now(self):
        return self.clock


@pytest.fixture
def real(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    return platform_in(tmp_path)


def platform_in(top: Path):
    places = {name: top / name for name in ("node", "homes", "run", "logs", "users")}
    for place in places.values():
        place.mkdir(parents=True)
    (top / "ssh").mkdir()
    found = debian(**places, ssh=top / "ssh")
    return replace(found, programs={"sshd": Path("/usr/sbin/sshd")})


class Agent:
    """One agent's life, with system users alone."""

    def __init__(self, node, host=None):
        self.node = node
        self.host = host or Host(node.platform.node, node, node.platform)
        self.driver = SystemDriver(self.host)
        self.applier = Applier(self.host, [self.driver])
        self.applier.settle()

    def desired(self, *frames):
        lines = []
        self.applier.desired(list(frames), lines.append)
        return {line["subscription"]: line for line in lines[:-1]}, lines[-1]

    def switch(self, *items):
        return self.applier.switch(list(items))


def frame(number, generation=1, name="anna", *, present=True, state="open", **more):
    about = {"id": number, "generation": generation, "present": present, "state": state}
    user = {"user": name, "access": "sftp", "keys": [], "password": HASH} | more
    return about | {"system": user} if present else about


def files(platform):
    return {name: (platform.users / name).read_text() for name in FILES}


def shadow_of(platform, name):
    lines = (platform.users / "shadow").read_text().splitlines()
    return next((line.split(":") for line in lines if line.startswith(f"{name}:")), None)


def test_a_batch_is_one_rename_of_each_file_whatever_its_size(real):
    agent = Agent(FakeUsers(real))
    renames = []
    changing = agent.host.changing
    agent.host.changing = lambda what, subject: (
        renames.append(str(subject)) if what == "rename" else None,
        changing(what, subject),
    )
    agent.desired(*[frame(n, 1, f"user{n}") for n in range(1, 101)])
    assert sorted(each for each in renames if "/users/" in each) == sorted(
        str(real.users / name) for name in FILES
    )
    renames.clear()
    agent.switch(*[(n, 2, "shut") for n in range(1, 101)])
    assert [each for each in renames if "/users/" in each] == [str(real.users / "shadow")]


def test_applying_again_and_a_restart_change_nothing(real):
    node = FakeUsers(real)
    agent = Agent(node)
    wanted = [frame(42, 1), frame(43, 1, "bert", state="shut", keys=[public_key("bert")])]
    agent.desired(*wanted)
    calls = agent.host.calls
    assert agent.desired(*wanted)[1]["changed"] == 0
    assert agent.host.calls == calls
    assert Agent(node).host.calls == 0


def test_who_is_shut_has_expired_and_comes_back_byte_by_byte(real):
    node = FakeUsers(real)
    agent = Agent(node)
    agent.desired(frame(42), frame(43, 1, "bert"))
    before = files(real)
    node.living = {10_000_042, 10_000_043}
    agent.switch((42, 2, "shut"))
    assert (shadow_of(real, "anna")[7], shadow_of(real, "bert")[7]) == ("1", "")
    assert shadow_of(real, "anna")[1] == HASH
    assert node.ended == [10_000_042]
    agent.switch((42, 3, "limited"))
    assert files(real) == before
    agent.switch((42, 4, "shut"), (43, 2, "limited"))
    assert shadow_of(real, "bert")[7] == ""
    agent.switch((42, 5, "open"))
    assert files(real) == before


def test_later_looks_end_who_is_still_shut_or_gone_and_nobody_who_was_opened(real):
    node = FakeUsers(real)
    agent = Agent(node)
    # Subscription 44 serves a website and has no system user.
    without = {key: value for key, value in frame(44).items() if key != "system"}
    agent.desired(frame(42), frame(43, 1, "bert"), without, frame(45, 1, "dora"))
    agent.switch((42, 2, "shut"), (43, 2, "shut"), (44, 2, "shut"))
    agent.switch((43, 3, "open"), (44, 3, "open"))
    agent.desired(frame(45, 2, present=False))
    node.ended.clear()
    node.living = {10_000_042, 10_000_043, 10_000_044, 10_000_045, 10_000_046}
    node.clock = 5.0
    assert agent.driver.look_again() is None
    assert node.ended == [10_000_042, 10_000_045]


def test_less_access_ends_what_runs_and_more_does_not(real):
    node = FakeUsers(real)
    agent = Agent(node)
    agent.desired(frame(42, 1, access="shell"), frame(43, 1, "bert", access="sftp"))
    node.living = {10_000_042, 10_000_043}
    agent.desired(frame(42, 2, access="sftp"), frame(43, 2, "bert", access="shell"))
    assert node.ended == [10_000_042]
    passwd = {line.split(":")[0]: line for line in files(real)["passwd"].splitlines()}
    assert passwd["anna"].endswith("/s42:/usr/sbin/nologin")
    assert passwd["bert"].endswith("/s43:/bin/bash")


def test_without_access_there_is_no_password_and_no_key(real):
    agent = Agent(FakeUsers(real))
    agent.desired(frame(42, 1, access="none", keys=[public_key("anna")]))
    assert shadow_of(real, "anna")[1] == "!"
    assert list((real.node / "ssh/keys").iterdir()) == []
    assert "freehold-sftp:x:4294960002:\n" in files(real)["group"]


@pytest.mark.parametrize(
    ("number", "name", "why"),
    [
        (44, "anna", "another subscription has"),
        (44, "backup", "a user backup of its own"),
        (2**40, "carl", "there is no user"),
    ],
)
def test_one_that_cannot_be_fails_alone_and_the_others_are_there(real, number, name, why):
    agent = Agent(FakeUsers(real))
    agent.desired(frame(42))
    results, _total = agent.desired(frame(number, 1, name), frame(43, 1, "bert"))
    assert why in results[number]["message"]
    assert results[43]["ok"]
    assert [line.split(":")[0] for line in files(real)["passwd"].splitlines()] == ["anna", "bert"]


def test_a_plan_shows_what_somebody_changed_by_hand_and_never_a_hash(real):
    agent = Agent(FakeUsers(real))
    agent.desired(frame(42), frame(43, 1, "bert"))
    (real.homes / "s42").chmod(0o777)
    path = real.users / "shadow"
    path.write_text(path.read_text().replace("anna:$2b$", "anna:$6$x"))
    (real.node / "ssh/keys/10000042").write_text("ssh-ed25519 intruder\n")
    plans = agent.applier.plan([frame(42), frame(43, 1, "bert")])["plans"]
    (plan,) = plans
    assert plan["subscription"] == 42
    assert [each["what"] for each in plan["changes"]] == [
        "password or expiry", "home", "SSH keys",
    ]  # fmt: skip
    assert "$2b$" not in str(plan)
    agent.desired(frame(42, 2), frame(43, 2, "bert"))
    assert agent.applier.plan([frame(42, 2), frame(43, 2, "bert")])["plans"] == []


STEPS = {
    "added": [frame(44, 1, "carl", keys=[public_key("carl")])],
    "renamed, with other keys": [frame(42, 2, "anne", keys=[public_key("new")], access="shell")],
    "shut with its state": [frame(42, 2, state="shut")],
    "removed": [frame(42, 2, present=False)],
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_call_it_is_whole_and_the_next_run_completes_it(tmp_path, step):
    if os.geteuid() != 0:
        pytest.skip("only root gives files to others")
    ends = []
    for last in range(1, 100):
        top = tmp_path / str(last)
        node = FakeUsers(platform_in(top))
        Agent(node).desired(frame(42, keys=[public_key("anna")]), frame(43, 1, "bert"))
        host = DyingHost(node.platform.node, node, node.platform, last=last)
        try:
            Agent(node, host).desired(*STEPS[step])
            died = False
        except Died:
            died = True
        # Whatever was being written: files are whole, and the neighbour is in them.
        for text in files(node.platform).values():
            assert text.endswith("\n")
            assert "bert" in text
        Agent(node).desired(*STEPS[step])
        keys = {p.name: p.read_text() for p in (node.platform.node / "ssh/keys").iterdir()}
        ends.append(str((files(node.platform), keys)).replace(str(top), ""))
        if not died:
            break
    else:
        pytest.fail("it never came to an end")
    assert len(ends) > 3
    assert len(set(ends)) == 1


names = st.from_regex(r"[a-z][a-z0-9_-]{1,30}", fullmatch=True)


@given(st.dictionaries(st.integers(1, 10**6), names, max_size=8), st.sets(st.integers(1, 10**6)))
def test_the_files_read_back_as_what_was_written(named, shut):
    users = {n: SystemUser(name, "sftp", HASH) for n, name in named.items()}
    lines = driver_files.passwd(users, Path("/srv/freehold")).decode().splitlines()
    assert len(lines) == len(users)
    for number, line in zip(sorted(users), lines, strict=True):
        name, x, uid, gid, gecos, home, shell = line.split(":")
        assert (name, x, gecos, shell) == (users[number].name, "x", "", "/usr/sbin/nologin")
        assert int(uid) == int(gid) == 10_000_000 + number
        assert home == f"/srv/freehold/s{number}"
        assert not driver_files.is_foreign(line)
    for number, line in zip(
        sorted(users), driver_files.shadow(users, shut).decode().splitlines(), strict=True
    ):
        fields = line.split(":")
        assert (fields[0], fields[1], len(fields)) == (users[number].name, HASH, 9)
        assert fields[7] == ("1" if number in shut else "")


@given(st.text(max_size=80))
def test_no_text_becomes_a_name_or_a_password_that_ends_its_field(text):
    for field in ("user", "password"):
        value = {"user": "anna", "access": "sftp", "keys": []} | {field: text}
        try:
            read = driver_desired.parse(value)
        except AgentError:
            continue
        written = driver_files.passwd({1: read}, Path("/h")) + driver_files.shadow({1: read}, ())
        assert written.count(b"\n") == 2
        assert written.count(b":") == 6 + 8


@pytest.mark.parametrize(
    "change",
    [
        {"user": "root:x:0:0"},
        {"user": "A"},
        {"access": "root"},
        {"password": "secret"},
        {"password": "$2b$10$" + ":" * 53},
        {"keys": [f'command="x" {public_key("a")}']},
        {"keys": [public_key("a") + "\n" + public_key("b")]},
        {"keys": [public_key("a", "comment")]},
        {"keys": [public_key(str(n)) for n in range(51)]},
        {"home": "/"},
    ],
)
def test_what_is_not_sound_is_refused(change):
    with pytest.raises(AgentError) as raised:
        driver_desired.parse({"user": "anna", "access": "sftp", "keys": []} | change)
    assert raised.value.kind == "invalid"


def test_a_platform_without_users_has_no_such_service(tmp_path):
    platform = embedded(tmp_path, 8480, "/nowhere/nginx")
    with pytest.raises(ValueError, match="has no system users"):
        SystemDriver(Host(tmp_path, FakeUsers(platform), platform))


def test_sshd_is_told_once_and_loads_it_once(real, monkeypatch):
    pid = real.run / "sshd.pid"
    pid.write_text("4711\n")
    monkeypatch.setattr(type(real), "sshd_pid", pid)
    node = FakeUsers(real)
    assert Agent(node).driver.offers()["port"] == 2222
    assert (real.ssh / "freehold.conf").read_text() == drop_in(real)
    assert node.signals == [(4711, signal.SIGHUP)]
    Agent(node)
    assert len(node.signals) == 1


def test_what_sshd_does_not_take_is_taken_back_and_said(real):
    path = real.ssh / "freehold.conf"
    path.write_text("# of the version before\n")
    node = FakeUsers(real)
    node.checked = Finished(255, "line 3: Bad configuration option: ForceComand")
    agent = Agent(node)
    assert path.read_text() == "# of the version before\n"
    assert node.signals == []
    assert "Bad configuration option" in agent.driver.problem()


def test_a_path_that_sshd_could_misread_is_refused(real, tmp_path):
    assert f"{real.node}/ssh/keys/%U" in drop_in(real)
    odd = platform_in(tmp_path / "with blank %u")
    with pytest.raises(ValueError, match="cannot be told"):
        drop_in(odd)


def test_files_that_somebody_else_uses_are_left_alone_and_the_agent_says_so(real):
    """Their users stay, the agent starts, suspending goes on, and whoever is new is refused."""
    others = "bob:x:1001:1001::/home/bob:/bin/sh\n"
    (real.users / "passwd").write_text(others)
    agent = Agent(FakeUsers(real))
    assert "left alone" in agent.driver.problem()
    results, _sum = agent.desired(frame(42))
    assert (results[42]["kind"], "left alone" in results[42]["message"]) == ("refused", True)
    assert agent.switch((42, 2, "shut"))["switched"] == [42]
    assert (real.users / "passwd").read_text() == others
    assert not (real.users / "shadow").exists()
