"""The pieces of an installation, without a machine to install on (tests/system/test_install.py)."""

import fcntl
import os
import shutil
import socket
import string
import subprocess
import sys
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel import configuration
from panel.install import examine, files, manage, nss, ports, removal
from panel.install.options import Options
from panel.install.places import UNITS, Places
from panel.install.work import CannotInstall, Work
from tests.source_code import ROOT

NSSWITCH = """\
# /etc/nsswitch.conf
passwd:         files systemd   # people
group:          files systemd
shadow:         files

hosts:          files dns
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="owners are changed by root only")


@pytest.fixture
def work(tmp_path):
    return Work(Places(tmp_path), is_quiet=True)


# The one include


def test_users_of_subscriptions_are_looked_for_after_the_systems_own() -> None:
    after = nss.with_extrausers(NSSWITCH)
    assert "passwd:         files extrausers systemd # people" in after
    assert "shadow:         files extrausers\n" in after
    assert "hosts:          files dns\n" in after
    assert nss.databases_without(after) == []
    assert nss.with_extrausers(after) == after


def test_a_line_that_is_missing_is_added(work) -> None:
    work.places.nsswitch.parent.mkdir(parents=True)
    work.places.nsswitch.write_text("passwd: files\n")
    nss.include(work)
    assert nss.databases_without(work.places.nsswitch.read_text()) == []
    copy = work.places.nsswitch.with_name("nsswitch.conf.before-freehold")
    assert copy.read_text() == "passwd: files\n"
    said = len(work.changes)
    nss.include(work)
    assert len(work.changes) == said


_LINES = st.lists(
    st.one_of(
        st.sampled_from(["passwd:\tfiles", "group: compat [NOTFOUND=return] nis # x", "shadow:"]),
        st.text(string.printable, max_size=30).map(lambda text: text.replace("\n", " ")),
    ),
    max_size=8,
)


@given(_LINES)
def test_only_the_word_and_nothing_else_comes_and_goes(lines) -> None:
    text = "\n".join(lines)
    after = nss.with_extrausers(text)
    assert nss.with_extrausers(after) == after
    assert len(after.split("\n")) == len(text.split("\n"))
    for old, new in zip(text.split("\n"), after.split("\n"), strict=True):
        assert [word for word in new.split() if word != "extrausers"] == [
            word for word in old.split() if word != "extrausers"
        ]


# Configuration


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
def test_a_value_reads_back_from_toml(value) -> None:
    assert tomllib.loads(f"a = {files.toml(value)}")["a"] == value


@pytest.mark.parametrize("value", ["a\nb", "\x00", "\x7f", "a\tb"])
def test_control_characters_reach_no_configuration(value) -> None:
    with pytest.raises(CannotInstall, match="control character"):
        files.toml(value)


def test_what_is_written_is_what_the_panel_understands(tmp_path) -> None:
    options = Options.read({"PANEL_HOST": "panel.example", "SITES_PORT": "8080"})
    path = tmp_path / "freehold.toml"
    (tmp_path / "key").write_text("k" * 50)
    text = files._settings(Places(), options)
    path.write_text(text.replace("/etc/freehold/secret_key", str(tmp_path / "key")))
    read = configuration.load({"PANEL_CONFIG": str(path)})
    assert (read["SECRET_KEY"], read["PLATFORM"], read["TLS"]) == ("k" * 50, "debian", True)
    assert read["ORIGIN"] == "https://panel.example:8443"
    assert read["HOSTS"][0] == "panel.example"
    assert options.agent_words() == ["--sites-port", "8080"]


def test_mail_is_handed_only_to_a_server_that_listens() -> None:
    with socket.create_server(("localhost", 0)) as server:
        port = server.getsockname()[1]
        assert files.sends_mail(port)
    assert not files.sends_mail(port)


def test_an_unknown_setting_and_a_missing_key_are_named(tmp_path) -> None:
    path = tmp_path / "freehold.toml"
    path.write_text('secret_key_file = "/nowhere/key"\n')
    with pytest.raises(configuration.ConfigurationError, match="secret_key_file"):
        configuration.load({"PANEL_CONFIG": str(path)})
    path.write_text('host_file = "/etc/passwd"\n')
    with pytest.raises(configuration.ConfigurationError, match="unknown setting 'host_file'"):
        configuration.load({"PANEL_CONFIG": str(path)})
    with pytest.raises(configuration.ConfigurationError, match="PANEL_PLATFORM"):
        configuration.load({"PANEL_PLATFORM": "windows"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PANEL_HOST", "panel example"),
        ("PANEL_HOST", "panel.example;"),
        ("PANEL_TLS_PORT", "443"),
        ("SITES_PORT", "0"),
        ("SITES_PORT", "²"),
        ("ADDRESS", "here"),
        ("DATABASE_URL", "mysql://somewhere/x"),
        ("DATABASE_URL", 'postgresql://a/b"\nx'),
        ("TIME_ZONE", "Berlin'; x"),
    ],
)
def test_a_variable_that_cannot_be_is_refused_by_name(name, value) -> None:
    with pytest.raises(CannotInstall, match=name):
        Options.read({"PANEL_HOST": "panel.example", name: value})


def test_no_program_is_given_a_password_as_an_argument() -> None:
    url = "postgresql://anna:s%2Fecret@db.example:5433/freehold"
    bare = "postgresql://anna@db.example:5433/freehold"
    assert manage._without_password(url) == (bare, {"PGPASSWORD": "s/ecret"})
    assert manage._without_password("postgresql:///freehold") == ("postgresql:///freehold", {})


def test_a_taken_port_is_refused_with_the_program_that_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        given = {"PANEL_HOST": "a.example", "SITES_PORT": port, "ADDRESS": "127.0.0.1",
                 "SITES_TLS_PORT": "28999"}  # fmt: skip
        with pytest.raises(CannotInstall, match=f"Port {port} is taken by .*process {os.getpid()}"):
            ports.check(Options.read(given))


# Services


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_unit(tmp_path, unit) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    folder = ROOT / "panel/install/units"
    for path in folder.iterdir():
        # Its program is there only where Freehold is installed.
        text = path.read_text().replace("/opt/freehold/current/.venv/bin/python", "/usr/bin/true")
        (tmp_path / path.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True
    )
    assert (done.returncode, [x for x in done.stderr.splitlines() if "freehold" in x]) == (0, [])


def test_what_starts_during_an_installation_waits_for_its_end(tmp_path) -> None:
    """A socket may call the panel at any moment; the kernel frees the lock of who was killed."""
    lock, done = tmp_path / "lock", tmp_path / "done"
    program = [sys.executable, "-I", "-S", ROOT / "panel/install/wait.py", lock, tmp_path]
    touch = shutil.which("touch") or "/usr/bin/touch"
    assert subprocess.run([*program, touch, "done"]).returncode == 0
    assert done.exists(), "there is no lock after a boot"
    done.unlink()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = subprocess.Popen([*program, touch, "done"])
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        assert not done.exists()
    assert (waiting.wait(30), done.exists()) == (0, True)


def test_panel_and_worker_wait_under_systemd_as_they_do_without() -> None:
    folder = ROOT / "panel/install/units"
    for name in ("freehold-panel.service", "freehold-worker.service"):
        assert f"wait.py {Places().lock} {Places().current} " in (folder / name).read_text()


def test_every_unit_is_known_by_name() -> None:
    assert {path.name for path in (ROOT / "panel/install/units").iterdir()} == set(UNITS)


# Looking after it


@needs_root
def test_a_directory_gets_its_mode_back_and_a_link_in_its_place_is_refused(work, tmp_path) -> None:
    place = tmp_path / "here"
    work.directory(place, 0o750)
    assert place.stat().st_mode & 0o7777 == 0o750
    place.chmod(0o777)
    work.directory(place, 0o750)
    assert place.stat().st_mode & 0o7777 == 0o750
    (tmp_path / "link").symlink_to(place)
    with pytest.raises(CannotInstall, match="is a link"):
        work.directory(tmp_path / "link", 0o755)


@needs_root
def test_code_that_others_can_change_is_found(tmp_path) -> None:
    places = Places(tmp_path)
    code = places.releases / "1"
    code.mkdir(parents=True)
    (code / "manage.py").write_text("")
    places.current.symlink_to("releases/1")
    assert not [wrong for wrong in examine.owners(places) if "manage.py" in wrong.what]
    (code / "manage.py").chmod(0o666)
    assert [wrong for wrong in examine.owners(places) if "manage.py" in wrong.what]


def test_what_is_missing_is_found_and_said_how_to_mend(tmp_path) -> None:
    places = Places(tmp_path)
    places.nsswitch.parent.mkdir()
    places.nsswitch.write_text(NSSWITCH)
    found = list(examine.name_service(places))
    assert [wrong.what.split()[2] for wrong in found] == ["passwd", "group", "shadow"]
    places.nsswitch.write_text(nss.with_extrausers(NSSWITCH))
    assert list(examine.name_service(places)) == []
    everything = list(examine.examine(places))
    assert all(wrong.cure for wrong in everything)
    assert any("secret_key is missing" in wrong.what for wrong in everything)


@needs_root
def test_removing_users_of_subscriptions_leaves_those_of_others(work) -> None:
    users = work.places.users
    users.mkdir(parents=True)
    (users / "passwd").write_text(
        "anna:x:10000042:10000042::/:/bin/sh\nldap:x:5000:5000::/:/bin/sh\n"
    )
    (users / "group").write_text("anna:x:10000042:\nldap:x:5000:\n")
    (users / "shadow").write_text("anna:*:1::::::\nldap:*:1::::::\n")
    removal._forget_users(work)
    for name in ("passwd", "group", "shadow"):
        assert [line.split(":")[0] for line in (users / name).read_text().splitlines()] == ["ldap"]
