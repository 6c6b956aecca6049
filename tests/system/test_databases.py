"""MariaDB and PostgreSQL as the agent keeps them, with real clients and a neighbour throughout."""

import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.agent.host import Runner
from hosting.services.database import driver_sql as sql
from hosting.services.database.driver import DatabaseDriver
from hosting.services.database.driver_postgresql import hba
from tests.agent.fakes import Died, DyingHost
from tests.system.conftest import wait_until
from tests.system.databases import (
    ANNA,
    BERT,
    EVERY_KIND,
    KINDS,
    NO_DEFINER,
    ODD_TABLE,
    WORDS,
    Node,
    Refused,
    run,
    why_not,
)

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

WRONG = r"(?i)denied|authentication failed"


@pytest.fixture(scope="module")
def node():
    top = Path(tempfile.mkdtemp(prefix="freehold-node-"))
    top.chmod(0o755)
    node = Node(top)
    try:
        assert not any(node.server(kind).is_there for kind in KINDS)
        node.apply(node.frame(ANNA), node.frame(BERT))
        yield node
    finally:
        node.driver.stop()
        shutil.rmtree(top)


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_gets_to_its_own_databases_and_to_nothing_else(node, kind):
    node.ask(kind, BERT, "CREATE TABLE secret (word text)")
    assert node.ask(kind, ANNA, "SELECT 1") == ["1"]
    for name in (f"s{ANNA}_w_p", f"s{BERT}_wp", "mysql", "postgres", "template1"):
        with pytest.raises(Refused, match=r"denied|does not exist|Unknown database"):
            node.client(kind, ANNA).ask(name, "SELECT 1")
    with pytest.raises(Refused, match=WRONG):
        node.client(kind, ANNA).__class__(node.ports[kind], f"s{BERT}_wp", "wrong").ask(
            f"s{BERT}_wp", "SELECT 1"
        )
    for statement in {
        "mariadb": (
            "SELECT 1/(LOAD_FILE('/etc/passwd') IS NOT NULL) IS NOT NULL FROM nowhere",
            "SELECT 1 INTO OUTFILE '/tmp/of-a-tenant'",
            "CREATE TABLE l (t text); LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE l",
            f"SELECT * FROM s{BERT}_wp.secret",
            "CREATE DATABASE s42_more",
            f"CREATE DATABASE s{ANNA}xwp",
            "SELECT * FROM mysql.global_priv",
            "GRANT ALL ON *.* TO s42_wp@localhost",
            "SET GLOBAL local_infile = 1",
        ),
        "postgresql": (
            "SELECT pg_read_file('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/of-a-tenant'",
            "COPY (SELECT 1) TO PROGRAM 'id'",
            "SELECT rolpassword FROM pg_authid",
            "CREATE DATABASE s42_more",
            "CREATE ROLE s42_more",
            f'SET ROLE "s{BERT}_wp.owner"',
            "CREATE EXTENSION file_fdw",
            "SELECT lo_import('/etc/passwd')",
        ),
    }[kind]:
        with pytest.raises(Refused):
            node.ask(kind, ANNA, statement)
    if kind == "mariadb":
        seen = node.ask(kind, ANNA, "SHOW DATABASES", user="two")
        assert seen == ["information_schema", "s42_w_p", "s42_wp"]
        assert node.ask(kind, ANNA, "SELECT LOAD_FILE('/etc/passwd')") == ["NULL"]
    assert node.ask(kind, BERT, "SELECT count(*) FROM secret") == ["0"]


@pytest.mark.parametrize("kind", KINDS)
def test_users_of_a_database_share_what_is_in_it_and_a_reader_only_reads(node, kind):
    node.ask(kind, ANNA, "CREATE TABLE shared (i int)")
    node.ask(kind, ANNA, "INSERT INTO shared VALUES (7)", user="two")
    node.ask(kind, ANNA, "ALTER TABLE shared ADD COLUMN j int", user="two")
    assert node.ask(kind, ANNA, "SELECT i FROM shared", user="eye") == ["7"]
    for statement in (
        "INSERT INTO shared VALUES (8, 8)",
        "DROP TABLE shared",
        "CREATE TABLE x (i int)",
    ):
        with pytest.raises(Refused, match=r"denied|must be owner"):
            node.ask(kind, ANNA, statement, user="eye")
    node.ask(kind, ANNA, "DROP TABLE shared")


def test_applied_twice_nothing_changes(node):
    frames = (node.frame(ANNA), node.frame(BERT))
    assert node.plan(*frames) == []
    calls = node.host.calls
    before = node.apply(*frames)
    assert before["changed"] == 0
    # The records of what was applied, and nothing else.
    node.apply(*frames)
    assert node.driver.apply({ANNA: node.driver.parse(frames[0]["database"])}).changed == set()
    assert node.host.calls - calls <= 4


