"""Mail to send, as rows: operations put it in their transaction, the worker sends it."""

from collections.abc import Iterable
from datetime import timedelta
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.validators import validate_email
from django.db import models
from django.utils.translation import gettext_lazy as _

from panel.core import rows, setting
from panel.core.work import State, Work, register_queue


def _check_sender(text: str) -> None:
    validate_email(parseaddr(text)[1])


setting.section("mail", _("Email"), order=30)
SENDER = setting.declare(
    setting.Words(
        "mail_sender",
        "mail",
        _("Sender of the panel's emails"),
        settings.DEFAULT_FROM_EMAIL,
        _("An address, as in panel@example.com or Freehold <panel@example.com>."),
        check=_check_sender,
    )
)


@register_queue
class Message(Work):
    """One plain-text message. It is removed once it is sent: it may hold a link that logs in."""

    to = models.CharField(max_length=254)
    subject = models.CharField(max_length=255)
    body = models.TextField()

    class Meta:
        indexes = [
            models.Index(
                "run_after",
                name="core_message_due",
                condition=models.Q(state__in=["queued", "running"]),
            )
        ]

    def __str__(self) -> str:
        return self.subject

    @classmethod
    def put(cls, to: str, subject: str, body: str) -> "Message":
        """Queue a message in the caller's transaction."""
        # A line break in a subject would begin a header of its own.
        return cls.objects.create(
            to=to, subject=" ".join(subject.split()), body=body, state=State.QUEUED
        )

    @classmethod
    def put_many(cls, messages: Iterable[tuple[str, str, str]]) -> None:
        """Queue many as (to, subject, body), with one statement."""
        found = [(to, " ".join(subject.split()), body) for to, subject, body in messages]
        if found:
            queued = ((to, subject[:255], body, str(State.QUEUED)) for to, subject, body in found)
            rows.insert(cls, "to subject body state", queued)

    def carry_out(self) -> None:
        """Send it and forget it; where that fails, try again later."""
        try:
            EmailMessage(self.subject, self.body, SENDER.get(), [self.to]).send()
        except OSError:
            self.postpone(timedelta(minutes=min(2**self.attempts, 60)))
        else:
            self.delete()
