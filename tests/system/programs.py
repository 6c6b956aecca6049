"""What mail programs ask a node's web server for, and what they make of the answers."""

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from hosting.services.web.driver_pages import MARKER
from tests.agent.fakes import site

WELL_KNOWN = "/.well-known/autoconfig/mail/config-v1.1.xml"
OF_SERVICE = "/mail/config-v1.1.xml?emailaddress=anna%40anna.example"
AUTODISCOVER = "/autodiscover/autodiscover.xml"
SCHEMA = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_SPACE = f"{{{SCHEMA}}}"


def asked(address: str, schema: str = SCHEMA) -> str:
    """What Outlook sends."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\r\n'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/'
        f'requestschema/2006">\r\n<Request><EMailAddress>{address}</EMailAddress>'
        f"<AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    )


@dataclass(frozen=True)
class Told:
    """One server that a program is told of."""

    kind: str
    host: str
    port: int
    encryption: str
    login: str


def thunderbird(reply) -> list[Told]:
    """What it takes from an answer for %EMAILLOCALPART% "anna"."""
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    provider = ET.fromstring(reply.body).find("emailProvider")
    assert provider.findtext("domain")
    return [
        Told(
            each.get("type"),
            each.findtext("hostname"),
            int(each.findtext("port")),
            each.findtext("socketType"),
            each.findtext("username").replace("%EMAILLOCALPART%", "anna"),
        )
        for each in provider
        if each.tag in ("incomingServer", "outgoingServer")
    ]


def outlook(reply) -> list[Told]:
    """What it takes from an answer."""
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    account = ET.fromstring(reply.body).find(f"{_SPACE}Response/{_SPACE}Account")
    assert account.findtext(f"{_SPACE}Action") == "settings"
    return [
        Told(
            each.findtext(f"{_SPACE}Type"),
            each.findtext(f"{_SPACE}Server"),
            int(each.findtext(f"{_SPACE}Port")),
            {"on": "SSL"}[each.findtext(f"{_SPACE}SSL")],
            each.findtext(f"{_SPACE}LoginName"),
        )
        for each in account.iter(f"{_SPACE}Protocol")
    ]


ANNAS = {"id": 7, "name": "anna.example", "server": "203.0.113.5", "aliases": ["anna-too.example"]}
NORAS = {"id": 8, "name": "nora.example", "server": "nora.example", "aliases": []}


def walk(node, tell, ports) -> None:
    """Ask as programs do, while Anna's settings come, are shut and go; Nora's stay.

    `tell(whose, web, state)` applies what the web server should have of "anna" or of "nora".
    """
    anna = site(7, "anna.example", "www.anna.example", redirects=["anna-too.example"])
    nora = site(8, "nora.example", directives="location /a { return 200; }")
    tell("nora", {"sites": [nora, site(9, "plain.example")], "mail": [NORAS]}, "open")
    tell("anna", {"sites": [anna]}, "open")
    for host, path in (("anna.example", WELL_KNOWN), ("autoconfig.anna.example", OF_SERVICE)):
        assert node.status(host, path) == 404
    assert _posted(node, "anna.example").status == 404

    tell("anna", {"sites": [anna], "mail": [ANNAS]}, "open")
    _is_told(node, ports)
    for name in ("plain.example", "autoconfig.plain.example", "nobody.example"):
        assert {node.status(name, path) for path in (WELL_KNOWN, OF_SERVICE)} == {404}
        assert _posted(node, name).status == 404
    # The names of services have no website, and a website no names of services' paths.
    assert node.status("autoconfig.anna.example") == 404
    assert node.status("anna.example", OF_SERVICE) == 404
    moved = node.get("anna-too.example", WELL_KNOWN)
    assert (moved.status, moved.location.endswith(f"anna.example:{node.port}{WELL_KNOWN}")) == (
        301,
        True,
    )

    shut = [("anna.example", WELL_KNOWN), ("autoconfig.anna.example", OF_SERVICE)]
    tell("anna", {"sites": [anna], "mail": [ANNAS]}, "shut")
    for host, path in shut:
        page = node.get(host, path)
        assert (page.status, MARKER in page.body) == (503, True)
    for host in ("anna.example", "autodiscover.anna.example"):
        page = _posted(node, host)
        assert (page.status, MARKER in page.body) == (503, True)
    assert thunderbird(node.get("nora.example", WELL_KNOWN))
    # A website alone takes its own names along; mail goes on, and so does what tells of it.
    tell("anna", {"sites": [anna | {"state": "suspended"}], "mail": [ANNAS]}, "open")
    assert node.status("anna.example", WELL_KNOWN) == 503
    assert thunderbird(node.get("autoconfig.anna.example", OF_SERVICE))
    tell("anna", {"sites": [], "mail": [ANNAS]}, "open")
    assert thunderbird(node.get("autoconfig.anna.example", OF_SERVICE))
    tell("anna", {"sites": [anna]}, "open")
    assert [node.status(host, path) for host, path in shut] == [404, 404]
    assert thunderbird(node.get("nora.example", WELL_KNOWN))


def _is_told(node, ports) -> None:
    """Each program hears of the servers of the domain that it asks for."""
    login, server = "anna@anna.example", "203.0.113.5"
    incoming = [("imap", "imaps", "SSL"), ("pop3", "pop3s", "SSL")]
    outgoing = [("smtp", "submissions", "SSL"), ("smtp", "submission", "STARTTLS")]
    spoken = [each for each in incoming + outgoing if each[1] in ports]
    expected = [Told(kind, server, ports[port], how, login) for kind, port, how in spoken]
    for host, path in (
        ("anna.example", WELL_KNOWN),
        ("www.anna.example", WELL_KNOWN),
        ("autoconfig.anna.example", OF_SERVICE),
        ("autoconfig.anna-too.example", OF_SERVICE),
    ):
        assert thunderbird(node.get(host, path)) == expected
    of_outlook = [
        Told(each.kind.upper(), each.host, each.port, each.encryption, each.login)
        for each in expected
        if each.encryption == "SSL"
    ]
    for host in ("anna.example", "autodiscover.anna.example", "autodiscover.anna-too.example"):
        assert outlook(_posted(node, host)) == of_outlook
    by_alias = asked("Anna@anna-too.example")
    told = outlook(_posted(node, "autodiscover.anna-too.example", by_alias))
    assert {each.login for each in told} == {"Anna@anna.example"}
    upper = node.get("anna.example", "/Autodiscover/Autodiscover.xml", "POST", asked(login))
    assert outlook(upper) == of_outlook
    [first, *_rest] = outlook(_posted(node, "nora.example", asked("nora@nora.example")))
    assert (first.host, first.login) == ("nora.example", "nora@nora.example")
    for sent in (
        "",
        "no request",
        asked("anna&lt;b@anna.example"),
        asked("no address"),
        asked(login, SCHEMA.replace("outlook", "mobilesync")),
    ):
        assert _posted(node, "anna.example", sent).status == 400
    assert _posted(node, "anna.example", asked(login) + " " * 20_000).status == 413
    if secure := getattr(node, "https_port", None):
        led = node.get("autodiscover.anna.example", AUTODISCOVER)
        where = f"https://autodiscover.anna.example:{secure}{AUTODISCOVER}"
        assert (led.status, led.location) == (302, where)
        assert node.get_by_https("autodiscover.anna.example", AUTODISCOVER).status == 400
        assert thunderbird(node.get_by_https("anna.example", WELL_KNOWN)) == expected
    for path in ("/.freehold/mail-settings", "/.freehold/mail-request"):
        assert node.status("anna.example", path) == 404


def _posted(node, host: str, sent: str = asked("anna@anna.example")):
    return node.get(host, AUTODISCOVER, "POST", sent)
