"""FTP over TLS and SFTP by real clients: who gets in, how far, and what ends it.

One node for all of it. Anna's subscription is 1, the neighbour's 2; each case leaves things open.
"""

import ftplib
import io
import os
import shutil
import signal
import socket
import ssl
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import bcrypt
import pytest

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian, uid_of
from hosting.services.ftp import driver_daemon
from hosting.services.ftp.driver import FtpDriver
from hosting.services.ftp.driver_sessions import greets, running
from tests.agent.fakes import Died, DyingHost
from tests.machine import free_port
from tests.system.conftest import wait_until
from tests.system.doors import ftp_login
from tests.system.sshd import Sshd, make_key

_IS_HERE = os.geteuid() == 0 and Path("/usr/lib/proftpd/mod_sql_sqlite.so").exists()
pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(not _IS_HERE, reason="needs root and Debian's ProFTPD"),
]
PASSWORD = "Grün ist die Heide 7"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


def account(name, home="", **more):
    return {"name": name, "home": home, "read_only": False, "keys": [], "password": HASH} | more


class FtpNode:
    """A node that serves nothing but FTP, with the agent's rooms in this process."""

    def __init__(self, top):
        self.top = top
        places = {name: top / name for name in ("node", "homes", "run", "logs", "users", "ssh")}
        for path in places.values():
            path.mkdir()
        places["homes"].chmod(0o711)
        self.platform = debian(
            **places, address="127.0.0.1", ftp_port=free_port(), sftp_port=free_port()
        )
        self.generation = 0
        self.wanted = {}
        self.next_agent()

    def next_agent(self, host=None):
        host = host or Host(self.platform.node, Runner(), self.platform)
        self.driver = FtpDriver(host)
        self.applier = Applier(host, [self.driver])
        self.applier.settle()

    def apply(self, number, *accounts, present=True, state="open"):
        """Apply; return what became of it."""
        self.generation += 1
        frame = {
            "id": number,
            "generation": self.generation,
            "present": present,
            "state": state,
            **({"ftp": {"accounts": list(accounts)}} if present else {}),
        }
        lines = []
        self.applier.desired([frame], lines.append)
        (found,) = (line for line in lines if line.get("subscription") == number)
        return found

    def switch(self, number, state):
        self.applier.switch([[number, self.generation, state]])

    def home(self, number, *parts):
        return self.platform.homes.joinpath(f"s{number}", *parts)

    def log_in(self, name, password=PASSWORD):
        return ftp_login(self.platform.ftp_port, name, password)

    def refuses(self, name, password=PASSWORD):
        with pytest.raises(ftplib.error_perm, match="530"):
            self.log_in(name, password)
        return True

    def sftp(self):
        return Sshd(self.top, self.platform.sftp_port, [])

    def sessions(self, number):
        found = running(Path("/usr/sbin/proftpd"))
        return [pid for pid, uid in found.items() if uid == uid_of(number)]


def put(client, name, data=b"hello"):
    client.storbinary(f"STOR {name}", io.BytesIO(data))


def got(client, name):
    found = io.BytesIO()
    client.retrbinary(f"RETR {name}", found.write)
    return found.getvalue()


def ended(client):
    with pytest.raises((EOFError, OSError, ftplib.Error)):
        client.voidcmd("NOOP")
    client.close()
    return True


@pytest.fixture(scope="module")
def node():
    top = Path(tempfile.mkdtemp(prefix="freehold-ftp-"))
    top.chmod(0o755)
    found = FtpNode(top)
    try:
        assert found.apply(1, account("anna"), account("anna.shop", "httpdocs/shop"))["ok"]
        assert found.apply(2, account("nora"))["ok"]
        yield found
    finally:
        for number in (1, 2):
            for pid in found.sessions(number):
                os.kill(pid, signal.SIGKILL)
        found.driver.server.daemon.stop()
        shutil.rmtree(top)


