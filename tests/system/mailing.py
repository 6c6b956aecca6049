"""Mail programs of the tests: they deliver, submit and read, against the node's own daemons."""

import imaplib
import poplib
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hosting.agent.platform import MAIL_PORTS
from tests.system.conftest import free_port, wait_until
from tests.system.doors import Door, Neither, Session

PATIENCE = 60
# A mailbox that does not exist anywhere, on a domain of nobody's.
STRANGER = "stranger@outside.example"


def ports() -> dict[str, int]:
    """Free ports for everything that mail is spoken on."""
    return {name: free_port() for name in MAIL_PORTS}


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@dataclass
class Programs:
    """Somebody's mail programs."""

    ports: dict[str, int]

    def deliver(self, to: str, sender: str = STRANGER, text: str = "hello", **headers: str) -> int:
        """Bring a letter as another mail server does; return the code it was answered with."""
        lines = [f"From: {sender}", f"To: {to}", *(f"{k}: {v}" for k, v in headers.items())]
        letter = "\r\n".join([*lines, "", text, ""])
        with smtplib.SMTP("127.0.0.1", self.ports["smtp"], "outside.example", PATIENCE) as server:
            return _code(lambda: server.sendmail(sender, [to], letter.encode()))

    def submit(
        self,
        login: str,
        password: str,
        to: str,
        sender: str = "",
        shown: str = "",
        text: str = "sent\r\n",
    ) -> int:
        """Send a letter as a person does; return the code of the first refusal, or 250.

        `sender` is the envelope's, `shown` what From: says; both are the login without a word.
        """
        with self.sender() as server:
            code = _code(lambda: server.login(login, password))
            if code != 250:
                return code
            own = sender or login
            letter = f"From: {shown or own}\r\nTo: {to}\r\nSubject: sent\r\n\r\n{text}"
            return _code(lambda: server.sendmail(own, [to], letter))

    def refusal(self, login: str, password: str) -> tuple[int, bytes] | None:
        """What a login that sends letters is refused with; None: it is taken."""
        with self.sender() as server:
            try:
                server.login(login, password)
            except smtplib.SMTPAuthenticationError as error:
                return error.smtp_code, error.smtp_error
        return None

    def sender(self) -> smtplib.SMTP:
        """A connection for letters of one's own, before the login."""
        server = smtplib.SMTP("127.0.0.1", self.ports["submission"], "mine.example", PATIENCE)
        server.starttls(context=_anybody())
        return server

    def imap(self, login: str, password: str) -> imaplib.IMAP4:
        """A session; imaplib.IMAP4.error: refused."""
        session = imaplib.IMAP4("127.0.0.1", self.ports["imap"], PATIENCE)
        try:
            session.starttls(_anybody())
            session.login(login, password)
        except BaseException:
            session.shutdown()
            raise
        return session

    def reads(self, login: str, password: str) -> bool:
        """Whether one gets in by IMAP."""
        try:
            session = self.imap(login, password)
        except imaplib.IMAP4.error as error:
            return _is_refusal(error)
        session.logout()
        return True

    def pop(self, login: str, password: str) -> poplib.POP3_SSL:
        """A session of POP3; poplib.error_proto: refused."""
        server = poplib.POP3_SSL(
            "127.0.0.1", self.ports["pop3s"], timeout=PATIENCE, context=_anybody()
        )
        try:
            server.user(login)
            server.pass_(password)
        except BaseException:
            server.close()
            raise
        return server

    def fetches(self, login: str, password: str) -> bool:
        """Whether one gets in by POP3."""
        try:
            server = self.pop(login, password)
        except poplib.error_proto as error:
            return _is_refusal(error)
        with suppress(OSError, poplib.error_proto):
            server.quit()
        return True

    def letters(self, login: str, password: str, folder: str = "INBOX") -> list[str]:
        """The letters of a folder, whole."""
        session = self.imap(login, password)
        try:
            session.select(folder)
            numbers = session.search(None, "ALL")[1][0].split()
            return [session.fetch(number, "(RFC822)")[1][0][1].decode() for number in numbers]
        finally:
            session.logout()

    def counted(self, login: str, password: str) -> int:
        """What a mailbox's quota counts, in KiB, rounded up (RFC 2087)."""
        session = self.imap(login, password)
        try:
            said = session.getquotaroot("INBOX")[1][1][0].decode()
        finally:
            session.logout()
        return int(said.partition("(STORAGE ")[2].split()[0])

    def await_letter(self, login: str, password: str, words: str, folder: str = "INBOX") -> None:
        """Wait for a letter that has these words."""
        wait_until(
            lambda: any(words in each for each in self.letters(login, password, folder)),
            f"{words!r} arrives for {login}",
        )


def _is_refusal(error: Exception) -> bool:
    """False, for a password that was not taken; anything else fails."""
    if "suspended" in str(error) or "AUTH" in str(error):
        return False
    raise error


def _code(do) -> int:
    try:
        do()
    except smtplib.SMTPRecipientsRefused as error:
        return next(iter(error.recipients.values()))[0]
    except smtplib.SMTPResponseException as error:
        return error.smtp_code
    return 250


@dataclass
class Reading:
    """A session of IMAP, of POP3, or of somebody who may send."""

    client: Any
    own: str

    def lives(self) -> bool:
        try:
            if isinstance(self.client, smtplib.SMTP):
                return self._sends(self.client)
            self.client.noop()
        except (imaplib.IMAP4.error, poplib.error_proto, smtplib.SMTPException, OSError):
            return False
        return True

    def _sends(self, client: smtplib.SMTP) -> bool:
        """Name a recipient that is not there: who may send hears of it, who may not hears that."""
        client.rset()
        client.mail(self.own)
        code, words = client.rcpt(f"nobody-{self.own}")
        if code not in {550, 535}:
            raise Neither(f"submission of {self.own}: {code} {words!r}")
        return code == 550

    def close(self) -> None:
        if isinstance(self.client, imaplib.IMAP4):
            with suppress(OSError):
                self.client.shutdown()
        else:
            self.client.close()


def doors(programs: Programs, address: str, password: str) -> dict[str, Door]:
    """The ways into a mailbox."""

    def reads() -> Session | None:
        try:
            return Reading(programs.imap(address, password), address)
        except imaplib.IMAP4.error as error:
            return _nobody(error)

    def fetches() -> Session | None:
        try:
            return Reading(programs.pop(address, password), address)
        except poplib.error_proto as error:
            return _nobody(error)

    def sends() -> Session | None:
        session = Reading(programs.sender(), address)
        try:
            session.client.login(address, password)
        except smtplib.SMTPAuthenticationError as error:
            # As with a wrong password; that this one is right is seen whenever it is open.
            session.close()
            if error.smtp_code != 535:
                raise
            return None
        if not session.lives():
            raise Neither(f"submission of {address}: let in, and refused to send")
        return session

    found = {"IMAP": reads, "POP3": fetches, "submission": sends}
    return {name: Door(f"{name} of {address}", begin) for name, begin in found.items()}


def _nobody(error: Exception) -> None:
    """What is said to who is suspended; anything else fails."""
    if "suspended" not in str(error):
        raise error
