"""What may be typed as a host name, a document root, a system user; and that the rest is not."""

import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting import validators
from hosting.models.subscriptions import SYSTEM_USER
from hosting.services.web.driver_desired import address

# The restricted names are a setting.
pytestmark = pytest.mark.django_db

REFUSED = {
    "no name": ["", " ", ".", "..", "www", "12345", "0815", "localhost", "com", "com."],
    "labels": ["test..com", ".x.com", "x..", "a.b..", "-a.com", "a-.com", "ab--c.com", "a..b.com"],
    "characters": [
        *("dom?*ain.tld", "*.x.com", "_dmarc.x.com", "a b.com", "x.com/", "x.com:80", "x.com;id"),
        *("https://x.com", "user@x.com", "x.com\n.y", "x\r\ny.com", "x\x00.com", "x%0a.com"),
        *("`id`.com", "$(id).com", "--checkpoint=1", "../../../etc", "<script>.com", "x\u2028.com"),
    ],
    "length": ["x" * 64 + ".com", ".".join(["a" * 63] * 4), "a." * 127 + "com"],
    "addresses": [
        *("1.2.3.4", "[::1]", "::1", "127.0.0.1", "１.２.３.４", "1.2.3.0x4", "0x7f.1", "x.0815"),
        *("2130706433", "1.2.3.4."),
    ],
    "punycode typed by hand": ["xn--a.example", "xn--.com", "xn--XN--A.com", "xn--a-ecp.ru"],
    "invisible": ["a\u200db.example", "a\u200b\u200b.\u200bx..com", "\u0301a.com"],
    "restricted": ["gmail.com", "mx.gmail.com", "GMAIL.com", "co.uk", "github.io", "web.de"],
    "reserved": [f"{label}.x.example" for label in sorted(validators.RESERVED_LABELS)],
}


@pytest.mark.parametrize("value", [value for values in REFUSED.values() for value in values])
def test_it_is_no_host_name(value: str):
    with pytest.raises(ValidationError):
        validators.clean_host_name(value)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        ("example.com。", "example.com"),
        ("  example.com ", "example.com"),
        ("jäap.example", "xn--jap-qla.example"),
        ("JÄAP.example", "xn--jap-qla.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("jaaẞ.example", "xn--jaa-7ka.example"),
        ("bløst.рф", "xn--blst-hra.xn--p1ai"),
        ("täst.local", "xn--tst-qla.local"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("ıstanbul.example", "xn--stanbul-qfb.example"),
        ("a--b.com", "a--b.com"),
        ("x.localhost", "x.localhost"),
        ("mx.x.com", "mx.x.com"),
        ("1aap.example", "1aap.example"),
    ],
)
def test_it_is_stored_as_machines_write_it(typed: str, stored: str):
    assert validators.clean_host_name(typed) == stored
    assert validators.clean_host_name(stored) == stored


def test_composed_and_decomposed_are_one_name():
    composed = "idn-tést.eu"
    decomposed = unicodedata.normalize("NFD", composed)
    assert composed != decomposed
    assert validators.to_ascii(composed) == validators.to_ascii(decomposed)


def test_it_is_shown_as_people_read_it():
    assert validators.to_unicode("xn--jap-qla.example") == "jäap.example"
    assert validators.to_unicode("not..a.name") == "not..a.name"


def test_the_panels_own_host_is_nobodys(settings):
    settings.ALLOWED_HOSTS = ["panel.host.example", ".other.example"]
    for name in ("panel.host.example", "other.example"):
        with pytest.raises(ValidationError):
            validators.clean_host_name(name)
    assert validators.clean_host_name("shop.example") == "shop.example"


@pytest.mark.parametrize(
    ("name", "apex"),
    [
        ("example.com", "example.com"),
        ("a.b.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("x.foo.github.io", "foo.github.io"),
        ("a.anna.localhost", "anna.localhost"),
    ],
)
def test_the_apex_is_the_registrable_name(name: str, apex: str):
    assert validators.apex_of(name) == apex


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(st.text(max_size=80))
def test_whatever_passes_is_plain_ascii_and_passes_again(value: str):
    try:
        name = validators.clean_host_name(value)
    except ValidationError:
        return
    labels = name.split(".")
    assert len(labels) >= 2
    assert len(name) <= 253
    for label in labels:
        assert 0 < len(label) <= 63
        assert all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in label)
        assert not label.startswith("-")
        assert not label.endswith("-")
    assert validators.clean_host_name(validators.to_unicode(name)) == name


@settings(derandomize=True, database=None, deadline=None, max_examples=300)
@given(st.text(alphabet="ab./-_~$ \\\n\x00%é", max_size=30))
def test_a_document_root_stays_below_the_home(value: str):
    try:
        path = validators.clean_document_root(value)
    except ValidationError:
        return
    assert not path.startswith(("/", ".", "-"))
    for part in path.split("/"):
        assert part not in {"", ".", ".."}
        assert not part.startswith((".", "-"))
        assert set(part) <= set("ab.-_")


@pytest.mark.parametrize(
    "name",
    [
        *("jäap", "jaaẞ", "1234", "1aap", "ib_Buffer", "Root", "hello.com", "-a", "a", "a" * 32),
        *("a\n", "a\x00b", " ab", "ab ", "ab.c", "a;b", "ıab", "a`b`"),
    ],
)
def test_it_is_no_system_user(name: str):
    with pytest.raises(ValidationError):
        SYSTEM_USER(name)


@pytest.mark.parametrize("name", ["ab", "a--b", "a-", "site_1", "a" * 31])
def test_it_is_a_system_user(name: str):
    SYSTEM_USER(name)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("https://example.com", "https://example.com"),
        (" HTTP://Example.COM/ ", "http://example.com"),
        ("https://bücher.example/ü?x=ß#é", "https://xn--bcher-kva.example/%C3%BC?x=%C3%9F#%C3%A9"),
        ("http://192.0.2.7:8080/a b", "http://192.0.2.7:8080/a%20b"),
        ("https://example.com/$uri'\"{}\\", "https://example.com/%24uri%27%22%7B%7D%5C"),
        ("https://example.com/100%/%41", "https://example.com/100%25/%41"),
        ("https://example.com/?", "https://example.com"),
        ("https://example.com?a=b?c", "https://example.com?a=b?c"),
    ],
)
def test_an_address_is_stored_as_it_is_sent(typed: str, stored: str):
    assert validators.clean_address(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        *("example.com", "//example.com", "ftp://example.com", "javascript:alert(1)", "https://"),
        *("https://user@example.com", "https://a:b@example.com", "https://example.com:0"),
        *(
            "https://example.com:99999",
            "https://example.com:x",
            "https://localhost",
            "https://a_b.c",
        ),
        *("https://[::1]/", "https://exa mple.com", "https://example.com\\@evil.example"),
        "https://example.com/" + "a" * 500,
    ],
)
def test_what_is_no_address_of_the_web_is_refused(typed: str):
    with pytest.raises(ValidationError):
        validators.clean_address(typed)


@given(st.sampled_from(["https://example.com", "http://192.0.2.7:81/"]), st.text(max_size=60))
def test_the_agent_takes_every_address_that_is_stored(site: str, rest: str):
    try:
        stored = validators.clean_address(site + rest)
    except ValidationError:
        return
    assert "".join(address(stored)) == stored
    assert validators.clean_address(stored) == stored
