"""Dumps through the agent: out of one database and into another, and what a script must not do."""

import gzip
import os
import shutil
import tempfile
import threading
from pathlib import Path

import pytest

from hosting.agent.protocol import AgentError
from hosting.services.database import driver_streams
from tests.system.conftest import wait_until
from tests.system.databases import ANNA, BERT, EVERY_KIND, KINDS, ODD_TABLE, Node, why_not

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(why_not()), reason=why_not())]

MARIADB, POSTGRESQL = KINDS


@pytest.fixture(scope="module")
def node():
    top = Path(tempfile.mkdtemp(prefix="freehold-node-"))
    top.chmod(0o755)
    node = Node(top)
    try:
        node.apply(node.frame(ANNA), node.frame(BERT))
        for kind in KINDS:
            node.ask(kind, BERT, "CREATE TABLE untouched (i int)")
        yield node
        for kind in KINDS:
            assert node.ask(kind, BERT, "SELECT count(*) FROM untouched") == ["0"]
    finally:
        node.driver.stop()
        shutil.rmtree(top)


def transfer(node, what, kind, path, name="wp", told=lambda _bytes: True, **more):
    """As the agent's server does it: with a file that somebody else has opened."""
    flags = os.O_RDONLY if what == "import" else os.O_WRONLY | os.O_CREAT | os.O_EXCL
    file = os.open(path, flags, 0o600)
    try:
        about = {"server": kind, "database": name, **more}
        return node.driver.transfer(what, ANNA, about, file, told)
    finally:
        os.close(file)


def script(path, text):
    path.write_bytes(text.encode())
    return path


def leftovers(node):
    """Roles that no import may leave behind, and owners of MariaDB that could still log in."""
    asked = "SELECT json_build_array(rolname) FROM pg_roles WHERE rolname LIKE 'transfer%';"
    locked = (
        "SELECT JSON_ARRAY(User) FROM mysql.global_priv WHERE User LIKE 'owner%'"
        " AND NOT JSON_VALUE(Priv, '$.account_locked') <=> 1;"
    )
    return node.server(POSTGRESQL).ask(asked) + node.server(MARIADB).ask(locked)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_exported_is_imported_elsewhere_byte_by_byte(node, kind, tmp_path):
    node.ask(kind, ANNA, EVERY_KIND[kind])
    size = transfer(node, "export", kind, tmp_path / "dump.gz")["size"]
    assert size == (tmp_path / "dump.gz").stat().st_size
    text = gzip.decompress((tmp_path / "dump.gz").read_bytes())
    # What looks like one inside of data stays.
    assert text.count(b"DEFINER=`") == (1 if kind == MARIADB else 0)
    node.ask(kind, ANNA, "CREATE TABLE old (i int)", "two", "w_p")
    transfer(node, "import", kind, tmp_path / "dump.gz", "w_p", recreate=True)
    row = "concat(hex(b), t)" if kind == MARIADB else "encode(b, 'hex') || t"
    ask = f"SELECT {row} FROM {ODD_TABLE[kind]}"
    before = node.ask(kind, ANNA, ask)
    assert "ünï💧" in before[0]
    assert node.ask(kind, ANNA, ask, "two", "w_p") == before
    # Another user than the one who made it changes it, and its trigger and its view work.
    node.ask(kind, ANNA, f"INSERT INTO {ODD_TABLE[kind]} (t) VALUES ('x')", "two", "w_p")
    hidden = f"SELECT count(*) FROM {ODD_TABLE[kind]} WHERE t = '8'"
    assert node.ask(kind, ANNA, hidden, "two", "w_p") == ["1"]
    assert node.ask(kind, ANNA, "SELECT * FROM v", "two", "w_p") == ["2"]
    assert node.ask(kind, ANNA, "SELECT * FROM v") == ["1"]
    tables = "SELECT table_name FROM information_schema.tables WHERE table_name = 'old'"
    assert node.ask(kind, ANNA, tables, "two", "w_p") == []
    assert leftovers(node) == []
    assert node.plan(node.frame(ANNA)) == []


