"""FTP and SFTP of the embedded platform, by real clients, beside its websites."""

import asyncio
import ftplib
import io
import os
import signal
import socket
import ssl

import asyncssh
import bcrypt
import pytest

from hosting.agent.host import Runner
from tests.agent.fakes import site, subscription
from tests.machine import free_port
from tests.system.conftest import WebNode, wait_until

pytestmark = pytest.mark.system
PASSWORD, OTHER = "Grün ist die Heide 7", "another one entirely 8"


def hashed(password):
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


HASH, OTHER_HASH = hashed(PASSWORD), hashed(OTHER)


def account(name, home="", **more):
    return {"name": name, "home": home, "read_only": False, "keys": [], "password": HASH} | more


class Node(WebNode):
    """A node whose agent serves websites and FTP; Anna's subscription is 1, the neighbour's 2."""

    def __init__(self, directory, nginx):
        super().__init__(directory, nginx)
        self.ftp_port, self.sftp_port = free_port(), free_port()
        self.generation = 0

    def arguments(self):
        ports = ("--ftp-port", str(self.ftp_port), "--sftp-port", str(self.sftp_port))
        return [*super().arguments(), *ports]

    def wants(self, number, *accounts, state="open"):
        self.generation += 1
        sites = [site(number, f"site{number}.example")]
        frame = subscription(number, self.generation, *sites, state=state)
        self.applied(frame | {"ftp": {"accounts": list(accounts)}})

    def servers(self):
        return Runner().processes(self.directory / "ftp")

    def home(self, number, *parts):
        return self.directory.joinpath("homes", f"s{number}", *parts)

    def clean(self):
        super().clean()
        for pid in self.servers():
            os.kill(pid, signal.SIGKILL)

    def ftp(self, name, password=PASSWORD, secret=True):
        kind = Client if secret else ftplib.FTP
        client = kind(timeout=60, encoding="utf-8")
        client.connect("127.0.0.1", self.ftp_port)
        try:
            client.login(name, password)
        except ftplib.all_errors:
            client.close()
            raise
        if secret:
            client.prot_p()
        return client

    def refuses_ftp(self, name, password=PASSWORD):
        with pytest.raises(ftplib.error_perm, match="530"):
            self.ftp(name, password)
        return True

    async def ssh(self, name, password=PASSWORD, keys=()):
        return await asyncssh.connect(
            "127.0.0.1", self.sftp_port, username=name, password=password, known_hosts=None,
            client_keys=list(keys) or None, config=None, agent_path=None,
            preferred_auth="publickey" if keys else "password",
        )  # fmt: skip

    async def refuses_ssh(self, name, **way):
        with pytest.raises((asyncssh.PermissionDenied, asyncssh.ConnectionLost)):
            (await self.ssh(name, **way)).close()
        return True


class Client(ftplib.FTP_TLS):
    def __init__(self, **options):
        super().__init__(context=ssl._create_unverified_context(), **options)


def put(client, name, data=b"hello"):
    client.storbinary(f"STOR {name}", io.BytesIO(data))


def got(client, name):
    found = io.BytesIO()
    client.retrbinary(f"RETR {name}", found.write)
    return found.getvalue()


def ended(client):
    """Whether a session ends by itself, soon; its end says nothing more."""
    client.sock.settimeout(30)
    with pytest.raises((EOFError, OSError)):
        client.getresp()
    client.close()
    return True


@pytest.fixture(scope="module")
def node(tmp_path_factory, nginx_program):
    made = Node(tmp_path_factory.mktemp("ftp") / "node", nginx_program)
    try:
        made.start()
        assert not made.servers()
        made.wants(2, account("nora"))
        yield made
        # Asked to end, the agent takes the server along.
        assert made.stop() == 0
        assert not made.servers()
    finally:
        made.clean()


@pytest.fixture
def neighbour(node):
    """The neighbour's session lives through every case, and new ones begin."""
    client = node.ftp("nora")
    yield
    client.voidcmd("NOOP")
    node.ftp("nora").quit()
    client.quit()


