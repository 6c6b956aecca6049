"""IMAP (RFC 3501) by pymap, over TLS, on the Maildirs that letters are put into."""

import asyncio
import ssl
from argparse import Namespace
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from proxyprotocol.sock import SocketInfoLocal
from pymap.backend.maildir import Config, FilterSet
from pymap.backend.maildir import Session as MaildirSession
from pymap.backend.maildir.layout import MaildirLayout
from pymap.config import BackendCapability
from pymap.exceptions import AuthorizationFailure, InvalidAuth, NotAllowedError
from pymap.imap import IMAPServer
from pymap.interfaces.login import IdentityInterface, LoginInterface
from pymap.interfaces.token import TokensInterface
from pymap.token import AllTokens
from pymap.user import UserMetadata
from pysasl import SASLAuth
from pysasl.creds.plain import PlainCredentials
from pysasl.creds.server import ServerCredentials

from hosting.agent.metering import Meter
from hosting.services.mail.serving_boxes import Boxes
from hosting.services.mail.serving_folders import Folders, LetterBox
from hosting.services.mail.serving_tables import SUSPENDED, Box, Tables

# How often sessions are looked through, in seconds.
INTERVAL = 0.25
_MOST_SESSIONS = 200
_LARGEST = 50 * 1024 * 1024
_LAYOUT = "++"
_session: ContextVar["Entered"] = ContextVar("session")


class Entered:
    """One connection: whose it is, once somebody has logged in."""

    def __init__(self) -> None:
        self.box: Box | None = None


class _Config(Config):
    """TLS is there before the first word, so passwords are taken in the clear."""

    @property
    def tls_auth(self) -> SASLAuth:
        return SASLAuth.named([b"PLAIN", b"LOGIN"])

    @property
    def backend_capability(self) -> BackendCapability:
        # No OBJECTID: copies are letters of their own here.
        return BackendCapability(idle=True, object_id=False, multi_append=True)

    @property
    def greeting(self) -> bytes:
        return b"Freehold"


class Identity(IdentityInterface):
    """A mailbox that somebody has logged in to."""

    def __init__(self, config: Config, box: Box, boxes: Boxes):
        self._config = config
        self._box = box
        self._boxes = boxes

    @property
    def name(self) -> str:
        return self._box.address

    @property
    def roles(self) -> frozenset[str]:
        return frozenset()

    @asynccontextmanager
    async def new_session(self) -> AsyncIterator[MaildirSession]:
        """Open the Maildir."""
        try:
            path = str(self._boxes.place(self._box))
        except OSError:
            raise NotAllowedError("The mailbox cannot be opened.") from None
        layout = MaildirLayout.get(path, _LAYOUT, LetterBox)
        mailboxes = Folders(LetterBox(path, create=False), layout)
        _session.get().box = self._box
        yield MaildirSession(self.name, self._config, mailboxes, FilterSet(layout.path))

    async def new_token(self, *, expiration: datetime | None = None) -> None:
        """There are none."""

    async def get(self) -> UserMetadata:
        return UserMetadata(self._config, self.name)

    async def set(self, metadata: UserMetadata) -> NoReturn:
        raise NotAllowedError("The panel changes it.")

    async def delete(self) -> NoReturn:
        raise NotAllowedError("The panel removes it.")


class Login(LoginInterface):
    """Lets in by address and password, as the tables have it at that moment."""

    def __init__(self, config: Config, tables: Tables, boxes: Boxes):
        self._config = config
        self._tables = tables
        self._boxes = boxes
        self._tokens = AllTokens(config)

    @property
    def tokens(self) -> TokensInterface:
        return self._tokens

    async def authenticate(self, credentials: ServerCredentials) -> Identity:
        """Return whose mailbox it is. InvalidAuth: nobody's, or suspended."""
        if not isinstance(credentials, PlainCredentials):
            raise InvalidAuth
        # pymap gives a password to nobody but a comparison.
        box = self._tables.by_password(credentials.authcid, credentials._secret)
        if box is None:
            await asyncio.sleep(self._config.invalid_user_sleep)
            raise InvalidAuth
        if not box.may_read:
            raise InvalidAuth(f"{SUSPENDED}.")
        return Identity(self._config, box, self._boxes)

    async def authorize(self, authenticated: IdentityInterface, authzid: str) -> Any:
        """Let nobody act for another."""
        if authzid.lower() not in ("", authenticated.name):
            raise AuthorizationFailure
        return authenticated


class CountedReader:
    """A reader that counts what it reads."""

    def __init__(self, reader: asyncio.StreamReader, meter: Meter):
        self._reader = reader
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def _counted(self, data: bytes) -> bytes:
        self._meter.received += len(data)
        return data

    async def read(self, n: int = -1) -> bytes:
        return self._counted(await self._reader.read(n))

    async def readline(self) -> bytes:
        return self._counted(await self._reader.readline())

    async def readexactly(self, n: int) -> bytes:
        return self._counted(await self._reader.readexactly(n))

    async def readuntil(self, separator: bytes = b"\n") -> bytes:
        return self._counted(await self._reader.readuntil(separator))


class CountedWriter:
    """A writer that counts what it writes."""

    def __init__(self, writer: asyncio.StreamWriter, meter: Meter):
        self._writer = writer
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    def write(self, data: bytes) -> None:
        self._meter.sent += len(data)
        self._writer.write(data)

    def writelines(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))


class ImapServer:
    """Runs sessions, and ends those that rest on what is not so any more."""

    def __init__(self, tables: Tables, boxes: Boxes, context: ssl.SSLContext, traffic: Path):
        self._tables = tables
        self._traffic = traffic
        self._context = context
        told = Namespace(passlib_cfg=None, proxy_protocol=None, debug=False)
        self._config = _Config(
            told,
            base_dir="/",
            layout=_LAYOUT,
            colon=None,
            host=None,
            port=0,
            ssl_context=context,
            tls_enabled=False,
            reject_dnsbl=False,
            max_append_len=_LARGEST,
        )
        self._imap = IMAPServer(Login(self._config, tables, boxes), self._config)
        self._sessions: dict[asyncio.Task[None], Entered] = {}

    async def listen(self, address: str, port: int) -> asyncio.Server:
        """Open the port."""
        self._config.apply_context()
        return await asyncio.start_server(
            self._connected, address, port, ssl=self._context, limit=2**20
        )

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._sessions) >= _MOST_SESSIONS:
            writer.close()
            return
        entered = Entered()
        _session.set(entered)
        task = asyncio.current_task()
        assert task is not None
        self._sessions[task] = entered
        meter = Meter(self._traffic)
        counted: Any = (CountedReader(reader, meter), CountedWriter(writer, meter))
        try:
            await self._imap(*counted, SocketInfoLocal(writer))
        finally:
            self._sessions.pop(task, None)
            if entered.box is not None:
                meter.subscription = entered.box.subscription
                meter.end()

    async def watch(self) -> None:
        """Look through the sessions several times a second, for as long as this runs."""
        while True:
            await asyncio.sleep(INTERVAL)
            known: dict[str, Box | None] = {}
            for task, entered in list(self._sessions.items()):
                box = entered.box
                if box is None:
                    continue
                if box.address not in known:
                    known[box.address] = self._tables.box(box.address)
                if not _is_same(box, known[box.address]):
                    task.cancel()


def _is_same(box: Box, now: Box | None) -> bool:
    """Say whether whoever was let in would be still."""
    return (
        now is not None
        and now.may_read
        and (now.number, now.password) == (box.number, box.password)
    )
