"""Text becomes configuration only where it fits the grammar; a parser of its own reads it back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.platform import embedded
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_desired, driver_nginx
from hosting.services.web.driver_pages import UNAVAILABLE, welcome
from tests.agent.fakes import site

PLATFORM = embedded("/srv/freehold", 8480, "/usr/sbin/nginx")

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<end>[;{}])|"(?P<double>(?:\\.|[^"\\])*)"|'(?P<single>(?:\\.|[^'\\])*)'"""
    r"""|(?P<word>(?:\\.|\$\{|[^\s;{}"'\\])(?:\\.|\$\{|[^\s;{}\\])*)""",
    re.DOTALL,
)


def statements(text):
    """Return the statements of a piece of nginx configuration, as lists of words."""
    found, words, place = [], [], 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        assert token, f"not a token at {text[place : place + 40]!r}"
        place = token.end()
        if token["end"]:
            found.append([*words, token["end"]])
            words = []
        else:
            words += [part for part in token.group("double", "single", "word") if part is not None]
    assert not words, f"unfinished: {words}"
    return found


hostile = st.text(
    alphabet=st.one_of(
        st.sampled_from("abz019-._*~;{}\"'\\$#\n\r\t\0 :/@%"), st.characters(codec="utf-8")
    ),
    max_size=80,
)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
names = st.builds(
    lambda some, last: ".".join([*some, "x" + last]),
    st.lists(labels, min_size=1, max_size=4),
    labels,
)
numbers = st.integers(1, 2**63 - 1)


@given(st.one_of(hostile, names), st.one_of(hostile, st.just("s1-2")))
def test_a_line_of_the_hosts_is_refused_or_read_back_as_it_was_meant(name, key):
    try:
        line = driver_nginx.host_line(name, key)
    except AgentError:
        return
    assert statements(line) == [[name, key, ";"]]
    assert name not in ("default", "hostnames", "include", "volatile")
    assert not name.startswith(("~", "\\"))


@given(
    st.one_of(hostile, names),
    st.one_of(hostile, names.map("http://{}:8480".format), names.map("https://{}".format)),
)
def test_a_line_of_the_redirects_is_refused_or_read_back_as_it_was_meant(name, target):
    try:
        line = driver_nginx.redirect_line(name, target)
    except AgentError:
        return
    assert statements(line) == [[name, target, ";"]]


@given(hostile)
def test_a_quoted_string_is_refused_or_read_back_as_it_was_meant(value):
    try:
        text = driver_nginx.quoted(value)
    except AgentError:
        return
    assert statements(f"root {text};") == [["root", value, ";"]]
    assert "$" not in value


@given(numbers, numbers, st.lists(names, min_size=2, max_size=20, unique=True), st.data())
def test_every_name_of_a_site_stands_in_the_maps_once(subscription, number, some, data):
    cut = data.draw(st.integers(1, len(some)))
    web = driver_desired.parse({"sites": [site(number, *some[:cut], redirects=some[cut:])]})
    lines = driver_nginx.lines(subscription, web, PLATFORM)
    key = f"s{subscription}-{number}"
    assert statements(lines.hosts) == [[name, key, ";"] for name in some]
    target = f"http://{some[0]}:8480"
    assert statements(lines.redirects) == [[name, target, ";"] for name in some[cut:]]
    assert lines.names == len(some)


def test_a_redirect_keeps_the_public_port_only_where_it_is_not_the_usual_one():
    web = driver_desired.parse({"sites": [site(7, "anna.example", redirects=["old.example"])]})
    usual = embedded("/srv/freehold", 8480, "/usr/sbin/nginx", public_port=80)
    assert driver_nginx.lines(1, web, usual).redirects == "old.example http://anna.example;\n"
    assert driver_nginx.lines(1, web, PLATFORM).redirects.endswith("http://anna.example:8480;\n")


def test_a_disabled_site_is_in_no_map():
    web = driver_desired.parse(
        {"sites": [site(7, "anna.example", redirects=["old.example"], state="disabled")]}
    )
    assert driver_nginx.lines(1, web, PLATFORM) == driver_nginx.Lines()


@pytest.mark.parametrize("count", [0, 1, 1000, 20_000, 400_000])
def test_the_hash_tables_grow_with_what_they_hold(count):
    table, bucket = (int(words[1]) for words in statements(driver_nginx.sizes(count, 253)))
    assert table >= 2 * count
    assert bucket >= 253 + 24
    assert bucket % 64 == 0


@pytest.mark.parametrize("path", ["/srv/$site", '/srv/"', "/srv/\n", "/srv/'", "/srv/\\"])
def test_a_directory_that_cannot_be_written_down_is_refused(path):
    with pytest.raises(AgentError):
        driver_nginx.configuration(embedded(path, 8480, "/usr/sbin/nginx"))


def test_the_configuration_reads_back_with_spaces_in_the_directory():
    found = statements(driver_nginx.configuration(embedded("/srv/free hold", 8480, "/bin/nginx")))
    assert ["listen", "127.0.0.1:8480", "default_server", ";"] in found
    assert ["open_file_cache", "off", ";"] in found
    assert ["worker_shutdown_timeout", "60s", ";"] in found
    assert [words for words in found if words[0] == "listen"] == [
        ["listen", "127.0.0.1:8480", "default_server", ";"],
        ["listen", "127.0.0.1:8480", ";"],
    ]
    assert found.count(["return", "503", UNAVAILABLE, ";"]) == 1


def test_the_first_page_says_a_name_as_text_whatever_it_is():
    page = welcome("<script>alert(1)</script>&", "httpdocs").decode()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in page
