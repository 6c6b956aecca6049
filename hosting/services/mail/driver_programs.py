"""What mail programs are told over the web: autoconfig and autodiscover, as XML.

One file of each serves all domains of a node. What differs from domain to domain is put in by the
web server: a comment that names its variable stands there (nginx's server-side includes), so the
file is XML before and after.
"""

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from hosting.agent.host import Host
from hosting.agent.platform import Platform

AUTOCONFIG, AUTODISCOVER = "autoconfig.xml", "autodiscover.xml"
# The web server's variables: the domain that logins end with, where its mail is, and the login.
DOMAIN, SERVER, LOGIN = "mail_domain", "mail_server", "mail_login"

_OURS = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
_OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

Ports = Mapping[str, int]
# (name of the port, what Thunderbird calls protocol and encryption). Of each kind the best first.
_INCOMING = (("imaps", "imap", "SSL"), ("pop3s", "pop3", "SSL"))
_OUTGOING = (("submissions", "smtp", "SSL"), ("submission", "smtp", "STARTTLS"))
# (name of the port, what Outlook calls it). All with TLS from the first byte.
_PROTOCOLS = (("imaps", "IMAP"), ("pop3s", "POP3"), ("submissions", "SMTP"))


def directory(platform: Platform) -> Path:
    """Return where the web server finds the files."""
    return platform.web / "programs"


def keep(host: Host) -> None:
    """Write what this node offers, unless it is there."""
    place, ports = directory(host.platform), host.platform.mail_ports
    if not place.is_dir():
        host.make(place)
    for name, data in ((AUTOCONFIG, autoconfig(ports)), (AUTODISCOVER, autodiscover(ports))):
        path = place / name
        if not path.exists() or path.read_bytes() != data:
            host.replace(path, data)


def autoconfig(ports: Ports) -> bytes:
    """Return Thunderbird's settings. The program itself fills in what is between percent signs.

    The login is that of the domain for its aliases too: nobody logs in by an alias.
    """
    root = ET.Element("clientConfig", version="1.1")
    # An attribute cannot hold a comment; it is for the program's own books.
    provider = ET.SubElement(root, "emailProvider", id="%EMAILDOMAIN%")
    for name in ("domain", "displayName", "displayShortName"):
        _put(provider, name, DOMAIN)
    for kind, servers in (("incomingServer", _INCOMING), ("outgoingServer", _OUTGOING)):
        for port, protocol, encryption in servers:
            if port in ports:
                server = ET.SubElement(provider, kind, type=protocol)
                _put(server, "hostname", SERVER)
                _say(server, "port", str(int(ports[port])))
                _say(server, "socketType", encryption)
                _put(server, "username", DOMAIN, "%EMAILLOCALPART%@")
                _say(server, "authentication", "password-cleartext")
    return _written(root)


def autodiscover(ports: Ports) -> bytes:
    """Return Outlook's settings ([MS-OXDSCLI], 2.2.4). It fills in nothing by itself."""
    root = ET.Element("Autodiscover", xmlns=_OURS)
    response = ET.SubElement(root, "Response", xmlns=_OUTLOOK)
    _put(ET.SubElement(response, "User"), "DisplayName", LOGIN)
    account = ET.SubElement(response, "Account")
    _say(account, "AccountType", "email")
    _say(account, "Action", "settings")
    for port, kind in _PROTOCOLS:
        if port in ports:
            protocol = ET.SubElement(account, "Protocol")
            _say(protocol, "Type", kind)
            _put(protocol, "Server", SERVER)
            _say(protocol, "Port", str(int(ports[port])))
            _put(protocol, "LoginName", LOGIN)
            switches = {"DomainRequired": "off", "SPA": "off", "SSL": "on", "AuthRequired": "on"}
            for name, value in switches.items():
                _say(protocol, name, value)
            if kind == "SMTP":
                _say(protocol, "UsePOPAuth", "on")
    return _written(root)


def _say(above: ET.Element, name: str, text: str) -> ET.Element:
    element = ET.SubElement(above, name)
    element.text = text
    return element


def _put(above: ET.Element, name: str, variable: str, before: str = "") -> None:
    _say(above, name, before).append(ET.Comment(f'# echo var="{variable}" '))


def _written(root: ET.Element) -> bytes:
    return ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"
