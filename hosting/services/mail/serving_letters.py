"""What becomes of a letter: into mailboxes here, to forwards, answered by an autoresponder.

Nothing is sent to other servers from where this runs: such letters are put into a Maildir of their
own, `outgoing`, to be looked at.
"""

import json
import mailbox
import time
from collections.abc import Collection, Iterable
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from hosting.agent.metering import Meter
from hosting.services.mail.driver_desired import DISABLED
from hosting.services.mail.driver_senders import addresses
from hosting.services.mail.serving_boxes import Boxes
from hosting.services.mail.serving_tables import Box, Tables

# Each sender hears an automatic reply once in so many seconds.
_AGAIN = 86_400.0
# Whom nobody answers (RFC 3834, 2).
_MACHINES = ("mailer-daemon", "postmaster", "owner-", "noreply", "no-reply")
_MOST_REMEMBERED = 10_000


def headers(letter: bytes, *names: str) -> list[str]:
    """Return all that some of a letter's headers say."""
    head = message_from_bytes(letter.partition(b"\r\n\r\n")[0], policy=policy.compat32)
    return [str(value) for name in names for value in head.get_all(name, [])]


def header(letter: bytes, name: str) -> str:
    """Return the first of a letter's headers by that name; "" if there is none."""
    return next(iter(headers(letter, name)), "")


class Letters:
    """Delivers by `tables` into `boxes`; what goes elsewhere is put below `directory`.

    What that took is written into `traffic`.
    """

    def __init__(self, tables: Tables, boxes: Boxes, directory: Path, traffic: Path):
        self._tables = tables
        self._boxes = boxes
        self._traffic = traffic
        self._outgoing = directory / "outgoing"
        self._replies = directory / "replies"
        self._replied: dict[tuple[int, str], float] = {}

    def refusal(self, recipients: Iterable[str], size: int) -> str:
        """Return why a letter of so many bytes is not taken for these; "" if it is.

        Asked before anything is delivered, so that it is all of them or nobody.
        """
        for address in recipients:
            try:
                target = self._tables.target(address)
            except LookupError:
                return "550 5.4.6 This address leads in a circle"
            if target.disabled:
                return f"550 5.2.1 {DISABLED}"
            if target.unknown:
                return "550 5.1.1 No mailbox by that name"
            for box in target.boxes.values():
                if box.refusal:
                    return box.refusal
                if not self._boxes.has_room(box, size):
                    return "552 5.2.2 The mailbox is full"
        return ""

    def deliver(
        self, sender: str, recipients: Collection[str], letter: bytes, login: str = ""
    ) -> None:
        """Put a letter, judged before, where each of its recipients leads; once for each.

        `login` is who submitted it, if anybody did.
        """
        boxes: dict[str, Box] = {}
        elsewhere: set[str] = set()
        for address in recipients:
            target = self._tables.target(address)
            boxes |= target.boxes
            elsewhere |= target.elsewhere
        is_spam = "yes" in header(letter, "X-Spam-Flag").lower()
        for address, box in boxes.items():
            head = f"Return-Path: <{sender}>\r\nDelivered-To: {address}\r\n"
            self._boxes.keep(box, head.encode() + letter, is_spam)
            self._count(box, received=len(letter))
            self._answer(sender, box, letter)
        for address in sorted(elsewhere):
            self._put_out(sender, address, letter)
        if login and (box := self._tables.box(login)) is not None:
            self._count(box, received=len(letter), sent=len(letter) * len(elsewhere))

    def _count(self, box: Box, received: int, sent: int = 0) -> None:
        meter = Meter(self._traffic, box.subscription)
        meter.received, meter.sent = received, sent
        meter.end()

    def _put_out(self, sender: str, address: str, letter: bytes) -> None:
        head = f"X-Envelope-From: <{sender}>\r\nX-Envelope-To: <{address}>\r\n"
        mailbox.Maildir(self._outgoing, create=True).add(head.encode() + letter)

    def _answer(self, sender: str, box: Box, letter: bytes) -> None:
        """Send the automatic reply of a mailbox, if it has one and this letter gets one."""
        about = self._reply_of(box)
        if about is None or not self._is_answered(sender, box, letter):
            return
        reply = EmailMessage(policy=policy.SMTP)
        reply["From"] = box.address
        reply["To"] = sender
        reply["Subject"] = about["subject"]
        reply["Date"] = formatdate(localtime=False)
        reply["Message-ID"] = make_msgid(domain=box.address.rpartition("@")[2])
        reply["Auto-Submitted"] = "auto-replied"
        reply.set_content(about["text"])
        said = reply.as_bytes()
        # From no sender, so that nobody answers an answer.
        if not self.refusal([sender], len(said)):
            self.deliver("", [sender], said)

    def _reply_of(self, box: Box) -> dict[str, str] | None:
        try:
            text = (self._replies / f"{box.number}.json").read_text()
        except OSError:
            return None
        about: dict[str, str] = json.loads(text)
        return about

    def _is_answered(self, sender: str, box: Box, letter: bytes) -> bool:
        """Say whether a letter gets a reply, by RFC 5230, 4.6, and remember it."""
        if not sender or sender.lower().startswith(_MACHINES):
            return False
        if header(letter, "Auto-Submitted").lower() not in ("", "no"):
            return False
        if header(letter, "List-Id") or header(letter, "Precedence").lower() in ("bulk", "list"):
            return False
        to = addresses(headers(letter, "To", "Cc", "Bcc"))
        if not any(box.address in self._tables.owners(address) for address in to):
            return False
        key, now = (box.number, sender.lower()), time.monotonic()
        if now - self._replied.get(key, -_AGAIN) < _AGAIN:
            return False
        if len(self._replied) >= _MOST_REMEMBERED:
            self._replied.clear()
        self._replied[key] = now
        return True
