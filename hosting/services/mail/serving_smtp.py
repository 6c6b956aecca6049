"""SMTP by aiosmtpd: what comes in, and what those who log in submit (RFC 5321, RFC 6409)."""

import asyncio
import ssl
from email.utils import formatdate
from functools import partial
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from hosting.services.mail.driver_outgoing import Outgoing
from hosting.services.mail.driver_senders import HEADERS, may_say
from hosting.services.mail.serving_letters import Letters, headers
from hosting.services.mail.serving_tables import SUSPENDED, Tables

_LARGEST = 50 * 1024 * 1024
_MOST_RECIPIENTS = 100
_IDLE = 300.0
_IDENT = "Freehold"
_NOT_YOURS = "553 5.7.1 You may not send as that address"
_TOO_MANY = "450 4.7.1 That is more than may be sent within an hour; try again later"
# After a wrong password, in seconds.
_PAUSE = 0.5


class Incoming:
    """Letters that other servers bring: for addresses here, and nobody else's."""

    def __init__(self, letters: Letters, tables: Tables):
        self._letters = letters
        self._tables = tables

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Judge each recipient by itself."""
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if refused := self.refusal(session, address):
            return refused
        if refused := self._letters.refusal([address], 0):
            return refused
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def refusal(self, _session: Session, address: str) -> str:
        """Return why this client may not send to an address."""
        if not self._tables.is_here(address.rpartition("@")[2]):
            return "554 5.7.1 Relay access denied"
        return ""

    async def handle_DATA(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take the letter for all of its recipients, or for none."""
        letter = bytes(envelope.content or b"")
        sender = envelope.mail_from or ""
        refused = self.judge(session, letter)
        refused = refused or self._letters.refusal(envelope.rcpt_tos, len(letter))
        if refused := refused or self.count(session, len(envelope.rcpt_tos)):
            return refused
        peer = session.peer[0] if session.peer else "unknown"
        trace = f"Received: from [{peer}] by {_IDENT}; {formatdate()}\r\n"
        login = self.login(session)
        self._letters.deliver(sender, envelope.rcpt_tos, trace.encode() + letter, login)
        return "250 2.0.0 OK"

    def login(self, _session: Session) -> str:
        """Return who submits; nobody does."""
        return ""

    def judge(self, _session: Session, _letter: bytes) -> str:
        """Return why a letter is not taken for what stands in it."""
        return ""

    def count(self, _session: Session, _recipients: int) -> str:
        """Return why so many are too many; else they are counted."""
        return ""


class Submitted(Incoming):
    """Letters of people who logged in: as themselves, to anybody, and not to too many."""

    def __init__(self, letters: Letters, tables: Tables):
        super().__init__(letters, tables)
        self._outgoing = Outgoing()

    def login(self, session: Session) -> str:
        """Return who submits."""
        return str(session.auth_data)

    def count(self, session: Session, recipients: int) -> str:
        """Count what a mailbox and its subscription send within an hour."""
        limits = self._tables.limits(str(session.auth_data))
        return "" if self._outgoing.take(recipients, limits) else _TOO_MANY

    async def handle_MAIL(  # noqa: N802  aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take an address as sender from its owner alone."""
        if session.auth_data not in self._tables.owners(address):
            return _NOT_YOURS
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    def refusal(self, session: Session, _address: str) -> str:
        """Refuse whoever was suspended since the login."""
        box = self._tables.box(str(session.auth_data))
        return "" if box is not None and box.may_send else f"535 5.7.8 {SUSPENDED}"

    def judge(self, session: Session, letter: bytes) -> str:
        """Refuse what says that it is somebody else's."""
        said = headers(letter, *HEADERS)
        is_own = may_say(said, str(session.auth_data), self._tables.owners)
        return "" if said and is_own else _NOT_YOURS


class Server(SMTP):
    """Says less of itself, and waits after a wrong password."""

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Log in, slowly where it fails."""
        await super().smtp_AUTH(arg)
        if self.session is not None and not self.session.authenticated:
            await asyncio.sleep(_PAUSE)


def _authenticate(
    tables: Tables, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
) -> AuthResult:
    """Let in by address and password."""
    refused = AuthResult(success=False, handled=False)
    if not isinstance(data, LoginPassword):
        return refused
    try:
        address, password = data.login.decode(), data.password.decode()
    except UnicodeDecodeError:
        return refused
    box = tables.by_password(address, password)
    if box is None:
        return refused
    if not box.may_send:
        return AuthResult(success=False, handled=False, message=f"535 5.7.8 {SUSPENDED}")
    return AuthResult(success=True, auth_data=box.address)


async def listen(
    tables: Tables, letters: Letters, context: ssl.SSLContext, address: str, ports: dict[str, int]
) -> list[asyncio.Server]:
    """Open the ports of SMTP; what comes in from other servers last."""
    loop = asyncio.get_running_loop()
    incoming, submitted = Incoming(letters, tables), Submitted(letters, tables)
    common = {
        "loop": loop,
        "ident": _IDENT,
        "hostname": "localhost",
        "data_size_limit": _LARGEST,
        "timeout": _IDLE,
    }
    login = {"authenticator": partial(_authenticate, tables), "auth_required": True}
    started = partial(
        Server, submitted, tls_context=context, require_starttls=True, **common, **login
    )
    wrapped = partial(Server, submitted, auth_require_tls=False, **common, **login)
    plain = partial(Server, incoming, tls_context=context, **common)
    return [
        await loop.create_server(started, address, ports["submission"]),
        await loop.create_server(wrapped, address, ports["submissions"], ssl=context),
        await loop.create_server(plain, address, ports["smtp"]),
    ]