@pytest.mark.usefixtures("neighbour")
def test_what_is_uploaded_is_served_and_nothing_beyond_the_home_is_reached(node):
    node.wants(
        1,
        account("anna"),
        account("anna.shop", "httpdocs/shop"),
        account("anna.reads", read_only=True),
    )
    with pytest.raises(ftplib.error_perm, match="550"):
        node.ftp("anna", secret=False)
    client = node.ftp("anna.shop")
    assert client.sock.version() in {"TLSv1.2", "TLSv1.3"}
    put(client, "page.html", b"by FTP")
    assert node.get("site1.example", "/shop/page.html").body == "by FTP"
    name = "ünï côdé;$(id)\N{SNOWMAN}.txt"
    put(client, name)
    assert client.nlst() == sorted(["page.html", name])
    client.rename(name, "plain")
    client.storbinary("STOR plain", io.BytesIO(b"LLO"), rest=2)
    assert got(client, "plain") == b"heLLO"
    client.storbinary("APPE plain", io.BytesIO(b"!"))
    assert client.size("plain") == 6
    client.mkd("below")
    client.cwd("below")
    assert client.pwd() == "/below"
    assert client.storbinary("STOU", io.BytesIO(b"unique")).startswith("226")
    shop, home = node.home(1, "httpdocs", "shop"), node.home(1)
    (home / "secret").write_text("secret")
    (node.home(2) / "theirs").write_text("theirs")
    for link, target in (("out", "/etc"), ("up", "../.."), ("there", node.home(2))):
        (shop / link).symlink_to(target)
    os.mkfifo(shop / "pipe")
    for path in ("/out/passwd", "/up/secret", "/there/theirs", "../../../x/secret", "//etc/passwd"):
        for attempt in (got, put, ftplib.FTP.delete):
            with pytest.raises(ftplib.error_perm, match="550"):
                attempt(client, path)
    for attempt in (got, put):
        with pytest.raises(ftplib.error_perm, match="550"):
            attempt(client, "/pipe")
    with pytest.raises(ftplib.error_perm, match="550"):
        client.cwd("/up")
    client.delete("/up")
    assert (home / "secret").read_text() == "secret"
    assert (node.home(2) / "theirs").read_text() == "theirs"
    client.quit()
    reader = node.ftp("anna.reads")
    assert got(reader, "secret") == b"secret"
    for attempt in (put, ftplib.FTP.delete, ftplib.FTP.mkd):
        with pytest.raises(ftplib.error_perm, match="550"):
            attempt(reader, "secret")
    reader.quit()


@pytest.mark.usefixtures("neighbour")
def test_sftp_reads_and_writes_in_the_home_and_offers_nothing_else(node):
    key = asyncssh.generate_private_key("ssh-ed25519")
    line = key.export_public_key().decode().strip()
    node.wants(1, account("anna", keys=[line]), account("anna.shop", "httpdocs/shop"))
    shop = node.home(1, "httpdocs", "shop")

    async def walk():
        async with await node.ssh("anna", keys=[key]) as connection:
            files = await connection.start_sftp_client()
            assert {"httpdocs", "secret"} <= set(await files.listdir())
        stranger = asyncssh.generate_private_key("ssh-ed25519")
        assert await node.refuses_ssh("anna", keys=[stranger])
        assert await node.refuses_ssh("anna.shop", keys=[key])
        assert await node.refuses_ssh("anna.shop", password="wrong")
        async with await node.ssh("anna.shop") as connection:
            files = await connection.start_sftp_client()
            async with files.open("sftp.html", "w") as file:
                await file.write("by SFTP")
            assert node.get("site1.example", "/shop/sftp.html").body == "by SFTP"
            await files.chmod("sftp.html", 0o7640)
            assert (shop / "sftp.html").stat().st_mode & 0o7777 == 0o640
            await files.truncate("sftp.html", 2)
            await files.utime("sftp.html", (5, 7))
            found = await files.stat("/sftp.html")
            assert (found.size, found.atime, found.mtime) == (2, 5, 7)
            assert await files.realpath("../../x/..") == "/"
            with pytest.raises(asyncssh.SFTPError):
                await files.rename("plain", "sftp.html")
            await files.posix_rename("plain", "sftp.html")
            for path in ("/out/passwd", "/there/theirs", "../../x/secret", "/pipe", "/etc/passwd"):
                for mode in ("r", "w", "r+"):
                    with pytest.raises(asyncssh.SFTPError):
                        await files.open(path, mode)
            for attempt in (files.symlink, files.link):
                with pytest.raises(asyncssh.SFTPError):
                    await attempt("/etc/passwd", "made")
            with pytest.raises(asyncssh.SFTPError):
                await files.readlink("out")
            with pytest.raises(asyncssh.SFTPError):
                await files.chown("sftp.html", 1, 1)
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", node.port)
            with pytest.raises(asyncssh.Error):
                await connection.run("id", check=True)

    asyncio.run(walk())
    assert not (shop / "made").is_symlink()


def taken(node):
    """Bytes by subscription, of all days that are counted."""
    figures = node.client.measure([1, 2], "2026-01-01").items()
    days = [amounts for figure, amounts in figures if figure.startswith("traffic")]
    return {number: sum(day.get(number, 0) for day in days) for number in (1, 2)}


