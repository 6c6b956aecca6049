"""System users with real clients: in by password and by key, out at once, and never at a neighbour.

The agent's own driver writes the files; Debian's sshd, PAM and libnss-extrausers read them.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import bcrypt
import pytest

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian
from hosting.agent.private import close_off
from hosting.services.system.driver import SystemDriver
from tests.system import sshd as servers

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(bool(servers.why_not()), reason=servers.why_not()),
]

# Far from the numbers of other tests: what runs as these users is killed here.
ANNA, BERT, CARL = 900_042, 900_043, 900_044
WORDS = {ANNA: "anna's own password", BERT: "bert's own password", CARL: "carl's own password"}
NAMES = {ANNA: "fh-anna", BERT: "fh-bert", CARL: "fh-carl"}
GETS = {ANNA: "sftp", BERT: "shell", CARL: "none"}


class Node:
    """A node with three tenants: one that transfers files, one with a shell, one with neither."""

    def __init__(self, top: Path):
        self.top = top
        places = {name: top / name for name in ("node", "homes", "run", "logs", "users")}
        platform = debian(**places, ssh=top / "ssh")
        for place in (*places.values(), platform.web):
            place.mkdir()
        close_off(platform)
        self.platform, self.generation = platform, 0
        self.keys = {number: servers.make_key(top / "users", f"key{number}") for number in NAMES}
        for key in list(self.keys.values()):
            for path in (key, key.with_suffix(".pub")):
                shutil.move(path, top / path.name)
        self.keys = {number: top / key.name for number, key in self.keys.items()}
        self.begin()
        self.sshd: servers.Sshd

    def begin(self) -> None:
        """A new life of the agent."""
        host = Host(self.platform.node, Runner(), self.platform)
        self.driver = SystemDriver(host)
        self.applier = Applier(host, [self.driver])
        self.applier.settle()

    def wanted(self, number: int, *, present: bool = True, state: str = "open", **more):
        self.generation += 1
        hashed = bcrypt.hashpw(WORDS[number].encode(), bcrypt.gensalt(6)).decode()
        public = self.keys[number].with_suffix(".pub").read_text().split()[:2]
        user = {
            "user": NAMES[number],
            "access": GETS[number],
            "password": hashed,
            "keys": [" ".join(public)],
        }
        about = {"id": number, "generation": self.generation, "present": present, "state": state}
        return about | {"system": user | more} if present else about

    def apply(self, *frames):
        lines = []
        self.applier.desired(list(frames), lines.append)
        self.applier.sweep()
        assert all(line["ok"] for line in lines[:-1]), lines
        return lines[-1]

    def switch(self, number, state):
        self.generation += 1
        self.applier.switch([(number, self.generation, state)])

    def ways(self, number):
        """Whether one gets in by password, and by key."""
        name = NAMES[number]
        return (
            self.sshd.logs_in(name, password=WORDS[number]),
            self.sshd.logs_in(name, key=self.keys[number]),
        )


@pytest.fixture(scope="module")
def node():
    top = Path(tempfile.mkdtemp(prefix="freehold-node-", dir="/srv"))
    top.chmod(0o755)
    node = Node(top)
    try:
        node.apply(*[node.wanted(number) for number in NAMES])
        with servers.sshd(top, node.platform.users) as node.sshd:
            yield node
    finally:
        node.apply(*[node.wanted(number, present=False) for number in NAMES])
        shutil.rmtree(top)


def test_one_gets_in_by_password_and_by_key_where_the_plan_says_so(node):
    assert node.ways(ANNA) == (True, True)
    assert node.ways(BERT) == (True, True)
    assert node.ways(CARL) == (False, False)
    assert not node.sshd.logs_in("fh-anna", password=WORDS[BERT])
    assert not node.sshd.logs_in("fh-anna", key=node.keys[BERT])


def test_sftp_begins_at_home_and_sees_nothing_of_the_neighbours(node, tmp_path):
    (tmp_path / "page").write_text("hello")
    (node.platform.homes / f"s{BERT}" / "secret").write_text("bert's")
    done = node.sshd.sftp(
        "fh-anna", f"pwd\nput {tmp_path}/page page\nls -ln\n", key=node.keys[ANNA]
    )
    assert done.returncode == 0, done.stderr
    assert f"/s{ANNA}\n" in done.stdout.replace(": ", "\n") + "\n"
    uploaded = (node.platform.homes / f"s{ANNA}" / "page").stat()
    assert uploaded.st_uid == uploaded.st_gid == 10_000_000 + ANNA
    for batch in ("ls /\n", f"ls /s{BERT}\n", f"get /s{BERT}/secret {tmp_path}/got\n", "ls /etc\n"):
        assert node.sshd.sftp("fh-anna", batch, key=node.keys[ANNA]).returncode != 0, batch
    assert node.sshd.ssh("fh-anna", "id", key=node.keys[ANNA])[1].find("uid=") == -1


def test_a_shell_is_its_own_user_and_reads_nothing_of_the_neighbours(node):
    home = node.platform.homes / f"s{BERT}"
    (node.platform.homes / f"s{ANNA}" / "secret").write_text("anna's")
    code, said = node.sshd.ssh("fh-bert", "id -u; pwd; echo x > own", password=WORDS[BERT])
    assert (code, said.split()) == (0, [str(10_000_000 + BERT), str(home)])
    assert (home / "own").stat().st_uid == 10_000_000 + BERT
    for path in (f"homes/s{ANNA}", f"homes/s{ANNA}/secret", "users/shadow", "node/ssh/keys"):
        code, said = node.sshd.ssh(
            "fh-bert", f"ls {node.top}/{path}; cat {node.top}/{path}", key=node.keys[BERT]
        )
        assert code != 0
        assert "Permission denied" in said


def test_keys_that_a_tenant_puts_into_its_home_let_nobody_in(node):
    home = node.platform.homes / f"s{BERT}"
    public = node.keys[CARL].with_suffix(".pub").read_text()
    command = f"mkdir -m 700 .ssh; echo '{public.strip()}' > .ssh/authorized_keys"
    assert node.sshd.ssh("fh-bert", command, key=node.keys[BERT])[0] == 0
    assert (home / ".ssh/authorized_keys").read_text().split() == public.split()
    assert not node.sshd.logs_in("fh-bert", key=node.keys[CARL])


def test_who_is_suspended_is_refused_and_out_at_once_and_comes_back_as_before(node):
    files = {name: (node.platform.users / name).read_bytes() for name in ("passwd", "shadow")}
    own = node.sshd.start_ssh("fh-bert", "echo in; sleep 300", key=node.keys[BERT])
    assert own.stdout.readline() == "in\n"
    node.switch(BERT, "limited")
    assert node.ways(BERT) == (True, True)
    assert own.poll() is None
    node.switch(BERT, "shut")
    assert own.wait(60) != 0
    own.communicate()
    assert node.ways(BERT) == (False, False)
    assert node.ways(ANNA) == (True, True)
    node.begin()
    assert node.ways(BERT) == (False, False)
    node.switch(BERT, "open")
    assert node.ways(BERT) == (True, True)
    assert {name: (node.platform.users / name).read_bytes() for name in files} == files


def test_who_was_let_in_while_the_door_closed_is_found_by_a_second_look(node):
    left = subprocess.Popen(
        ["/usr/bin/sleep", "300"], user=10_000_000 + BERT, group=10_000_000 + BERT, cwd="/"
    )
    other = subprocess.Popen(
        ["/usr/bin/sleep", "300"], user=10_000_000 + ANNA, group=10_000_000 + ANNA, cwd="/"
    )
    node.driver._shut.add(BERT)
    node.driver._look_again({BERT})
    node.driver._host.runner.sleep(0.4)
    node.driver.look_again()
    assert left.wait(60) == -9
    assert other.poll() is None
    other.kill()
    other.wait()
    node.driver._shut.discard(BERT)


def test_a_password_and_a_key_that_were_taken_away_let_nobody_in(node):
    bare = node.wanted(ANNA, keys=[])
    del bare["system"]["password"]
    node.apply(bare)
    assert node.ways(ANNA) == (False, False)
    node.apply(node.wanted(ANNA))
    assert node.ways(ANNA) == (True, True)


def test_who_is_removed_leaves_no_user_no_process_and_no_file(node):
    own = node.sshd.start_ssh("fh-bert", "echo in; sleep 300", key=node.keys[BERT])
    assert own.stdout.readline() == "in\n"
    node.apply(node.wanted(BERT, present=False))
    assert own.wait(60) != 0
    own.communicate()
    assert 10_000_000 + BERT not in Runner().users()
    assert not [path for path in node.top.rglob(f"*{BERT}*") if not path.name.startswith("key")]
    for name in ("passwd", "shadow", "group"):
        assert b"fh-bert" not in (node.platform.users / name).read_bytes()
    assert node.ways(BERT) == (False, False)
    assert node.ways(ANNA) == (True, True)
