"""Mail to send, as rows: operations put it in their transaction, the worker sends it."""

from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import models

from panel.core.work import State, Work, register_queue


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

    def carry_out(self) -> None:
        """Send it and forget it; where that fails, try again later."""
        try:
            EmailMessage(self.subject, self.body, settings.DEFAULT_FROM_EMAIL, [self.to]).send()
        except OSError:
            self.postpone(timedelta(minutes=min(2**self.attempts, 60)))
        else:
            self.delete()
