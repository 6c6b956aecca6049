"""What is written for php-fpm, and what is taken from the wire: nothing that does not belong."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.agent.protocol import AgentError
from hosting.services.php import driver_fastcgi as fastcgi
from hosting.services.php import driver_pools as grammar
from hosting.services.php.driver_desired import parse
from hosting.services.php.driver_pools import Pool, Surroundings
from hosting.services.php.driver_table import BY_NAME, TABLE
from tests.agent.fpm import read, site, subscription

DEFAULTS = tuple((one.name, one.default) for one in TABLE)
AROUND = Surroundings(10_000_042, Path("/srv/s42"), Path("/run/php/fpm.sock"), "www-data")
ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)


def value_of(directive):
    """Any value that a directive may have."""
    if directive.kind == "number":
        return st.integers(directive.low, directive.high)
    if directive.kind == "choice":
        return st.sampled_from(sorted(directive.texts))
    if directive.kind == "zone":
        return st.sampled_from(
            ["UTC", "Europe/Vienna", "America/Argentina/Buenos_Aires", "Etc/GMT+1"]
        )
    return st.booleans()


POOLS = st.builds(
    lambda number, children, values: Pool(number, "8.2", children, tuple(values.items())),
    st.integers(1, 2**63 - 1),
    st.integers(1, 100),
    st.fixed_dictionaries({one.name: value_of(one) for one in TABLE}),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(POOLS, st.lists(POOLS, max_size=2))
def test_whatever_is_set_a_pool_is_read_back_as_it_was_written(pool, others):
    every = {one.name: one for one in [pool, *others]}
    texts = [grammar.pool_text(one, AROUND) for one in every.values()]
    whole = grammar.master_text(Path("/run/pid"), Path("/log"), Path("/run/probe"), texts)
    found = read(whole)
    assert found.keys() == {"global", "freehold", *every}
    assert found[pool.name] == dict(grammar.directives(pool, AROUND))
    assert grammar.sections_of(whole) == dict(zip(every, texts, strict=True))
    assert grammar.serial_in(whole) == grammar.serial_of(texts)
    assert grammar.owner_of(pool.name) == pool.subscription


@given(ANY_TEXT)
def test_hostile_text_is_refused_or_is_one_value(text):
    try:
        written = grammar.section("s1-000000000000", [("env[A]", text), ("env[B]", "b")])
    except AgentError:
        assert set(text) & {'"', "\\", "$"} or any(ord(c) < 32 or ord(c) == 127 for c in text)
        return
    assert written.split("\n", 1)[1] == f'env[A] = "{text}"\nenv[B] = "b"\n'


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.sampled_from(TABLE), st.one_of(ANY_TEXT, st.integers(), st.booleans(), st.none()))
def test_no_value_gets_past_its_declaration(directive, value):
    if directive.accepts(value):
        assert grammar.quoted(directive.text(value))
        return
    with pytest.raises(AgentError):
        list(grammar._settings(((directive.name, value),)))
    wanted = subscription(42, 1, site(7, **{directive.name: value}))["php"]
    with pytest.raises(AgentError):
        parse(wanted)


def test_true_is_no_number_and_one_is_no_switch():
    assert not BY_NAME["max_execution_time"].accepts(True)
    assert not BY_NAME["display_errors"].accepts(1)


def test_nobody_runs_as_root():
    # php-fpm's own test of a configuration takes a user 0 that is written as a number.
    pool = Pool(42, "8.2", 5, DEFAULTS)
    for uid in (0, 33, 999):
        with pytest.raises(AgentError):
            grammar.pool_text(pool, Surroundings(uid, AROUND.home, AROUND.socket, "www-data"))


def test_another_set_of_settings_is_another_pool_and_the_same_is_the_same():
    names = {
        Pool(42, "8.2", 5, DEFAULTS).name,
        Pool(42, "8.4", 5, DEFAULTS).name,
        Pool(42, "8.2", 6, DEFAULTS).name,
        Pool(42, "8.2", 5, (*DEFAULTS[:-1], ("programs", True))).name,
        Pool(4, "8.2", 5, DEFAULTS).name,
    }
    assert len(names) == 5
    assert Pool(42, "8.2", 5, DEFAULTS).name in names


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"children": 5},
        {"children": 0, "sites": []},
        {"children": 101, "sites": []},
        {"children": True, "sites": []},
        {"children": 5, "sites": [site(0)]},
        {"children": 5, "sites": [site(7), site(7)]},
        {"children": 5, "sites": [site(7, "8")]},
        {"children": 5, "sites": [site(7, "8.2/../..")]},
        {"children": 5, "sites": [site(7, open_basedir="/")]},
        {"children": 5, "sites": [site(7)], "more": 1},
    ],
)
def test_what_is_not_sound_is_not_taken(broken):
    with pytest.raises(AgentError):
        parse(broken)


def test_what_is_not_given_is_as_by_itself():
    (one,) = parse(subscription(42, 1, site(7, memory_limit=64))["php"]).sites
    assert dict(one.values) == dict(DEFAULTS) | {"memory_limit": 64}


def answered(output, ended=True):
    """What a FastCGI server sends."""
    end = fastcgi._record(3, bytes(8)) if ended else b""
    return fastcgi._record(6, output) + fastcgi._record(6, b"") + end


def test_an_answer_is_taken_whole_or_not_at_all():
    raw = answered(b"Content-Type: text/plain\r\n\r\npong")
    assert fastcgi.answer(raw) == b"pong"
    assert all(fastcgi.answer(raw[:length]) is None for length in range(len(raw)))
    assert fastcgi.answer(answered(b"Status: 404 Not Found\r\n\r\nno")) is None
    assert fastcgi.answer(answered(b"no head")) is None
    assert fastcgi.answer(b"HTTP/1.1 200 OK\r\n\r\n") is None


def test_nobody_at_a_socket_is_no_answer(tmp_path):
    assert fastcgi.ask(tmp_path / "none.sock", "/freehold") is None
    assert fastcgi.ask(tmp_path / "nowhere" / "none.sock", "/freehold") is None
