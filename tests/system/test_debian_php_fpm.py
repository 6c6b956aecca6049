"""The PHP driver on the real php-fpm, without an agent around: its words, and what it reads."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.agent.apply import Applier
from hosting.agent.host import Host, Runner
from hosting.agent.platform import debian
from hosting.services.php import driver_pools as grammar
from hosting.services.php.driver import PhpDriver
from hosting.services.php.driver_fastcgi import ask
from tests.agent.fpm import site, subscription
from tests.agent.test_php_pools import AROUND
from tests.system.test_debian_php import PROGRAMS, REASON

pytestmark = [pytest.mark.system, pytest.mark.skipif(bool(REASON), reason=REASON)]


@pytest.fixture
def driver(tmp_path):
    tmp_path.chmod(0o755)
    names = ("node", "homes", "run", "logs", "users")
    places = {name: tmp_path / name for name in names}
    platform = debian(**places, address="127.0.0.1")
    for place in (*places.values(), platform.web):
        place.mkdir(exist_ok=True)
    made = PhpDriver(Host(platform.node, Runner(), platform))
    made.host = Host(platform.node, Runner(), platform)
    made.applier = Applier(made.host, [made])
    made.applier.settle()
    yield made
    made.stop()


def desired(driver, *subscriptions):
    lines = []
    driver.applier.desired(list(subscriptions), lines.append)
    return {line["subscription"]: line for line in lines[:-1]}, lines[-1]


def answering(driver, key):
    link = driver.host.platform.run / "php" / key
    said = ask(link / "fpm.sock", grammar.PROBE)
    return said.decode().strip() if said else None


def test_one_of_many_is_at_fault_and_php_fpm_says_why(driver, monkeypatch):
    """What a declaration cannot express, a later php-fpm may refuse all the same."""
    plain = grammar.directives

    def bent(pool, around):
        found = plain(pool, around)
        return [*found, ("pm.nonsense", "1")] if pool.subscription == 17 else found

    wanted = [subscription(number, 1, site(number)) for number in range(1, 25)]
    monkeypatch.setattr(grammar, "directives", bent)
    results, _done = desired(driver, *wanted)
    (failed,) = [line for line in results.values() if not line["ok"]]
    assert (failed["subscription"], failed["kind"]) == (17, "check")
    assert "unknown entry 'pm.nonsense'" in failed["message"]
    assert answering(driver, "s17-17") is None
    assert all(answering(driver, f"s{n}-{n}") for n in (1, 16, 18, 24))
    monkeypatch.setattr(grammar, "directives", plain)
    results, done = desired(driver, *wanted)
    assert all(line["ok"] for line in results.values())
    assert done["reloads"] == 1
    assert answering(driver, "s17-17").startswith("s17-")


def test_one_that_passes_the_test_and_then_does_not_start_is_put_back(driver, monkeypatch):
    desired(driver, subscription(1, 1, site(1)), subscription(2, 1, site(2)))
    before = answering(driver, "s1-1"), answering(driver, "s2-2")
    plain = grammar.directives

    def bent(pool, around):
        found = dict(plain(pool, around))
        if pool.subscription == 2:
            # In a directory that is not there: seen only when it begins to listen.
            found["listen"] = "/nowhere/at/all.sock"
        return list(found.items())

    monkeypatch.setattr(grammar, "directives", bent)
    results, _done = desired(
        driver, *(subscription(n, 2, site(n, memory_limit=77)) for n in (1, 2))
    )
    assert [number for number, line in results.items() if not line["ok"]] == [2]
    assert answering(driver, "s2-2") == before[1]
    assert answering(driver, "s1-1") not in {None, before[0]}


def test_php_fpm_reads_every_setting_as_it_was_meant(tmp_path):
    pool = grammar.Pool(42, "8.2", 7, tuple(pair for pair in POOL_VALUES))
    around = replace(AROUND, home=Path("/srv/a b;c#d=e[f](g)!|&~^{h}'"))
    probe, conf = tmp_path / "probe.sock", tmp_path / "pools.conf"
    texts = [grammar.pool_text(pool, around)]
    conf.write_text(grammar.master_text(tmp_path / "pid", tmp_path / "log", probe, texts))
    done = subprocess.run(
        [PROGRAMS[-1], "-tt", "-y", conf], capture_output=True, text=True, check=True
    )
    said = {}
    inside = False
    for line in done.stderr.splitlines():
        text = line.partition("NOTICE: ")[2].strip()
        inside = text == f"[{pool.name}]" if text.startswith("[") else inside
        key, parted, value = text.partition(" = ")
        if inside and parted:
            said[key] = value
    for key, value in grammar.directives(pool, around):
        shown = {"pm.process_idle_timeout": "10", "listen.backlog": "-1"}.get(key, value)
        if key not in {"clear_env"} and not key.startswith("php_"):
            assert said[key] == shown, key
        elif key.startswith("php_"):
            assert said[key] == {"on": "1", "off": ""}.get(value, value) or said[key] == value


POOL_VALUES = [
    ("memory_limit", 77),
    ("display_errors", True),
    ("timezone", "Europe/Vienna"),
    ("error_reporting", "all"),
    ("programs", False),
]

_PARSE = """
$texts = json_decode(file_get_contents('php://stdin'), true);
echo json_encode(array_map(fn($text) => parse_ini_string($text, true), $texts));
"""


@pytest.mark.skipif(shutil.which("php") is None, reason="the php command is not installed")
def test_phps_own_reader_finds_what_was_written_whatever_it_was():
    texts: list[str] = []

    @settings(
        suppress_health_check=list(HealthCheck), max_examples=300, database=None, deadline=None
    )
    @given(st.text(st.characters(codec="utf-8"), max_size=40))
    def gather(text):
        if grammar._HARMLESS.fullmatch(text):
            texts.append(text)

    gather()
    written = [grammar.section("a", [("key", text), ("last", "1")]) for text in texts]
    done = subprocess.run(
        ["php", "-r", _PARSE],
        input=json.dumps(written), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [{"a": {"key": text, "last": "1"}} for text in texts]
    assert len(texts) > 50
