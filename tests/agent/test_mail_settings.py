"""Settings for mail programs: XML that is read back, and names that are the right domain's."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.agent.host import Host, Runner
from hosting.agent.platform import MAIL_PORTS, SMALL_MAIL_PORTS, embedded
from hosting.agent.protocol import AgentError
from hosting.services.mail import driver_programs
from hosting.services.web import driver_desired, driver_maps, driver_nginx
from hosting.services.web.driver_mail import MailDomain
from tests.agent.fakes import site
from tests.agent.test_web_maps import hostile, names, numbers, statements

_VARIABLE = re.compile(rb'<!--# echo var="(\w+)" -->')
_SPACES = {"o": "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"}
PLATFORM = embedded("/srv/freehold", 8480, "/usr/sbin/nginx", mail_ports=MAIL_PORTS)
PLAIN = embedded("/srv/freehold", 8480, "/usr/sbin/nginx")
ANNA = {"id": 7, "name": "anna.example", "server": "203.0.113.5", "aliases": ["too.example"]}

ports = st.dictionaries(st.sampled_from(sorted(MAIL_PORTS)), st.integers(1, 65535))


def filled(data, **values):
    """The answer as the web server sends it; it escapes what it puts in."""
    return ET.fromstring(_VARIABLE.sub(lambda found: values[found[1].decode()].encode(), data))


@given(ports, names, names)
def test_thunderbird_reads_back_every_server_there_is_and_no_other(offered, domain, server):
    text = driver_programs.autoconfig(offered)
    root = filled(text, mail_domain=domain, mail_server=server)
    provider = root.find("emailProvider")
    assert [provider.findtext(name) for name in ("domain", "displayName")] == [domain, domain]
    found = [each for each in provider if each.tag.endswith("Server")]
    assert {each.findtext("hostname") for each in found} <= {server}
    assert {each.findtext("username") for each in found} <= {f"%EMAILLOCALPART%@{domain}"}
    spoken = (
        ("imaps", "imap", "SSL"),
        ("pop3s", "pop3", "SSL"),
        ("submissions", "smtp", "SSL"),
        ("submission", "smtp", "STARTTLS"),
    )
    assert [(e.get("type"), e.findtext("socketType"), e.findtext("port")) for e in found] == [
        (kind, encryption, str(offered[name]))
        for name, kind, encryption in spoken
        if name in offered
    ]


@given(ports, names, names)
def test_outlook_reads_back_every_server_there_is_and_no_other(offered, domain, server):
    login = f"anna@{domain}"
    root = filled(driver_programs.autodiscover(offered), mail_login=login, mail_server=server)
    account = root.find("o:Response/o:Account", _SPACES)
    found = [
        {child.tag.rpartition("}")[2]: child.text for child in each}
        for each in account.findall("o:Protocol", _SPACES)
    ]
    kinds = (("imaps", "IMAP"), ("pop3s", "POP3"), ("submissions", "SMTP"))
    assert [(each["Type"], each["Port"]) for each in found] == [
        (kind, str(offered[name])) for name, kind in kinds if name in offered
    ]
    for each in found:
        assert (each["Server"], each["LoginName"], each["SSL"]) == (server, login, "on")


def test_what_the_small_server_speaks_is_told_without_pop3():
    small = {name: MAIL_PORTS[name] for name in SMALL_MAIL_PORTS}
    for text in (driver_programs.autoconfig(small), driver_programs.autodiscover(small)):
        assert b"993" in text
        assert b"pop3" not in text.lower()


@given(numbers, numbers, st.one_of(hostile, names), st.one_of(hostile, names))
def test_a_line_of_the_map_is_refused_or_read_back_as_it_was_meant(owner, number, name, server):
    try:
        line = driver_maps.mail_line(owner, MailDomain(number, name, (), server))
    except AgentError:
        return
    assert statements(line) == [[f"s{owner}-{number}", f"{name} {server}", ";"]]


def test_names_of_services_are_a_site_of_their_own_and_aliases_have_them_too():
    web = driver_desired.parse({"sites": [site(7, "anna.example")], "mail": [ANNA]})
    found = driver_maps.lines(42, web, PLATFORM).maps
    assert statements(found["hosts.map"]) == [
        ["anna.example", "s42-7", ";"],
        ["autoconfig.anna.example", "s42-7-mail", ";"],
        ["autodiscover.anna.example", "s42-7-mail", ";"],
        ["autoconfig.too.example", "s42-7-mail", ";"],
        ["autodiscover.too.example", "s42-7-mail", ";"],
    ]
    assert statements(found["mail.map"]) == [["s42-7", "anna.example 203.0.113.5", ";"]]
    assert web.all_names[1:] == [name for name, _key, _end in statements(found["hosts.map"])[1:]]


def test_a_name_too_long_for_more_before_it_has_none():
    long = ".".join(["a" * 60] * 4)
    [domain] = driver_desired.parse({"sites": [], "mail": [ANNA | {"name": long}]}).mail
    assert domain.hosts == ("autoconfig.too.example", "autodiscover.too.example")


@pytest.mark.parametrize(
    "more",
    [
        {"name": "anna.example;"},
        {"name": "localhost"},
        {"server": "203.0.113.5 x"},
        {"server": "203.0.113.05"},
        {"server": "2001:db8::1"},
        {"server": ""},
        {"aliases": ["$site.example"]},
        {"aliases": ["anna.example"]},
        {"id": 0},
        {"password": "x"},
    ],
)
def test_what_is_not_sound_is_refused(more):
    with pytest.raises(AgentError):
        driver_desired.parse({"sites": [], "mail": [ANNA | more]})


def test_a_domain_is_told_of_once():
    with pytest.raises(AgentError):
        driver_desired.parse({"sites": [], "mail": [ANNA, ANNA | {"name": "b.example"}]})


@pytest.mark.parametrize("http2", ["", "on"])
def test_a_node_without_mail_tells_nothing(http2):
    assert "mail" not in driver_nginx.configuration(PLAIN, http2)
    text = driver_nginx.configuration(PLATFORM, http2)
    assert statements(text)
    assert ("return 302" in text.partition("@autodiscover {")[2]) == bool(http2)


def test_a_site_with_directives_of_its_own_answers_only_where_its_domain_has_mail():
    own = site(7, "anna.example", directives="expires 1h;")
    for mail, is_there in (([], False), ([ANNA], True)):
        web = driver_desired.parse({"sites": [own], "mail": mail})
        [pair] = driver_maps.lines(42, web, PLATFORM).own
        text = driver_nginx.own_server(PLATFORM, "", *pair)
        assert ("@autodiscover" in text) is is_there
        assert "/mail/config-v1.1.xml {" not in text


def test_the_files_are_written_once_and_again_when_something_else_is_offered(tmp_path):
    def kept(**offered):
        platform = embedded(tmp_path, 8480, "/usr/sbin/nginx", mail_ports=offered)
        host = Host(tmp_path, Runner(), platform)
        driver_programs.keep(host)
        found = driver_programs.directory(platform) / driver_programs.AUTOCONFIG
        return host.calls, found.read_bytes()

    (tmp_path / "web").mkdir()
    first, text = kept(imaps=993)
    assert (first > 0, kept(imaps=993)) == (True, (0, text))
    again, other = kept(imaps=9930)
    assert (again > 0, other) == (True, driver_programs.autoconfig({"imaps": 9930}))
