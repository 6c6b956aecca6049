"""The wire is read strictly."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent import protocol
from hosting.agent.protocol import AgentError

SOUND = {"id": 1, "generation": 1, "present": True, "state": "open", "web": {"sites": []}}


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"1",
        b"null",
        b'{"a":1',
        b'{"a":1}{"b":2}',
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_a_line_that_is_not_one_plain_object_is_invalid(line):
    with pytest.raises(AgentError) as raised:
        protocol.decode(line)
    assert raised.value.kind == "invalid"


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(line):
    try:
        read = protocol.decode(line)
    except AgentError:
        return
    assert type(read) is dict


@pytest.mark.parametrize(
    "change",
    [
        {"id": 0},
        {"id": -1},
        {"id": True},
        {"id": "1"},
        {"id": 1.0},
        {"id": 2**63},
        {"id": 10**20},
        {"id": None},
        {"id": "²"},
        {"generation": -1},
        {"generation": 2**53},
        {"generation": True},
        {"generation": "7"},
        {"present": 1},
        {"present": "yes"},
        {"present": None},
        {"state": 0},
        {"state": "ajar"},
        {"state": []},
        {"path": "/etc"},
        {"mail": {}},
    ],
)
def test_a_field_of_the_wrong_kind_is_invalid(change):
    with pytest.raises(AgentError) as raised:
        protocol.subscription(SOUND | change, ["web"])
    assert raised.value.kind == "invalid"


@pytest.mark.parametrize("missing", ["id", "generation", "present", "state"])
def test_a_missing_field_is_invalid(missing):
    value = {key: each for key, each in SOUND.items() if key != missing}
    with pytest.raises(AgentError, match=missing):
        protocol.subscription(value, ["web"])


def test_a_sound_subscription_is_read():
    read = protocol.subscription(SOUND | {"id": 2**63 - 1}, ["web"])
    assert read == protocol.Subscription(2**63 - 1, 1, True, "open", {"web": {"sites": []}})


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        [1],
        [[1, 2]],
        [[1, 2, "open", 4]],
        [[1, 2, "closed"]],
        [[1, 2, True]],
        [[True, 2, "open"]],
        [[1, -2, "open"]],
        [["1", 2, "open"]],
        [[1, 2, ["open"]]],
        [[1, 2, {}]],
    ],
)
def test_switches_of_another_shape_are_invalid(items):
    with pytest.raises(AgentError) as raised:
        protocol.switches(items)
    assert raised.value.kind == "invalid"


@pytest.mark.parametrize(
    "name",
    [
        "anna.example",
        "a.b",
        "1.example",
        "xn--bcher-kva.example",
        "x" * 63 + ".example",
        ".".join(["a" * 61] * 4),
    ],
)
def test_host_names_are_host_names(name):
    assert protocol.is_host_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "default",
        "include",
        "hostnames",
        "volatile",
        "localhost",
        "Anna.example",
        "anna..example",
        ".anna.example",
        "anna.example.",
        "-anna.example",
        "anna-.example",
        "anna_.example",
        "anna.example\n",
        "anna.example\x00",
        "anna.example;",
        "anna.example {",
        "~^.*$.example",
        "\\default.example",
        "a b.example",
        "127.0.0.1",
        "1.2",
        "bücher.example",
        "anna.example#",
        "$host.example",
        "*.example.org",
        "x" * 64 + ".example",
        ".".join(["a" * 63] * 4),
        None,
        1,
        ["anna.example"],
    ],
)
def test_anything_else_is_no_host_name(name):
    assert not protocol.is_host_name(name)


def test_a_line_as_long_as_allowed_is_read_and_a_longer_one_is_not():
    exactly = b"x" * (protocol.MAX_LINE - 1) + b"\n"
    assert protocol.read_line(io.BytesIO(exactly)) == exactly
    with pytest.raises(AgentError):
        protocol.read_line(io.BytesIO(b"x" + exactly))


def test_a_line_that_was_cut_off_is_no_line():
    assert protocol.read_line(io.BytesIO(b'{"verb":"switch"}')) is None
