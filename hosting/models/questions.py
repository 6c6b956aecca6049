"""What a page wants to know from a node: asked here, answered by the worker, read-only."""

from django.db import models
from django.utils import timezone

from hosting.models.subscriptions import Subscription
from panel.core.access import Owned


class Question(Owned):
    """A question to a node's agent about one subscription: "plan" (what would change), "measure",
    or "ask", which a service answers: `what` it is asked, `about` which of its things (0: none).

    The web process never talks to an agent; the worker answers within a second or so.
    """

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="+")
    verb = models.CharField(max_length=10)
    service = models.CharField(max_length=40, default="")
    what = models.CharField(max_length=40, default="")
    about = models.BigIntegerField(default=0)
    parameters = models.JSONField(default=dict)
    asked_at = models.DateTimeField(default=timezone.now)
    answered_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)

    class Meta:
        indexes = [
            models.Index(
                "id", name="hosting_question_open", condition=models.Q(answered_at__isnull=True)
            ),
            models.Index("account", name="que_account"),
            models.Index("reseller", name="que_reseller"),
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subscription_id}"