@pytest.mark.parametrize("kind", KINDS)
def test_who_is_suspended_is_refused_and_out_and_comes_back_with_the_same_password(node, kind):
    client, name = node.client(kind, ANNA), f"s{ANNA}_wp"
    other = node.client(kind, BERT)
    own = client.stay(name) if kind == "mariadb" else client.connect(name)
    theirs = other.stay(f"s{BERT}_wp") if kind == "mariadb" else other.connect(f"s{BERT}_wp")
    node.switch(ANNA, "limited")
    assert node.state(kind, ANNA) == "open"
    node.switch(ANNA, "shut")
    assert node.state(kind, ANNA) == "shut"
    if kind == "mariadb":
        assert own.wait(30) != 0
        assert theirs.poll() is None
        theirs.kill()
        for process in (own, theirs):
            process.communicate()
    else:
        with pytest.raises(psycopg.OperationalError):
            own.execute("SELECT 1")
        assert theirs.execute("SELECT 1").fetchone() == (1,)
        theirs.close()
    assert node.state(kind, BERT) == "open"
    # Neither another life of the agent nor a change opens it.
    node.begin()
    node.apply(node.frame(ANNA, state="shut"))
    assert node.state(kind, ANNA) == "shut"
    assert node.plan(node.frame(ANNA, state="shut")) == []
    node.switch(ANNA, "open")
    assert (node.state(kind, ANNA), node.state(kind, BERT)) == ("open", "open")
    assert node.plan(node.frame(ANNA)) == []


def test_what_was_changed_by_hand_is_shown_and_put_right(node):
    maria, postgres = (node.server(kind) for kind in KINDS)
    one_way = f"mysql_native_password USING '{node.stored('mariadb', WORDS[ANNA])}'"
    maria.change(
        [
            # Another way in beside the password, which goes on to work.
            f"ALTER USER 's42_two'@'127.0.0.1' IDENTIFIED VIA {one_way} OR unix_socket",
            "CREATE ROLE by_hand",
            "GRANT by_hand TO 's42_eye'@'127.0.0.1'",
            f"CREATE PROCEDURE s{BERT}_wp.theirs() SELECT 1",
            f"GRANT EXECUTE ON PROCEDURE s{BERT}_wp.theirs TO 's42_wp'@'localhost'",
            f"GRANT ALL ON `s{BERT}\\_wp`.* TO 's42_wp'@'127.0.0.1'",
            "GRANT FILE ON *.* TO 's42_two'@'localhost'",
            "CREATE USER 's42_by hand'@'%' IDENTIFIED BY 'x'",
            "CREATE USER 's42_hand'@'%' IDENTIFIED BY 'x'",
            "ALTER USER 's42_eye'@'localhost' ACCOUNT LOCK",
        ]
    )
    postgres.change(
        [
            f'GRANT "s{BERT}_wp.owner" TO s42_wp',
            "ALTER ROLE s42_two CREATEDB",
            "GRANT CONNECT ON DATABASE s42_wp TO PUBLIC",
            "CREATE ROLE s42_hand LOGIN PASSWORD 'x'",
            "ALTER ROLE s42_eye NOLOGIN",
        ]
    )
    frame = node.frame(ANNA)
    plans = {plan["service"]: plan["changes"] for plan in node.plan(frame)}["database"]
    shown = {change["what"]: " | ".join(change["before"] + change["after"]) for change in plans}
    assert "s43_wp" in shown["MariaDB"]
    assert "s42_hand@%" in shown["MariaDB"]
    for words in ("unix_socket", "role by_hand", f"s{BERT}_wp.theirs"):
        assert words in shown["MariaDB"]
    assert "member s42_wp s43_wp.owner" in shown["PostgreSQL"]
    assert not any(stored in str(plans) for stored in node.kept.values())
    assert node.plan(node.frame(BERT)) == []
    node.apply(node.frame(ANNA))
    assert node.plan(node.frame(ANNA)) == []
    with pytest.raises(Refused):
        node.client("postgresql", ANNA).ask(f"s{BERT}_wp", "SELECT 1")
    maria.change(["DROP USER IF EXISTS 's42_by hand'@'%'", "DROP ROLE by_hand"])
    maria.change([f"DROP PROCEDURE s{BERT}_wp.theirs"])


