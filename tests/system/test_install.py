"""`make install`, `make upgrade` and `make uninstall` for real: as root, in an overlay of this
machine, with Debian's nginx. One machine for the whole file; its tests follow each other.
"""

import http.client
import http.cookiejar
import json
import re
import ssl
import threading
import urllib.parse
import urllib.request

import pytest

from tests.machine import free_port
from tests.system import machines
from tests.system.machines import CLONE, wait_until

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(bool(machines.why_not()), reason=machines.why_not()),
]

PASSWORD = "a password of the administrator"
SITE, OTHER = "anna.example", "bert.example"


class Installed:
    """The machine with its ports, and a browser's view of it."""

    def __init__(self, machine: machines.Machine) -> None:
        self.machine = machine
        self.panel, self.sites = free_port(), free_port()
        self.variables = {
            "PANEL_HOST": "panel.example",
            "PANEL_TLS_PORT": str(self.panel),
            "SITES_PORT": str(self.sites),
            "SITES_TLS_PORT": str(free_port()),
            "DNS_PORT": str(free_port()),
            "ADDRESS": "127.0.0.1",
            "ADMIN_USERNAME": "root-admin",
            "ADMIN_EMAIL": "admin@panel.example",
            "ADMIN_PASSWORD_FILE": "/root/password",
        }
        (machine.path("/root/password")).write_text(f"{PASSWORD}\n")

    def make(self, target: str, **variables: str):
        """`make`, and everything that it said."""
        done = self.machine.make(target, **variables)
        return done.returncode, done.stdout + done.stderr

    def status(self, host: str) -> int:
        """What a website answers; 0: nobody does."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sites, timeout=30)
        try:
            connection.request("GET", "/", headers={"Host": host})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def operate(self, *words: str, password: str = "") -> dict:
        """An operation by the command line, which has to succeed."""
        door = ("freehold", "operate", *words, "--as", "root-admin", "--json")
        return json.loads(self.machine.done(*door, given=password))

    def add_site(self, name: str) -> None:
        """A customer with a subscription of that name."""
        username = name.partition(".")[0]
        values = {
            "contact_name": username,
            "email": f"{username}@mail.example",
            "username": username,
            "password": "-",
            "domain": name,
        }
        said = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
        self.operate("customer", "add", *said, password="a password of a customer\n")

    def log_in(self) -> str:
        """The page after logging in as the administrator, over TLS."""
        context = ssl.create_default_context(
            cafile=self.machine.path("/etc/freehold/tls/panel.crt")
        )
        # The certificate is for the panel's name; here it is asked for by its address.
        context.check_hostname = False
        jar = http.cookiejar.CookieJar()
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(jar),
        )
        page = f"https://127.0.0.1:{self.panel}/login/"
        token = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', opener.open(page).read().decode()
        )[1]
        form = {"csrfmiddlewaretoken": token, "login": "root-admin", "password": PASSWORD}
        request = urllib.request.Request(
            page, urllib.parse.urlencode(form).encode(), {"Referer": page}
        )
        answer = opener.open(request)
        assert all(cookie.secure for cookie in jar)
        return f"{answer.status} {urllib.parse.urlsplit(answer.url).path}"

    def owner(self, path: str) -> tuple[str, str]:
        """User and group, and the mode, as `ls` there says them."""
        words = self.machine.done("stat", "-c", "%U:%G %a", path).split()
        return words[0], words[1]


PROJECT, NEWER = CLONE / "pyproject.toml", CLONE / "hosting/migrations/0099_newer.py"


def new_release(installed, migration: str) -> None:
    """The clone as after `git pull`: another version, one more migration, a local change."""
    clone = installed.machine.path(CLONE)
    project = clone / "pyproject.toml"
    project.write_text(re.sub(r'(?m)^version = ".*"$', 'version = "0.9.0"', project.read_text()))
    newest = sorted(path.stem for path in (clone / "hosting/migrations").glob("0*_*.py"))
    newest = [name for name in newest if not name.startswith("0099")][-1]
    (clone / "hosting/migrations/0099_newer.py").write_text(
        "from django.db import migrations\n\n\nclass Migration(migrations.Migration):\n"
        f"    dependencies = [('hosting', '{newest}')]\n"
        f"    operations = [migrations.RunSQL({migration!r})]\n"
    )


@pytest.fixture(scope="module")
def installed():
    try:
        with machines.clean_machine() as machine:
            yield Installed(machine)
    except machines.NoMachine as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def answers(installed):
    """The outcome of the first installation, and `freehold run` beside it from then on."""
    outcome = installed.make("install", **installed.variables)
    running = installed.machine.start("freehold", "run")
    yield outcome
    running.kill()
    running.wait()


def test_a_wrong_variable_is_named_and_nothing_is_changed(installed):
    code, said = installed.make("install", **installed.variables | {"SITES_PORT": "http"})
    assert (code, "SITES_PORT: 'http' is no port" in said) == (2, True)
    assert not installed.machine.path("/opt/freehold").exists()
    assert "freehold:" not in installed.machine.path("/etc/passwd").read_text()


def test_an_installation_that_fails_in_the_middle_is_completed_by_the_next(installed):
    weak = installed.machine.path("/root/weak")
    weak.write_text("short\n")
    code, said = installed.make(
        "install", **installed.variables | {"ADMIN_PASSWORD_FILE": "/root/weak"}
    )
    assert (code, "at least 12 characters" in said) == (2, True), said
    # Built and migrated, but nothing of it runs.
    assert list(installed.machine.path("/opt/freehold/releases").iterdir())
    assert not installed.machine.path("/opt/freehold/current").is_symlink()


def test_the_panel_answers_over_tls_and_the_first_administrator_logs_in(installed, answers):
    assert answers[0] == 0, answers[1]
    assert f"https://panel.example:{installed.panel}/" in answers[1]
    assert PASSWORD not in answers[1]
    wait_until(lambda: "Freehold runs" in (installed.machine.path("/tmp/output").read_text()),
               "everything runs")  # fmt: skip
    assert installed.log_in() == "200 /"


def test_a_second_installation_changes_nothing(installed, answers):
    code, said = installed.make("install")
    assert (code, "Nothing had to be changed." in said) == (0, True), said


def test_code_and_secrets_are_out_of_reach_of_who_runs_the_panel(installed, answers):
    """Root may read the code, nobody but root writes it; the key is read by the panel alone."""
    owners = {
        "/opt/freehold/current/manage.py": ("root:root", "644"),
        "/opt/freehold/current/agent.pyz": ("root:root", "644"),
        "/etc/freehold/secret_key": ("root:freehold", "640"),
        "/etc/freehold/tls/panel.key": ("root:freehold-front", "640"),
        "/var/lib/freehold/panel": ("freehold:freehold", "700"),
        "/run/freehold-panel/panel.sock": ("root:freehold-front", "660"),
    }
    assert {path: installed.owner(path) for path in owners} == owners
    writable = installed.machine.done(
        "runuser", "-u", "freehold", "--", "find", "/opt/freehold", "/etc/freehold",
        "/usr/local/bin/freehold", "(", "-path", "/etc/freehold/tls", "-prune", ")", "-o",
        "-writable", "!", "-type", "l", "-print",
    )  # fmt: skip
    assert writable == ""


def test_the_panel_runs_as_its_user_and_only_the_agent_and_its_nginx_as_root(installed, answers):
    users = {}
    for line in installed.machine.done("ps", "-eo", "user:20,args").splitlines():
        for word in ("gunicorn", "manage.py worker", "front.conf", "agent.pyz"):
            if word in line and "nsenter" not in line:
                users[word] = line.split()[0]
    assert users == {
        "gunicorn": "freehold",
        "manage.py worker": "freehold",
        "front.conf": "freehold-front",
        "agent.pyz": "root",
    }


def test_a_site_added_on_the_command_line_is_served_and_suspended(installed, answers):
    for name in (SITE, OTHER):
        installed.add_site(name)
        wait_until(lambda name=name: installed.status(name) == 200, f"{name} answers")
    installed.operate("customer", "suspend", "anna", "--set", "kind=unpaid")
    wait_until(lambda: installed.status(SITE) == 503, "it is suspended")
    assert installed.status(OTHER) == 200


def test_the_doctor_finds_nothing_wrong(installed, answers):
    done = installed.machine.run("freehold", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_upgrade_that_cannot_change_the_database_leaves_all_as_it_was(installed, answers):
    before = installed.machine.path("/opt/freehold/current").readlink()
    new_release(installed, "CREATE TABLE half_done (a int); INSERT INTO nowhere VALUES (1)")
    code, said = installed.make("upgrade")
    assert (code, "put the database back" in said, "no such table: nowhere" in said) == (
        2,
        True,
        True,
    )
    assert installed.machine.path("/opt/freehold/current").readlink() == before
    wait_until(lambda: installed.log_in() == "200 /", "the panel is back")
    assert (installed.status(SITE), installed.status(OTHER)) == (503, 200)


def test_an_upgrade_keeps_what_is_configured_and_serves_all_the_while(installed, answers):
    settings = installed.machine.path("/etc/freehold/freehold.toml")
    settings.write_text(settings.read_text() + 'time_zone = "Europe/Berlin"\n'
                        if "time_zone" not in settings.read_text()
                        else settings.read_text().replace('"UTC"', '"Europe/Berlin"'))  # fmt: skip
    changed = settings.read_text()
    new_release(installed, "CREATE TABLE newer (a int)")
    seen, leaving = set(), threading.Event()

    def look() -> None:
        while not leaving.wait(0.1):
            seen.add((installed.status(SITE), installed.status(OTHER)))

    looking = threading.Thread(target=look)
    looking.start()
    code, said = installed.make("upgrade")
    leaving.set()
    looking.join()
    assert code == 0, said
    assert seen == {(503, 200)}
    assert "-> releases/0.9.0-" in installed.machine.done("ls", "-l", "/opt/freehold/current")
    assert settings.read_text() == changed
    copies = installed.machine.path("/var/lib/freehold/copies")
    assert list(copies.glob("panel-*.sqlite3"))
    assert installed.log_in() == "200 /"
    installed.operate("customer", "activate", "anna")
    wait_until(lambda: installed.status(SITE) == 200, "it runs again")


def test_an_older_clone_is_refused(installed, answers):
    project = installed.machine.path(CLONE / "pyproject.toml")
    project.write_text(project.read_text().replace('"0.9.0"', '"0.0.9"'))
    code, said = installed.make("upgrade")
    assert (code, "version 0.0.9 is older than 0.9.0" in said) == (2, True)
    assert installed.status(SITE) == 200


def test_removing_leaves_what_is_the_tenants(installed, answers):
    code, said = installed.make("uninstall")
    assert code == 0, said
    assert "/srv/freehold" in said
    wait_until(lambda: installed.status(OTHER) == 0, "nothing serves any more")
    there = installed.machine.path
    homes = sorted(path.name for path in there("/srv/freehold").iterdir())
    assert len([name for name in homes if re.fullmatch(r"s\d+", name)]) == 2
    assert list(there("/srv/freehold").glob("s*/httpdocs/index.html"))
    assert there("/var/lib/freehold/panel/panel.sqlite3").exists()
    assert not there("/opt/freehold").exists()
    assert not there("/usr/local/bin/freehold").exists()
    assert not list(there("/etc/systemd/system").glob("freehold*"))
    assert "freehold" not in there("/etc/passwd").read_text()


def test_data_goes_only_after_asking(installed, answers):
    code, said = installed.make("uninstall", PURGE="1")
    assert (code, "YES=1" in said) == (2, True)
    assert installed.machine.path("/var/lib/freehold").exists()
    code, said = installed.make("uninstall", PURGE="1", YES="1")
    assert code == 0, said
    for place in ("/srv/freehold", "/var/lib/freehold", "/etc/freehold", "/var/log/freehold"):
        assert not installed.machine.path(place).exists()
    assert "extrausers" not in installed.machine.path("/etc/nsswitch.conf").read_text()
