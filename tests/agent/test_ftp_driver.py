"""FTP accounts on the wire, in ProFTPD's configuration and in the tables that it asks."""

import base64
import os
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.agent import small
from hosting.agent.host import Host, Runner
from hosting.agent.platform import SMALL_MAIL_PORTS, debian, embedded, uid_of
from hosting.agent.protocol import AgentError
from hosting.services.ftp import driver_serving
from hosting.services.ftp.driver_config import TEXT
from hosting.services.ftp.driver_daemon import FtpServer
from hosting.services.ftp.driver_desired import Account, Ftp, is_home, parse
from hosting.services.ftp.driver_store import Store, _rfc4716
from hosting.services.ftp.serving_accounts import Accounts
from hosting.services.mail.driver import MailDriver
from tests.hosting.ssh import line, public_key

HASH = "$2b$12$" + "a" * 53
HOMES = Path("/srv/freehold")
GOOD = {"name": "anna", "home": "httpdocs/shop", "read_only": False, "keys": [], "password": HASH}


def test_accounts_are_read_as_they_were_said():
    found = parse({"accounts": [GOOD | {"name": "b.b"}, GOOD | {"keys": [public_key("a")]}]})
    assert [account.name for account in found.accounts] == ["anna", "b.b"]
    (anna, _other) = found.accounts
    assert anna == Account("anna", "httpdocs/shop", False, HASH, (public_key("a"),))
    assert anna.parts == ("httpdocs", "shop")
    bare = {name: GOOD[name] for name in ("name", "read_only", "keys")} | {"home": ""}
    (account,) = parse({"accounts": [bare]}).accounts
    assert (account.password, account.parts) == ("", ())


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Anna"},
        {"name": "a"},
        {"name": "a" * 33},
        {"name": "anna\n"},
        {"name": "a'--"},
        {"home": "/etc"},
        {"home": "../s2"},
        {"home": "a/../b"},
        {"home": ".ssh"},
        {"home": "a//b"},
        {"home": "a\nb"},
        {"home": "a/"},
        {"home": "%u"},
        {"home": "x" * 201},
        {"home": 7},
        {"read_only": "yes"},
        {"password": "a word"},
        {"password": HASH + "a"},
        {"password": HASH.replace("2b", "1")},
        {"keys": ["ssh-rsa nonsense"]},
        {"keys": [public_key("a", "a comment")]},
        {"keys": [line("sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:")]},
        {"keys": [public_key(str(n)) for n in range(21)]},
        {"uid": 0},
    ],
)
def test_what_is_no_account_is_refused(wrong):
    assert parse({"accounts": [GOOD]})
    with pytest.raises(AgentError):
        parse({"accounts": [GOOD | wrong]})


def test_a_username_stands_there_once():
    with pytest.raises(AgentError, match="twice"):
        parse({"accounts": [GOOD, GOOD]})


@settings(derandomize=True, database=None, deadline=None)
@given(st.text(max_size=40))
def test_a_home_is_names_of_directories_below_or_refused(text):
    if is_home(text):
        path = HOMES / "s1" / text
        assert path.is_relative_to(HOMES / "s1")
        assert ".." not in path.parts
        assert text.isascii()
        assert text.isprintable()


def server(top, **places):
    found = debian(homes=top / "homes", node=top / "node", run=top / "run", logs=top / "logs")
    programs = {"proftpd": Path("/usr/sbin/proftpd"), "openssl": Path("/usr/bin/openssl")}
    found = replace(found, programs=programs, address="127.0.0.1", **places)
    return FtpServer(Host(found.node, Runner(), found), found.node / "ftp", found.node / "db")


def read(text):
    """A configuration as ProFTPD reads it: directives with their words, a # begins a comment."""
    return [words.split() for words in text.splitlines() if words and not words.startswith("#")]


_PATHS = st.text(st.sampled_from("ab/._-%\"'\\ $#<>\n\rü"), max_size=12)


@settings(derandomize=True, database=None, deadline=None)
@given(_PATHS)
def test_a_path_stands_in_the_configuration_as_one_word_or_nowhere(text):
    top = Path(os.path.realpath(f"/base{text}"))
    try:
        found = read(server(top).configuration())
    except AgentError:
        assert set(str(top)) & set("%\"'\\ $#<>\n\rü")
        return
    assert ["SQLConnectInfo", str(top / "node" / "db")] in found
    assert ["SystemLog", str(top / "logs" / "ftp.log")] in found
    # As many directives, of the same names, whatever the path.
    usual = read(server(Path("/usual")).configuration())
    assert [words[0] for words in found] == [words[0] for words in usual]
    assert [len(words) for words in found] == [len(words) for words in usual]


def test_the_configuration_has_places_for_what_is_ours_only():
    assert "{name}" not in TEXT
    found = read(server(Path("/x"), ftp_port=2121, sftp_port=2122).configuration())
    assert [words for words in found if words[0] == "Port"] == [["Port", "2121"], ["Port", "2122"]]
    assert ["TLSRequired", "on"] in found
    assert ["PassivePorts", "49152", "49407"] in found


_NAMES = st.from_regex(r"[a-z][a-z0-9._-]{1,31}", fullmatch=True)
_HOMES = st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,9}", fullmatch=True), max_size=3)
_ACCOUNTS = st.builds(
    Account,
    _NAMES,
    _HOMES.map("/".join),
    st.booleans(),
    st.sampled_from(["", HASH]),
    st.lists(st.sampled_from([public_key("a"), public_key("b")]), unique=True).map(tuple),
)