def test_a_password_and_hosts_that_change_are_in_force_at_once(node):
    parts = {kind: node.part(kind, ANNA) for kind in KINDS}
    for kind in KINDS:
        user = parts[kind]["users"][0]
        user["password"] = node.stored(kind, "another one")
        user["hosts"] = ["127.0.0.0/8", "203.0.113.7"]
    node.apply(node.frame(ANNA, parts))
    for kind in KINDS:
        with pytest.raises(Refused, match=WRONG):
            node.ask(kind, ANNA, "SELECT 1")
        fresh = node.client(kind, ANNA).__class__(node.ports[kind], "s42_wp", "another one")
        assert fresh.ask("s42_wp", "SELECT 1") == ["1"]
    rules = node.server("postgresql").ask(
        "SELECT json_build_array(type, user_name[1], address, error) FROM pg_hba_file_rules"
        " WHERE type = 'hostssl' ORDER BY address;"
    )
    assert rules == [
        ["hostssl", "s42_wp", address, None] for address in ("127.0.0.0", "203.0.113.7")
    ]
    hosts = node.server("mariadb").ask(
        "SELECT JSON_ARRAY(Host, JSON_VALUE(Priv, '$.ssl_type')) FROM mysql.global_priv"
        " WHERE User = 's42_wp' AND Host NOT IN ('localhost', '127.0.0.1') ORDER BY Host;"
    )
    assert hosts == [["127.0.0.0/255.0.0.0", "1"], ["203.0.113.7", "1"]]
    node.apply(node.frame(ANNA))
    assert node.plan(node.frame(ANNA)) == []
    assert (
        node.server("postgresql").ask(
            "SELECT json_build_array(type) FROM pg_hba_file_rules WHERE type = 'hostssl';"
        )
        == []
    )


def test_killed_between_any_two_calls_the_next_agent_completes_it(node):
    """Made, shut, and taken away again: from wherever the one before had come to."""
    last, number, done = 0, 1000, False
    while not done:
        last, number = last + 1, number + 1
        WORDS[number] = "of many"
        parts = {kind: node.part(kind, number) for kind in KINDS}
        for part in parts.values():
            part["databases"], part["users"] = ["wp"], part["users"][:1]
        host = DyingHost(node.platform.node, Runner(), node.platform, last=last)
        dying = DatabaseDriver(host)
        dying.settle({}, ())
        desired = dying.parse(parts)
        with suppress(Died):
            dying.apply({number: desired})
            dying.switch([number], [])
            dying.apply({number: None})
            done = True
        node.driver.apply({number: desired})
        node.driver.switch([number], [])
        assert {kind: node.state(kind, number) for kind in KINDS} == dict.fromkeys(KINDS, "shut")
        assert node.driver.plan({number: desired}) == {}
    many = range(1001, number + 1)
    node.driver.apply(dict.fromkeys(many))
    assert all(node.server(kind).found(many) == {} for kind in KINDS)
    assert last > 6
    assert {kind: node.state(kind, BERT) for kind in KINDS} == dict.fromkeys(KINDS, "open")


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_killed_is_started_again(node, kind):
    server = node.server(kind)
    pid = server.daemon.master()
    node.host.runner.signal(pid, signal.SIGKILL)
    node.host.runner.wait(pid, 30)
    assert f"{server.label} does not answer" in node.driver.problem()
    # What only the server can tell is not known meanwhile, which is not the same as nothing.
    assert ("disk" in node.driver.measure([ANNA])) == (kind == "mariadb")
    # Who is suspended meanwhile holds nobody up, and is shut when the server is back.
    node.switch(ANNA, "shut")
    node.apply(node.frame(BERT))
    wait_until(lambda: node.driver.problem() is None, "both answer")
    assert {each: node.state(each, ANNA) for each in KINDS} == dict.fromkeys(KINDS, "shut")
    node.switch(ANNA, "open")
    for number in (ANNA, BERT):
        assert {each: node.state(each, number) for each in KINDS} == dict.fromkeys(KINDS, "open")


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_by_a_user_comes_back_in_a_database_of_other_users(node, kind):
    """What docs/databases.md says of `mariadb-dump` and `pg_dump`, with the user's password."""
    node.ask(kind, BERT, "CREATE TABLE untouched (i int)")
    node.ask(kind, ANNA, EVERY_KIND[kind])
    dumped = node.client(kind, ANNA).dump("s42_wp")
    if kind == "mariadb":
        with pytest.raises(Refused, match="SET USER"):
            node.client(kind, ANNA, "two").replay("s42_w_p", dumped)
        dumped = run(["/usr/bin/sed", "-E", NO_DEFINER], dumped)
    node.client(kind, ANNA, "two").replay("s42_w_p", dumped)
    row = "concat(hex(b), t)" if kind == "mariadb" else "encode(b, 'hex') || t"
    ask = f"SELECT {row} FROM {ODD_TABLE[kind]}"
    before = node.ask(kind, ANNA, ask)
    assert "ünï💧" in before[0]
    assert node.ask(kind, ANNA, ask, "two", "w_p") == before
    node.ask(kind, ANNA, f"INSERT INTO {ODD_TABLE[kind]} (t) VALUES ('x')", "two", "w_p")
    assert node.ask(kind, ANNA, "SELECT * FROM v", "two", "w_p") == ["2"]
    assert node.ask(kind, ANNA, "SELECT * FROM v") == ["1"]
    hidden = f"SELECT count(*) FROM {ODD_TABLE[kind]} WHERE t = '8'"
    assert node.ask(kind, ANNA, hidden, "two", "w_p") == ["1"]
    assert node.ask(kind, BERT, "SELECT count(*) FROM untouched") == ["0"]


