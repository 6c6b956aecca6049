"""`make run` as a newcomer meets it: all comes up, dies and comes back, and ends together."""

import ftplib
import imaplib
import io
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.machine import MAIL_PORTS, free_port

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]
# Wide, as only a broken start reaches it: machines that test are often busy.
LIMIT = 120.0


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.05)


def status(port: int, path: str = "/", host: str | None = None) -> int:
    """The status of a page, after redirects; 0 when nobody answers."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}")
    if host:
        request.add_header("Host", host)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


class Panel:
    """One `make run`, without make: installing is not what is tested here."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.panel_port, self.sites_port, self.dns_port = free_port(), free_port(), free_port()
        self.ftp_port, self.sftp_port = free_port(), free_port()
        self.mail_ports = {name: free_port() for name in MAIL_PORTS}
        self.output = data.parent / "output"
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "panel.serve"],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "PANEL_DATA": str(data),
                    "PANEL_PORT": str(self.panel_port),
                    "SITES_PORT": str(self.sites_port),
                    "SITES_TLS_PORT": str(free_port()),
                    "DNS_PORT": str(self.dns_port),
                    "FTP_PORT": str(self.ftp_port),
                    "SFTP_PORT": str(self.sftp_port),
                    **{name: str(port) for name, port in self.mail_ports.items()},
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_until(
            lambda: "Ctrl-C ends everything" in self.text() or self.process.poll() is not None,
            "the summary is printed",
        )
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self.output.read_text()

    def family(self) -> dict[int, str]:
        """Every process that works on this data, with its command line."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                environment = (path / "environ").read_bytes()
            except OSError:
                continue
            data = str(self.data)
            if data in command or f"PANEL_DATA={data}".encode() in environment.split(b"\0"):
                found[int(path.name)] = command
        found.pop(self.process.pid, None)
        return found

    def child(self, words: str) -> int:
        """The process of a child: the one that the supervisor started itself."""
        for pid, command in self.family().items():
            stat = Path(f"/proc/{pid}/stat")
            parent = stat.read_text().rpartition(")")[2].split()[1] if stat.exists() else ""
            if words in command and parent == str(self.process.pid):
                return pid
        return 0

    def site(self) -> str:
        """The host name of one of the example websites."""
        sites = json.loads((self.data / "demo.json").read_text())["sites"]
        return urlsplit(next(site["url"] for site in sites if not site["suspended"])).netloc


@pytest.fixture(scope="module")
def panel(tmp_path_factory) -> Iterator[Panel]:
    """One panel for all tests of this file, in their order; the last one ends it."""
    started = Panel(tmp_path_factory.mktemp("run") / "var")
    yield started
    for pid in [*started.family(), started.process.pid]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    started.process.wait()


def test_the_login_page_answers_and_the_summary_names_it(panel):
    assert status(panel.panel_port) == 200
    assert f"http://localhost:{panel.panel_port}/" in panel.text()


def test_an_example_website_is_served(panel):
    wait_until(lambda: status(panel.sites_port, host=panel.site()) == 200, "the website answers")


def test_every_example_login_is_in_the_summary(panel):
    logins = json.loads((panel.data / "demo.json").read_text())["logins"]
    assert set(logins) == {"administrator", "reseller", "customer"}
    for login in logins.values():
        assert login["username"] in panel.text()
        assert login["password"] in panel.text()


def test_the_ftp_account_of_the_summary_uploads_a_page_that_is_served(panel):
    told = json.loads((panel.data / "demo.json").read_text())
    account, owner = told["ftp"], told["logins"]["customer"]["username"]
    assert f"sftp -P {panel.sftp_port} {account['username']}@127.0.0.1" in panel.text()
    assert account["password"] in panel.text()
    client = ftplib.FTP_TLS(context=ssl._create_unverified_context(), timeout=60)

    def is_there():
        try:
            client.connect("127.0.0.1", panel.ftp_port)
        except OSError:
            return False
        return True

    wait_until(is_there, "FTP answers")
    client.login(account["username"], account["password"])
    client.prot_p()
    client.storbinary("STOR by-ftp.html", io.BytesIO(b"hello"))
    client.quit()
    url = next(site["url"] for site in told["sites"] if site["customer"] == owner)
    assert status(panel.sites_port, "/by-ftp.html", urlsplit(url).netloc) == 200


def test_the_mailbox_of_the_summary_takes_a_letter_and_shows_it(panel):
    mailbox = json.loads((panel.data / "demo.json").read_text())["mail"]
    address, password = mailbox["username"], mailbox["password"]
    assert address in panel.text()
    assert password in panel.text()

    def takes():
        try:
            with smtplib.SMTP("127.0.0.1", panel.mail_ports["SMTP_PORT"], timeout=60) as client:
                letter = f"To: {address}\r\nSubject: For the bakery\r\n\r\nHello.\r\n"
                return client.sendmail("guest@elsewhere.example", [address], letter) == {}
        except (OSError, smtplib.SMTPException):
            return False

    wait_until(takes, "a letter is taken")
    tls = ssl._create_unverified_context()
    port = panel.mail_ports["IMAPS_PORT"]
    client = imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=tls, timeout=60)
    client.login(address, password)
    client.select("INBOX")
    assert client.search(None, "SUBJECT", '"For the bakery"') == ("OK", [b"1"])
    client.logout()


def megabytes(pids):
    """What processes need together, by their names; memory that they share is counted once."""
    found = {}
    for pid in pids:
        try:
            name = Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")
            memory = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            # A process of a moment, which has ended since.
            continue
        pss = (line.split()[1] for line in memory.splitlines() if line.startswith("Pss:"))
        found[name] = found.get(name, 0) + sum(map(int, pss)) / 1024
    return found


def test_panel_worker_agent_and_nginx_together_need_less_than_300_megabytes(panel):
    needed = megabytes([*panel.family(), panel.process.pid])
    daemons = ("pdns_server", "dns/answering.py", "ftp.serving", "mail.serving")
    of_daemons = {name for name in needed if any(words in name for words in daemons)}
    assert len(of_daemons) == 3, needed
    assert len(needed) >= 7, needed
    assert 100 < sum(needed[name] for name in needed.keys() - of_daemons) <= 300
    # Debian's name server, where it is installed, is another 60.
    ours = [name for name in of_daemons if "pdns_server" not in name]
    assert sum(needed[name] for name in ours) <= 100


@pytest.mark.parametrize("words", ["gunicorn", "manage.py worker", "hosting.agent"])
def test_a_killed_child_comes_back_and_everything_answers(panel, words):
    before = panel.child(words)
    assert before
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: panel.child(words) not in {0, before}, f"{words} has started again")
    wait_until(lambda: status(panel.panel_port) == 200, "the login page answers")
    wait_until(lambda: status(panel.sites_port, host=panel.site()) == 200, "the website answers")


def test_one_signal_ends_everything_and_frees_the_ports(panel):
    assert any("nginx" in command for command in panel.family().values())
    panel.process.send_signal(signal.SIGINT)
    assert panel.process.wait(60) == 0
    assert panel.family() == {}
    assert status(panel.panel_port) == status(panel.sites_port) == 0
    assert panel.text().endswith("Freehold has stopped.\n")