ESCAPES = {
    MARIADB: [
        "\\! touch {place}",
        "system touch {place}",
        "source /etc/passwd",
        "tee {place}",
        "SELECT 'x' INTO OUTFILE '{place}';",
        "USE s43_wp; DROP TABLE untouched;",
        "DROP TABLE s43_wp.untouched;",
        "CREATE USER s42_wp2;",
        "SET GLOBAL max_connections = 1;",
        "CREATE DEFINER=`root`@`localhost`PROCEDURE p() DROP TABLE s43_wp.untouched; CALL p();",
    ],
    POSTGRESQL: [
        "\\! touch {place}",
        "\\o {place}\nSELECT 1;",
        "\\copy (SELECT 1) TO '{place}'",
        "\\i /etc/passwd",
        "\\connect s43_wp\nDROP TABLE untouched;",
        "\\unrestrict 0\n\\! touch {place}",
        "COPY (SELECT 1) TO '{place}';",
        "COPY (SELECT 1) TO PROGRAM 'touch {place}';",
        "SET ROLE postgres; ALTER SYSTEM SET port = 1;",
        "CREATE ROLE s42_wp2 LOGIN;",
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_script_gets_no_further_than_its_database(node, kind, tmp_path):
    place = Path(tempfile.mkdtemp(prefix="freehold-open-"))
    place.chmod(0o777)
    try:
        for at, line in enumerate(ESCAPES[kind]):
            text = line.format(place=place / "out") + "\nSELECT 1;\n"
            with pytest.raises(AgentError) as refused:
                transfer(node, "import", kind, script(tmp_path / f"{at}.sql", text))
            assert refused.value.kind == "check", text
            assert list(place.iterdir()) == [], text
            assert node.ask(kind, BERT, "SELECT count(*) FROM untouched") == ["0"], text
        assert leftovers(node) == []
    finally:
        shutil.rmtree(place)


def test_one_that_fails_says_where_and_what_was_done_before_it(node, tmp_path):
    text = "CREATE TABLE first (i int);\nINSERT INTO nowhere VALUES (1);\nSELECT 1;\n"
    path = script(tmp_path / "bad.sql", text)
    with pytest.raises(AgentError, match=r"line 2.*nowhere"):
        transfer(node, "import", MARIADB, path)
    assert node.ask(MARIADB, ANNA, "SELECT count(*) FROM first") == ["0"]
    with pytest.raises(AgentError, match="nowhere"):
        transfer(node, "import", POSTGRESQL, path)
    there = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'first'"
    assert node.ask(POSTGRESQL, ANNA, there) == ["0"]
    # A file that is cut off is found before its transaction ends.
    whole = gzip.compress(b"CREATE TABLE first (i int);\n" + os.urandom(200_000).hex().encode())
    (tmp_path / "cut.gz").write_bytes(whole[:-1000])
    with pytest.raises(AgentError, match=r"cut off|syntax error"):
        transfer(node, "import", POSTGRESQL, tmp_path / "cut.gz")
    assert node.ask(POSTGRESQL, ANNA, there) == ["0"]
    assert leftovers(node) == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_that_is_stopped_ends_and_another_cannot_begin_beside_it(
    node, kind, tmp_path, monkeypatch
):
    monkeypatch.setattr(driver_streams, "_EVERY", 0.05)
    sleep = "SELECT SLEEP(300);" if kind == MARIADB else "SELECT pg_sleep(300);"
    path = script(tmp_path / "slow.sql", sleep)
    heard, goes_on, ended = threading.Event(), threading.Event(), []
    goes_on.set()

    def told(_bytes):
        heard.set()
        return goes_on.is_set()

    def run():
        with pytest.raises(AgentError) as error:
            transfer(node, "import", kind, path, told=told)
        ended.append(error.value.message)

    thread = threading.Thread(target=run)
    thread.start()
    assert heard.wait(30)
    with pytest.raises(AgentError, match="another dump"):
        transfer(node, "export", kind, tmp_path / "beside.gz")
    goes_on.clear()
    thread.join(30)
    assert ended == ["nobody waits for it any more"]
    assert leftovers(node) == []
    wait_until(lambda: transfer_is_free(node, kind, tmp_path), "another one can begin")


def transfer_is_free(node, kind, tmp_path):
    (tmp_path / "again.gz").unlink(missing_ok=True)
    return bool(transfer(node, "export", kind, tmp_path / "again.gz")["size"])


def test_what_is_not_there_and_who_is_suspended_are_refused(node, tmp_path):
    empty = script(tmp_path / "empty.sql", "SELECT 1;")
    for about in ({"database": "none"}, {"database": "w_p", "kind": "oracle"}):
        kind = about.pop("kind", MARIADB)
        with pytest.raises(AgentError):
            transfer(node, "import", kind, empty, about["database"])
    node.switch(ANNA, "shut")
    with pytest.raises(AgentError, match="suspended"):
        transfer(node, "import", MARIADB, empty)
    # Its provider still gets what is in it.
    assert transfer(node, "export", MARIADB, tmp_path / "out.gz")["size"]
    node.switch(ANNA, "open")
    transfer(node, "import", MARIADB, empty)
