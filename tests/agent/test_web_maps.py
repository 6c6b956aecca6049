"""Text becomes configuration only where it fits the grammar; a parser of its own reads it back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.platform import embedded
from hosting.agent.protocol import AgentError
from hosting.services.web import driver_desired, driver_maps, driver_nginx
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
        line = driver_maps.host_line(name, key)
    except AgentError:
        return
    assert statements(line) == [[name, key, ";"]]
    assert name not in ("default", "hostnames", "include", "volatile")
    assert not name.startswith(("~", "\\"))


sites = st.one_of(names.map("http://{}:8480".format), names.map("https://{}".format))
paths = st.one_of(hostile, st.from_regex(r"[A-Za-z0-9/?#=&%.~+-]*", fullmatch=True))


@given(st.one_of(hostile, names), st.one_of(hostile, sites))
def test_a_line_of_the_redirects_is_refused_or_read_back_as_it_was_meant(name, target):
    try:
        line = driver_maps.redirect_line(name, target)
    except AgentError:
        return
    assert statements(line) == [[name, target + "$request_uri", ";"]]


@given(sites, st.sampled_from("/?#"), paths)
def test_an_address_with_a_path_is_refused_or_is_where_everything_leads(target, first, path):
    try:
        line = driver_maps.redirect_line("old.example", target + first + path)
    except AgentError:
        return
    assert statements(line) == [["old.example", target + first + path, ";"]]
    assert "$" not in line


@pytest.mark.parametrize(
    "target",
    [
        "https://new.example$host",
        "https://new.example/$uri",
        "https://new.example/${uri}",
        'https://new.example/";return 200;"',
        "https://new.example/\\x",
        "https://new.example/a b",
        "https://new.example/\n",
        "https://new.example/ä",
        "https://new.example:0",
        "https://new.example:99999",
        "https://user:word@new.example",
        "javascript:alert(1)",
        "//new.example",
        "ftp://new.example",
        "https://",
        "",
        None,
        7,
    ],
)
def test_what_is_no_address_is_refused(target):
    with pytest.raises(AgentError):
        driver_maps.redirect_line("old.example", target)


@given(hostile)
def test_a_quoted_string_is_refused_or_read_back_as_it_was_meant(value):
    try:
        text = driver_maps.quoted(value)
    except AgentError:
        return
    assert statements(f"root {text};") == [["root", value, ";"]]
    assert "$" not in value


@given(numbers, numbers, st.lists(names, min_size=2, max_size=20, unique=True), st.data())
def test_every_name_of_a_site_stands_in_the_maps_once(subscription, number, some, data):
    cut = data.draw(st.integers(1, len(some)))
    web = driver_desired.parse({"sites": [site(number, *some[:cut], redirects=some[cut:])]})
    lines = driver_maps.lines(subscription, web, PLATFORM)
    key = f"s{subscription}-{number}"
    assert statements(lines.maps["hosts.map"]) == [[name, key, ";"] for name in some]
    target = f"$scheme://{some[0]}$public_port$request_uri"
    assert statements(lines.maps.get("redirects.map", "")) == [
        [name, target, ";"] for name in some[cut:]
    ]
    assert lines.names == len(some)


@pytest.mark.parametrize(("port", "shown"), [(80, ""), (8480, ":8480")])
def test_an_address_has_the_public_port_only_where_it_is_not_the_usual_one(port, shown):
    for https, secure in ((443, ""), (8443, ":8443")):
        platform = embedded("/srv/freehold", 8480, "/usr/sbin/nginx", port, https_port=https)
        found = statements(driver_nginx.configuration(platform, "on"))
        at = found.index(["map", "", "$secure_port", "{"])
        assert found[at + 1] == ["default", secure, ";"]
        assert found[at + 3 : at + 6] == [
            ["map", "$https", "$public_port", "{"],
            ["default", shown, ";"],
            ["on", secure, ";"],
        ]


def test_https_only_is_a_line_of_the_site_and_leads_straight_to_the_preferred_name():
    given = site(7, "anna.example", redirects=["old.example"], https=True, hsts=True)
    web = driver_desired.parse({"sites": [given]})
    tls = embedded("/srv/freehold", 8480, "/usr/sbin/nginx", https_port=8443)
    found = driver_maps.lines(42, web, tls).maps
    assert statements(found["secure.map"]) == [["s42-7", "1", ";"]]
    assert statements(found["strict.map"]) == [["s42-7", "max-age=15768000", ";"]]
    target = "https://anna.example$secure_port$request_uri"
    assert statements(found["redirects.map"]) == [["old.example", target, ";"]]
    without = driver_maps.lines(42, web, PLATFORM).maps
    assert without.keys() == {"hosts.map", "redirects.map"}


@pytest.mark.parametrize("http2", ["", "listen", "on"])
def test_https_has_ports_ciphers_and_a_certificate_by_name_only_where_it_is_served(http2):
    platform = embedded("/srv/free hold", 8480, "/bin/nginx", https_port=8443)
    found = statements(driver_nginx.configuration(platform, http2))
    listens = [words[1:-1] for words in found if words[0] == "listen" and ":8443" in words[1]]
    assert (
        listens
        == {
            "": [],
            "listen": [["127.0.0.1:8443", "ssl", "http2", "default_server"]],
            "on": [["127.0.0.1:8443", "ssl", "default_server"]],
        }[http2]
    )
    assert (["http2", "on", ";"] in found) == (http2 == "on")
    pairs = [words[1] for words in found if words[0].startswith("ssl_certificate")]
    path = "/srv/free hold/web/certificates/$certificate.pem"
    assert pairs == ([path, path] if http2 else [])


def test_a_preferred_name_is_where_its_twin_leads_and_an_alias_keeps_to_itself():
    moves = [["anna.example", "www.anna.example"], ["anna.test", "www.anna.test"]]
    given = site(7, "www.anna.example", "www.anna.test", redirects=["old.example"], moves=moves)
    found = driver_maps.lines(1, driver_desired.parse({"sites": [given]}), PLATFORM)
    assert {name for name, _key, _end in statements(found.maps["hosts.map"])} == {
        *("anna.example", "www.anna.example", "anna.test", "www.anna.test", "old.example")
    }
    assert {name: to for name, to, _end in statements(found.maps["redirects.map"])} == {
        "old.example": "$scheme://www.anna.example$public_port$request_uri",
        "anna.example": "$scheme://www.anna.example$public_port$request_uri",
        "anna.test": "$scheme://www.anna.test$public_port$request_uri",
    }


@pytest.mark.parametrize("code", [301, 302])
def test_a_site_that_forwards_leads_all_its_names_elsewhere(code):
    forward = {"to": "https://new.example/shop?a=b", "code": code}
    given = site(7, "anna.example", "www.anna.example", redirects=["old.example"], forward=forward)
    found = driver_maps.lines(1, driver_desired.parse({"sites": [given]}), PLATFORM)
    elsewhere = [[name, forward["to"], ";"] for name in given["names"]]
    own = [["old.example", "$scheme://anna.example$public_port$request_uri", ";"]]
    for_good, for_now = (own + elsewhere, []) if code == 301 else (own, elsewhere)
    assert statements(found.maps["redirects.map"]) == for_good
    assert statements(found.maps.get("temporary.map", "")) == for_now
    assert found.names == 3


def test_a_rate_is_one_line_of_the_subscription_and_none_where_it_is_unlimited():
    given = {"sites": [site(7, "anna.example"), site(8, "anna.test")]}
    limited = driver_desired.parse(given | {"rate": 64})
    found = driver_maps.lines(42, limited, PLATFORM)
    assert statements(found.maps["rates.map"]) == [["s42", "64k", ";"]]
    assert driver_maps.lines(42, driver_desired.parse(given), PLATFORM).maps.keys() == {"hosts.map"}


def test_a_disabled_site_is_in_no_map():
    web = driver_desired.parse(
        {"sites": [site(7, "anna.example", redirects=["old.example"], state="disabled")]}
    )
    assert driver_maps.lines(1, web, PLATFORM) == driver_maps.Lines()


@pytest.mark.parametrize("count", [0, 1, 1000, 20_000, 400_000])
def test_the_hash_tables_grow_with_what_they_hold(count):
    found = statements(driver_maps.sizes(count, 253, count // 10))
    table, bucket, servers, same = (int(words[1]) for words in found)
    assert table >= 2 * count
    assert servers >= 2 * (count // 10)
    assert bucket >= 253 + 24
    assert bucket % 64 == 0
    assert same == bucket


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