def test_the_size_is_what_both_servers_hold(node):
    sizes = node.driver.ask("sizes", ANNA, {})
    assert set(sizes["mariadb"]) == set(sizes["postgresql"]) == {"s42_wp", "s42_w_p"}
    before = node.driver.measure([ANNA, BERT])["disk"]
    assert before[ANNA] == sum(size for each in sizes.values() for size in each.values())
    big = {
        "mariadb": "REPEAT('x', 1000000) AS t",
        "postgresql": "md5(i::text) AS t FROM generate_series(1, 20000) AS i",
    }
    for kind in KINDS:
        node.ask(kind, ANNA, f"CREATE TABLE big AS SELECT {big[kind]}")
        grown = node.driver.ask("sizes", ANNA, {})[kind]["s42_wp"]
        assert grown > sizes[kind]["s42_wp"] + 500_000
    after = node.driver.measure([ANNA, BERT])["disk"]
    assert after[ANNA] > before[ANNA] + 1_000_000
    assert after[BERT] <= before[BERT] + 100_000


def test_what_is_taken_away_leaves_nothing_and_what_a_user_made_stays(node):
    for kind in KINDS:
        node.ask(kind, ANNA, "CREATE TABLE kept (i int)", user="two")
    parts = {kind: node.part(kind, ANNA) for kind in KINDS}
    for part in parts.values():
        part["users"] = [user for user in part["users"] if user["name"] != "two"]
        part["databases"].remove("w_p")
    node.apply(node.frame(ANNA, parts))
    for kind in KINDS:
        assert node.ask(kind, ANNA, "SELECT count(*) FROM kept") == ["0"]
        facts = node.server(kind).found([ANNA])[ANNA]
        assert not [line for line in facts if "s42_two" in line or "s42_w_p" in line]
    stays = [node.client("mariadb", ANNA).stay("s42_wp")]
    node.apply(node.frame(ANNA, present=False))
    assert stays[0].wait(30) != 0
    stays[0].communicate()
    for kind in KINDS:
        assert ANNA not in node.server(kind).found(None)
        with pytest.raises(Refused, match=WRONG):
            node.ask(kind, ANNA, "SELECT 1")
        assert node.state(kind, BERT) == "open"
    assert not list(node.server("mariadb").data.glob("s42*"))
    roles = node.server("postgresql").ask("SELECT json_build_array(rolname) FROM pg_authid;")
    assert not [name for (name,) in roles if name.startswith("s42_")]
    node.apply(node.frame(ANNA))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)


ODD = st.sampled_from(["'", "\\", "\\'", "''", "`", '"', "%s", "--", ";", "\\g", ":x", "\\!"])


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(TEXT | ODD, min_size=1, max_size=30))
def test_both_servers_read_back_exactly_what_was_written(node, texts):
    values = ", ".join(map(sql.maria_text, texts))
    assert node.server("mariadb").ask(f"SELECT JSON_ARRAY({values});") == [texts]
    values = ", ".join(map(sql.pg_text, texts))
    assert node.server("postgresql").ask(f"SELECT json_build_array({values});") == [texts]
    names = [text.rstrip()[:12] or "x" for text in texts]
    pairs = ", ".join(f"{n} AS {sql.pg_name(name)}" for n, name in enumerate(names))
    (row,) = node.server("postgresql").ask(f"SELECT row_to_json(r) FROM (SELECT {pairs}) AS r;")
    assert list(row) == list(dict.fromkeys(names))
    for name in names[:3]:
        # MariaDB drops the blanks before an alias.
        plain = "".join(c for c in name if ord(c) < 0x10000).strip()
        if plain:
            found = node.server("mariadb").ask(
                f"SELECT JSON_ARRAY({sql.maria_name(plain)}) FROM"
                f" (SELECT 1 AS {sql.maria_name(plain)}) AS t;"
            )
            assert found == [[1]]


def test_what_is_no_name_is_refused():
    for text in ("", "a\nb", "a\0b", "x" * 2000, "\x85"):
        for quote in (sql.maria_name, sql.maria_text, sql.pg_name, sql.pg_text):
            with pytest.raises(Exception, match="not a name or a value"):
                quote(text)
    assert b"host all postgres all reject" in hba({})