@pytest.mark.usefixtures("neighbour")
def test_what_sessions_took_is_counted_once_also_of_those_that_were_ended(node):
    node.wants(1, account("anna"))
    before, half = taken(node), 200_000
    client = node.ftp("anna")
    put(client, "big", bytes(half))
    assert len(got(client, "big")) == half
    client.quit()

    async def walk():
        async with await node.ssh("anna") as connection:
            files = await connection.start_sftp_client()
            async with files.open("big", "rb") as file:
                assert len(await file.read()) == half

    asyncio.run(walk())
    cut = node.ftp("anna")
    put(cut, "big", bytes(half))
    node.wants(1, account("anna"), state="shut")
    assert ended(cut)
    wait_until(lambda: taken(node)[1] - before[1] >= 4 * half, "all of it is counted")
    assert taken(node)[1] - before[1] < 4.2 * half
    assert taken(node)[2] - before[2] < half
    assert taken(node) == taken(node)
    node.wants(1, account("anna"))


@pytest.mark.usefixtures("neighbour")
def test_suspension_refuses_ends_and_activation_brings_all_back(node):
    key = asyncssh.generate_private_key("ssh-ed25519")
    line = key.export_public_key().decode().strip()
    node.wants(1, account("anna", keys=[line]), account("anna.shop", "httpdocs/shop"))

    async def walk():
        connection = await node.ssh("anna", keys=[key])
        client, busy = node.ftp("anna"), node.ftp("anna.shop")
        # In the middle of an upload, which nobody goes on with.
        transfer = busy.transfercmd("STOR half")
        node.client.switch([[1, node.generation, "limited"]])
        client.voidcmd("NOOP")
        node.client.switch([[1, node.generation, "shut"]])
        await asyncio.wait_for(connection.wait_closed(), 30)
        assert ended(client)
        assert ended(busy)
        transfer.close()
        assert node.refuses_ftp("anna")
        assert await node.refuses_ssh("anna")
        assert await node.refuses_ssh("anna", keys=[key])
        node.client.switch([[1, node.generation, "open"]])
        client = node.ftp("anna")
        (await node.ssh("anna", keys=[key])).close()
        connection = await node.ssh("anna.shop")
        # Another password: its session goes, that of the other account stays.
        shop = account("anna.shop", "httpdocs/shop", password=OTHER_HASH)
        node.wants(1, account("anna", keys=[line]), shop)
        await asyncio.wait_for(connection.wait_closed(), 30)
        client.voidcmd("NOOP")
        assert node.refuses_ftp("anna.shop")
        node.ftp("anna.shop", OTHER).quit()
        node.wants(1)
        assert ended(client)
        assert node.refuses_ftp("anna")

    asyncio.run(walk())


@pytest.mark.usefixtures("neighbour")
def test_a_home_that_became_a_link_lets_nobody_in_and_no_password_gets_nobody_in(node):
    node.wants(1, account("anna.shop", "httpdocs/shop"), account("anna", password=""))
    shop, aside = node.home(1, "httpdocs", "shop"), node.home(1, "aside")
    shop.rename(aside)
    shop.symlink_to(node.home(2))
    assert node.refuses_ftp("anna.shop")
    assert asyncio.run(node.refuses_ssh("anna.shop"))
    shop.unlink()
    aside.rename(shop)
    node.ftp("anna.shop").quit()
    for password in ("!", "x" * 100, PASSWORD):
        assert node.refuses_ftp("anna", password)


def test_a_killed_server_comes_back_with_the_same_keys_and_has_no_address_but_loopback(node):
    def keys():
        context = ssl._create_unverified_context()
        with socket.create_connection(("127.0.0.1", node.ftp_port)) as plain:
            reading = plain.makefile("rb")
            reading.readline()
            plain.sendall(b"AUTH TLS\r\n")
            reading.readline()
            with context.wrap_socket(plain) as client:
                certificate = client.getpeercert(binary_form=True)
        found = asyncio.run(asyncssh.get_server_host_key("127.0.0.1", node.sftp_port, config=None))
        return certificate, found.export_public_key()

    before = keys()
    (pid,) = node.servers()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(node.servers()) - {pid}, "the server has started again")

    def greets():
        try:
            return keys() == before
        except OSError:
            return False

    wait_until(greets, "it answers as before")
    for name in ("tls.pem", "ssh_host_key"):
        assert (node.directory / "ftp" / name).stat().st_mode & 0o777 == 0o600
    for port in (node.ftp_port, node.sftp_port):
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", port), 5)
