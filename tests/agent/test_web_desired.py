"""What a subscription may ask of the web server is checked by the agent again."""

import pytest

from hosting.agent.protocol import AgentError
from hosting.services.web import driver_desired
from tests.agent.fakes import site


def parse(*sites, **more):
    return driver_desired.parse({"sites": list(sites)} | more)


def test_a_sound_site_is_read():
    web = parse(
        site(7, "anna.example", "www.anna.example", "*.anna.example", root="httpdocs/public")
    )
    assert web.sites[0].document_root == ("httpdocs", "public")
    assert web.all_names == ["anna.example", "www.anna.example", "*.anna.example"]


@pytest.mark.parametrize("rate", [0, -1, 1.5, "64", None, True, 10_000_001])
def test_a_rate_is_a_whole_number_that_lets_something_through(rate):
    with pytest.raises(AgentError):
        parse(site(7, "anna.example"), rate=rate)


@pytest.mark.parametrize(
    "root",
    [
        "",
        ".",
        "..",
        "/",
        "/etc",
        "../s2/httpdocs",
        "httpdocs/..",
        "httpdocs/../../s2",
        "httpdocs//public",
        "httpdocs/",
        "./httpdocs",
        ".ssh",
        "httpdocs/.git",
        "-rf",
        "http docs",
        "httpdocs\n",
        "httpdocs\x00",
        "httpdocs;",
        'httpdocs"',
        "$site",
        "höfe",
        "a/" * 16 + "a",
        "a" * 65,
        "a/" + "b" * 255,
        None,
        7,
        ["httpdocs"],
    ],
)
def test_a_document_root_that_is_not_a_plain_path_is_invalid(root):
    with pytest.raises(AgentError) as raised:
        parse(site(7, "anna.example", root=root))
    assert raised.value.kind == "invalid"


@pytest.mark.parametrize(
    "change",
    [
        {"id": 0},
        {"id": "7"},
        {"id": "../7"},
        {"name": "Anna.example"},
        {"names": []},
        {"names": "anna.example"},
        {"names": ["*.anna.example"]},
        {"names": ["anna.example", "anna.example"]},
        {"names": ["anna.example; } server {"]},
        {"names": ["anna.example", "*"]},
        {"names": ["anna.example", "*.*.example"]},
        {"names": ["anna.example"] * 2000},
        {"redirects": ["anna.example"]},
        {"redirects": ["http://evil.example"]},
        {"redirects": None},
        {"state": "deleted"},
        {"state": None},
        {"state": ["active"]},
        {"title": "two\nlines"},
        {"title": ""},
        {"title": "x" * 256},
        {"title": "\x1b[31m"},
        {"owner": "root"},
        {"moves": [["old.example", "elsewhere.example"]]},
        {"moves": [["old.example"]]},
        {"moves": [["anna.example", "anna.example"]]},
        {"moves": {"old.example": "anna.example"}},
        {"forward": {"to": "https://new.example", "code": 301}},
    ],
)
def test_a_site_with_an_unsound_field_is_invalid(change):
    with pytest.raises(AgentError) as raised:
        parse(site(7, "anna.example") | change)
    assert raised.value.kind == "invalid"


@pytest.mark.parametrize(
    "forward",
    [
        {"to": "https://new.example"},
        {"to": "https://new.example", "code": 307},
        {"to": "https://new.example", "code": True},
        {"to": "https://new.example/$uri", "code": 301},
        {"to": "https://new.example/" + "a" * 1000, "code": 301},
        {"to": "new.example", "code": 301},
        "https://new.example",
        None,
    ],
)
def test_a_forward_that_leads_nowhere_is_invalid(forward):
    with pytest.raises(AgentError) as raised:
        parse(site(7, "anna.example", forward=forward))
    assert raised.value.kind == "invalid"


def test_a_site_has_files_or_forwards():
    (found,) = parse(
        site(7, "anna.example", forward={"to": "http://b.example/", "code": 302})
    ).sites
    assert (found.document_root, found.forward.to, found.forward.code) == (
        (),
        "http://b.example/",
        302,
    )
    plain = site(7, "anna.example")
    del plain["document_root"]
    with pytest.raises(AgentError):
        parse(plain)


def test_two_sites_of_one_number_are_invalid():
    with pytest.raises(AgentError, match="twice"):
        parse(site(7, "anna.example"), site(7, "bert.example"))


def test_a_name_given_to_two_sites_is_invalid():
    with pytest.raises(AgentError, match="twice"):
        parse(site(7, "anna.example"), site(8, "bert.example", redirects=["anna.example"]))


def test_a_disabled_site_has_no_names():
    assert parse(site(7, "anna.example", redirects=["old.example"], state="disabled")) != parse()
    assert parse(site(7, "anna.example", state="disabled")).all_names == []