@pytest.fixture(autouse=True)
def neighbour(node):
    """The neighbour's session lives through every case, and new ones begin."""
    client = node.log_in("nora")
    yield
    client.voidcmd("NOOP")
    node.log_in("nora").quit()
    client.quit()


def test_an_account_uploads_as_its_subscriptions_user_and_gets_no_further_than_its_home(node):
    shop = node.home(1, "httpdocs", "shop")
    (node.home(1) / "secret").write_text("secret")
    client = node.log_in("anna.shop")
    put(client, "ünï côdé;$(id)\N{SNOWMAN}.txt")
    (made,) = shop.iterdir()
    assert made.name == "ünï côdé;$(id)\N{SNOWMAN}.txt"
    assert (made.stat().st_uid, made.stat().st_gid) == (uid_of(1), uid_of(1))
    # A link and a pipe that its user made elsewhere: neither leads out, nor holds anything up.
    for name, target in (("out", "/etc"), ("up", "../.."), ("neighbour", str(node.home(2)))):
        (shop / name).symlink_to(target)
        with pytest.raises(ftplib.error_perm):
            got(client, f"{name}/passwd")
    with pytest.raises(ftplib.error_perm):
        got(client, "up/secret")
    with pytest.raises(ftplib.error_perm):
        got(client, "../../secret")
    os.mkfifo(shop / "pipe")
    os.chown(shop / "pipe", uid_of(1), uid_of(1))
    assert "pipe" in client.nlst()
    # Nothing of root's is left in a session: what lies in a home could not win it.
    (pid,) = node.sessions(1)
    status = Path(f"/proc/{pid}/status").read_text()
    assert f"Uid:\t{uid_of(1)}\t{uid_of(1)}\t{uid_of(1)}\t{uid_of(1)}\n" in status
    assert Path(f"/proc/{pid}/root").readlink() == shop
    client.quit()
    assert node.sftp().sftp("anna.shop", "get ../../../../etc/passwd x\n", PASSWORD).returncode


def test_a_home_that_became_a_link_lets_nobody_in(node):
    shop, aside = node.home(1, "httpdocs", "shop"), node.home(1, "aside")
    shop.rename(aside)
    shop.symlink_to("/etc")
    assert node.refuses("anna.shop")
    failed = node.apply(1, account("anna"), account("anna.shop", "httpdocs/shop"))
    assert not failed["ok"]
    assert "FTP home" in str(failed)
    shop.unlink()
    aside.rename(shop)
    assert node.apply(1, account("anna"), account("anna.shop", "httpdocs/shop"))["ok"]
    node.log_in("anna.shop").quit()


def test_what_sessions_took_is_counted_once_whichever_way_it_went(node, tmp_path):
    since, half = time.strftime("%Y-%m-%d"), 250_000
    before = taken(node, since)
    client = node.log_in("anna")
    put(client, "traffic", os.urandom(half))
    got(client, "traffic")
    client.quit()
    (tmp_path / "sent").write_bytes(os.urandom(half))
    assert not node.sftp().sftp("anna", f"put {tmp_path}/sent\n", PASSWORD).returncode
    wait_until(lambda: taken(node, since)[1] - before[1] > 3 * half, "all of it is counted")
    after = taken(node, since)
    assert after[1] - before[1] < 3.3 * half
    # What the neighbour's short sessions of each case took, and no more.
    assert after[2] < half
    node.next_agent()
    assert taken(node, since) == after


def taken(node, since):
    """Bytes by subscription, of all days that are counted."""
    found = node.driver.traffic([1, 2], since)
    return {number: sum(day.get(number, 0) for day in found.values()) for number in (1, 2)}


def test_without_tls_nobody_gets_as_far_as_a_password(node):
    client = ftplib.FTP(timeout=60)
    client.connect("127.0.0.1", node.platform.ftp_port)
    with pytest.raises(ftplib.error_perm, match="550"):
        client.login("anna", PASSWORD)
    client.close()