@pytest.fixture
def store(tmp_path):
    (tmp_path / "node").mkdir()
    platform = debian(node=tmp_path / "node", homes=HOMES)
    host = Host(platform.node, Runner(), platform)
    host.own = lambda *_words: None
    found = Store(host, tmp_path / "node" / "accounts.sqlite3")
    found.lay_out(0)
    return found


def rows(store, statement):
    with sqlite3.connect(store._path) as database:
        return database.execute(statement).fetchall()


@settings(derandomize=True, database=None, deadline=None, max_examples=40)
@given(st.lists(_ACCOUNTS, max_size=4, unique_by=lambda account: account.name))
def test_what_is_written_in_the_tables_is_read_back(tmp_path_factory, accounts):
    top = tmp_path_factory.mktemp("store")
    platform = debian(node=top, homes=HOMES)
    store = Store(Host(top, Runner(), platform), top / "accounts.sqlite3")
    store._host.own = lambda *_words: None
    store.lay_out(0)
    ftp = Ftp(tuple(sorted(accounts, key=lambda account: account.name)))
    store.write({7: ftp}, HOMES)
    assert store.accounts(HOMES).get(7, Ftp()) == ftp
    assert store.names() == dict.fromkeys((account.name for account in accounts), 7)
    # What ProFTPD sees of it: the subscription's own uid, a home below its own.
    for name, _password, uid, gid, home, _shell in rows(store, "SELECT * FROM login"):
        assert name in store.names()
        assert (uid, gid) == (uid_of(7), uid_of(7))
        assert home == str(HOMES / "s7") or home.startswith(f"{HOMES}/s7/")


def test_who_is_shut_is_not_shown_to_the_daemon_and_comes_back_as_it_was(store):
    anna, nora = (Account(name, "", False, HASH, (public_key(name),)) for name in ("anna", "nora"))
    store.write({1: Ftp((anna,)), 2: Ftp((nora,))}, HOMES)
    before = rows(store, "SELECT * FROM login ORDER BY name")
    for _twice in range(2):
        store.switch({1}, ())
        assert [row[0] for row in rows(store, "SELECT name FROM login")] == ["nora"]
        assert [row[0] for row in rows(store, "SELECT name FROM login_key")] == ["nora"]
    assert store.shut() == {1}
    store.switch((), {1})
    assert rows(store, "SELECT * FROM login ORDER BY name") == before


def test_no_account_of_another_uid_is_let_in_and_the_journal_is_no_wal(store):
    store.write({1: Ftp((Account("anna", "", False, HASH, ()),))}, HOMES)
    with sqlite3.connect(store._path) as database:
        database.execute("UPDATE account SET uid = 0")
    assert rows(store, "SELECT * FROM login") == []
    assert rows(store, "PRAGMA journal_mode") == [("delete",)]
    assert store.accounts(HOMES)[1] != Ftp((Account("anna", "", False, HASH, ()),))


@settings(derandomize=True, database=None, deadline=None)
@given(st.binary(min_size=1, max_size=600))
def test_a_key_in_the_form_of_rfc_4716_is_the_key_again(data):
    text = _rfc4716(f"ssh-ed25519 {base64.b64encode(data).decode()}")
    begin, *middle, end = text.splitlines()
    assert (begin, end) == (
        "---- BEGIN SSH2 PUBLIC KEY ----",
        "---- END SSH2 PUBLIC KEY ----",
    )
    assert all(len(row) <= 72 for row in middle)
    assert base64.b64decode("".join(middle)) == data


def test_the_small_server_is_for_where_all_are_one_user_and_two_ports_were_given(monkeypatch):
    def is_possible(platform):
        return driver_serving.is_possible(platform)

    ports = {"ftp_port": 8421, "sftp_port": 8422}
    assert is_possible(embedded("/x", 8480, "/bin/nginx", **ports))
    assert not is_possible(embedded("/x", 8480, "/bin/nginx"))
    assert not is_possible(embedded("/x", 8480, "/bin/nginx", ftp_port=8421))
    assert not is_possible(debian(**ports))
    monkeypatch.setattr(small, "find_spec", lambda name: None)
    assert not is_possible(embedded("/x", 8480, "/bin/nginx", **ports))


def test_mail_is_possible_by_a_small_server_likewise(monkeypatch):
    ports = dict(zip(SMALL_MAIL_PORTS, range(8500, 8504), strict=True))
    assert MailDriver.is_possible(embedded("/x", 8480, "/bin/nginx", mail_ports=ports))
    assert not MailDriver.is_possible(embedded("/x", 8480, "/bin/nginx"))
    monkeypatch.setattr(small, "find_spec", lambda name: None)
    assert not MailDriver.is_possible(embedded("/x", 8480, "/bin/nginx", mail_ports=ports))


def test_a_session_of_the_small_server_rests_on_its_own_account_as_it_was(store, tmp_path):
    places = Accounts(store._path, -1, str(HOMES))
    anna = Account("anna", "shop", False, HASH, (public_key("anna"),))
    nora = Account("nora", "", False, HASH, ())
    store.write({1: Ftp((anna,)), 2: Ftp((nora,))}, HOMES)
    before = {places.find("anna"), places.find("nora")}
    mine = next(each for each in before if each.name == "anna")
    assert places.changed(before) == set()
    for change in (
        {"home": ""},
        {"is_read_only": True},
        {"password": HASH[:-1] + "b"},
        {"keys": ()},
        {"name": "other"},
    ):
        store.write({1: Ftp((replace(anna, **change),))}, HOMES)
        assert places.changed(before) == {mine}
    store.write({1: Ftp((anna,))}, HOMES)
    assert places.changed(before) == set()
    store.switch({1}, ())
    assert places.changed(before) == {mine}
    # Where the tables cannot be read, nobody stays.
    assert Accounts(tmp_path / "gone", -1, str(HOMES)).changed(before) == before
