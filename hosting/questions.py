"""What pages want to know from a node: asked as rows, which the worker answers through the agent.

Nothing is changed by asking. A page shows the last answer, or that it is on the way, and comes
again by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from panel.core.access import Actor

ASK = "ask"


def ask(
    row: Subscription, service: str, what: str, about: int, parameters: Mapping[str, Any]
) -> Question:
    """Ask the node of a subscription that the actor sees; the same question waits only once.

    `about` is the number of what it is about within the service, 0 for the subscription.
    """
    asked = {"verb": ASK, "service": service, "what": what, "about": about}
    given = dict(parameters)
    waiting = Question.objects.unscoped("the subscription was found for this actor").filter(
        subscription=row, answered_at=None, parameters=given, **asked
    )
    found = waiting.first()
    return found or Question.objects.create(
        account_id=row.account_id,
        reseller_id=row.reseller_id,
        subscription=row,
        parameters=given,
        **asked,
    )


def measure(rows: Iterable[Subscription]) -> None:
    """Have what these use measured now; the worker judges what the node says."""
    given = list(rows)
    waiting = Question.objects.unscoped("these subscriptions are the actor's targets").filter(
        subscription__in=given, verb="measure", answered_at=None
    )
    known = set(waiting.values_list("subscription_id", flat=True))
    Question.objects.bulk_create(
        Question(
            account_id=row.account_id,
            reseller_id=row.reseller_id,
            subscription=row,
            verb="measure",
        )
        for row in given
        if row.pk not in known
    )


def last(actor: Actor, row: Subscription, service: str, what: str, about: int) -> Question | None:
    """The last question of this kind, answered or not."""
    rows = Question.objects.visible_to(actor).filter(
        subscription=row, verb=ASK, service=service, what=what, about=about
    )
    return rows.order_by("-pk").first()