def test_suspension_refuses_password_and_key_ends_sessions_and_activation_brings_all_back(
    node, tmp_path
):
    key = make_key(tmp_path, "key")
    line = " ".join(key.with_suffix(".pub").read_text().split()[:2])
    assert node.apply(1, account("anna", keys=[line]), account("anna.shop", "httpdocs/shop"))["ok"]
    sftp = node.sftp()
    assert sftp.logs_in("anna", password=PASSWORD)
    assert sftp.logs_in("anna", key=key)
    client = node.log_in("anna")
    node.switch(1, "limited")
    client.voidcmd("NOOP")
    # Half of a login, from before the door was shut.
    late = ftplib.FTP_TLS(context=ssl._create_unverified_context(), timeout=60)
    late.connect("127.0.0.1", node.platform.ftp_port)
    late.auth()
    late.sendcmd("USER anna")
    for _twice in range(2):
        node.switch(1, "shut")
    assert node.refuses("anna")
    assert not sftp.logs_in("anna", password=PASSWORD)
    assert not sftp.logs_in("anna", key=key)
    assert ended(client)
    with pytest.raises(ftplib.error_perm):
        late.sendcmd(f"PASS {PASSWORD}")
    late.close()
    # The next agent knows it, too; and what is new there is shut from its beginning.
    node.next_agent()
    again = (account("anna", keys=[line]), account("anna.shop", "httpdocs/shop"))
    assert node.apply(1, *again, account("anna.new"), state="shut")["ok"]
    assert node.refuses("anna.new")
    assert node.apply(1, *again, state="shut")["ok"]
    node.switch(1, "open")
    node.log_in("anna").quit()
    assert sftp.logs_in("anna", key=key)


def test_read_only_means_that_nothing_changes_over_ftp_or_sftp(node):
    assert node.apply(1, account("anna"), account("anna.look", read_only=True))["ok"]
    (node.home(1) / "there").write_text("there")
    os.chown(node.home(1) / "there", uid_of(1), uid_of(1))
    client = node.log_in("anna.look")
    assert got(client, "there") == b"there"
    tries = [
        lambda: put(client, "there"),
        lambda: client.mkd("new"),
        lambda: client.delete("there"),
        lambda: client.rename("there", "here"),
        lambda: client.sendcmd("SITE CHMOD 777 there"),
        lambda: client.sendcmd("MFMT 20200101000000 there"),
    ]
    for attempt in tries:
        with pytest.raises(ftplib.error_perm):
            attempt()
    client.quit()
    before = (node.home(1) / "there").stat(), sorted(node.home(1).iterdir())
    tries = ("rm there", "mkdir new", "rename there here", "chmod 777 there", "symlink a b")
    # One session for all: "-" goes on after what is refused, and the last is not.
    lines = "".join(f"-{each}\n" for each in (*tries, "put /etc/hostname new"))
    done = node.sftp().sftp("anna.look", f"{lines}ls there\n", PASSWORD)
    assert done.returncode == 0
    assert ((node.home(1) / "there").stat(), sorted(node.home(1).iterdir())) == before


def test_what_is_removed_or_has_another_password_ends_its_sessions(node):
    assert node.apply(1, account("anna"), account("anna.gone"))["ok"]
    client = node.log_in("anna.gone")
    assert node.apply(1, account("anna"))["ok"]
    assert ended(client)
    assert node.refuses("anna.gone")
    client = node.log_in("anna")
    other = bcrypt.hashpw(b"another one", bcrypt.gensalt(4)).decode()
    assert node.apply(1, account("anna", password=other))["ok"]
    assert ended(client)
    assert node.refuses("anna")
    node.log_in("anna", "another one").quit()
    assert node.apply(1, account("anna"))["ok"]


def test_a_username_is_had_once_and_whoever_had_it_keeps_it(node):
    failed = node.apply(1, account("anna"), account("nora"))
    assert not failed["ok"]
    assert "nora is taken" in str(failed)
    node.log_in("anna").quit()


def test_what_somebody_changed_by_hand_is_found_and_put_right(node):
    import sqlite3

    assert node.apply(1, account("anna"))["ok"]
    assert node.driver.plan({1: node.driver.parse({"accounts": [account("anna")]})}) == {}
    database = sqlite3.connect(node.platform.node / "ftp" / "accounts.sqlite3", timeout=30)
    with database:
        database.execute("UPDATE account SET home = '/', uid = 0 WHERE name = 'anna'")
    database.close()
    assert node.refuses("anna")
    (change,) = node.driver.plan({1: node.driver.parse({"accounts": [account("anna")]})})[1]
    assert change.what == "FTP account anna"
    node.next_agent()
    node.log_in("anna").quit()


def test_a_killed_daemon_comes_back_and_the_sessions_it_left_are_ended_all_the_same(
    node, monkeypatch
):
    client = node.log_in("anna")
    asked = []
    monkeypatch.setattr(driver_daemon, "greets", lambda place: asked.append(place) or greets(place))
    for home in ("other", ""):
        asked.clear()
        assert node.apply(1, account("anna"), account("anna.other", home))["ok"]
    # What answered once is not asked with each change.
    assert asked == []
    master = node.driver.server.daemon.master()
    os.kill(master, signal.SIGKILL)
    Runner().wait(master, 30)
    node.switch(1, "shut")
    assert ended(client)
    node.switch(1, "open")
    assert node.apply(1, account("anna"))["ok"]
    assert asked
    assert node.driver.problem() is None
    node.log_in("anna").quit()


def test_a_crash_at_any_call_leaves_the_old_or_the_new_and_is_completed(node, monkeypatch):
    """The daemon serves on meanwhile: agents die and are followed, on what it reads."""
    monkeypatch.setattr(driver_daemon.FtpServer, "answers", lambda server: True)
    old, new = [account("anna")], [account("anna"), account("anna.more", "more/and/more")]
    wanted, last, deaths = {1: node.driver.parse({"accounts": new})}, 0, 0
    while deaths == last:
        last += 1
        assert node.apply(1, *old)["ok"]
        shutil.rmtree(node.home(1, "more"), ignore_errors=True)
        try:
            node.next_agent(DyingHost(node.platform.node, Runner(), node.platform, last=last))
            node.apply(1, *new)
        except Died:
            deaths += 1
        node.next_agent()
        names = set(node.driver._store.names())
        assert names in ({"anna", "nora"}, {"anna", "anna.more", "nora"})
        assert node.apply(1, *new)["ok"]
        assert node.driver.plan(wanted) == {}
    assert deaths >= 3
    node.log_in("anna.more").quit()
    assert node.apply(1, *old)["ok"]


def test_removed_means_that_nobody_gets_in(node):
    client = node.log_in("anna")
    assert node.apply(1, present=False, state="shut")["ok"]
    assert ended(client)
    assert node.refuses("anna")
    assert node.apply(1, account("anna"))["ok"]
    node.log_in("anna").quit()


def test_nodes_without_proftpd_do_not_offer_it(node):
    from dataclasses import replace

    assert driver_daemon.is_possible(node.platform)
    programs = {k: v for k, v in node.platform.programs.items() if k != "proftpd"}
    assert not driver_daemon.is_possible(replace(node.platform, programs=programs))
    assert not driver_daemon.is_possible(replace(node.platform, ftp_port=None))


def test_a_stranger_who_only_connects_holds_nobody_up(node):
    strangers = [socket.create_connection(("127.0.0.1", node.platform.ftp_port)) for _ in range(10)]
    node.log_in("anna").quit()
    for stranger in strangers:
        with suppress(OSError):
            stranger.close()
