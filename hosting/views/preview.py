"""The tab Preview of a subscription: what would change on the servers, what was changed there."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from hosting.models.deployments import Deployment
from hosting.models.questions import Question
from hosting.models.subscriptions import Subscription
from panel.core.markup import moment
from panel.core.views import go


def sections(request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
    """What the last look found, and what the node says when it is asked now."""
    return [*drift_sections(row), preview(request, row)]


def preview(request: HttpRequest, row: Subscription) -> dict[str, Any]:
    """What would change on the servers, as their agent last said."""
    last = Question.objects.visible_to(request.actor).filter(subscription=row, verb="plan")
    last = last.order_by("-pk").first()
    section: dict[str, Any] = {
        "title": _("What would change on the servers"),
        "text": _("Nobody has asked yet."),
        "ask": {
            "label": _("Ask the node"),
            "url": reverse("subscription_preview", args=[row.pk]),
        },
    }
    if last is None:
        return section
    if last.answered_at is None:
        asked = _("The node has been asked; its answer is on the way.")
        return section | {"text": asked, "waiting": True}
    if changes_of(last):
        return section | {"text": "", "table": changes_table(changes_of(last))}
    nothing = _t("Nothing: what is there is what should be there (%(when)s).")
    return section | {"text": nothing % {"when": moment(last.answered_at)}}


def changes_of(question: Question) -> list[dict[str, Any]]:
    answer = question.answer or {}
    if not answer.get("ok", True):
        words = [answer.get("message", "")]
        return [{"what": _t("The node did not answer"), "before": [], "after": words}]
    plans = answer.get("plans", [])
    return [change for plan in plans for change in plan.get("changes", [])]


def drift_sections(row: Subscription) -> list[dict[str, Any]]:
    """What the last look found on the node that nobody asked for, by service."""
    found = Deployment.objects.filter(subscription_id=row.pk).exclude(drift={})
    return [
        {
            "title": _t("Changed on the server by hand: %(service)s") % {"service": service},
            "table": changes_table(changes),
        }
        for deployment in found
        for service, changes in deployment.drift.items()
    ]


def changes_table(changes: list[dict[str, Any]]) -> SafeString:
    rows = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td></tr>',
        (
            (
                _t("What"),
                change.get("what", ""),
                _t("Now"),
                "\n".join(map(str, change.get("before") or [])) or "–",
                _t("Then"),
                "\n".join(map(str, change.get("after") or [])) or "–",
            )
            for change in changes
        ),
    )
    return format_html(
        '<table class="list"><thead><tr><th scope="col">{}</th><th scope="col">{}</th>'
        '<th scope="col">{}</th></tr></thead><tbody>{}</tbody></table>',
        _t("What"),
        _t("Now"),
        _t("Then"),
        rows,
    )


@require_POST
def ask_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the node what would change; the worker brings the answer."""
    row = get_object_or_404(Subscription.objects.visible_to(request.actor), pk=pk)
    waiting = Question.objects.visible_to(request.actor).filter(subscription=row, answered_at=None)
    if not waiting.exists():
        Question.objects.create(
            account_id=row.account_id, reseller_id=row.reseller_id, subscription=row, verb="plan"
        )
    return go(reverse("subscription_operation", args=[pk, "preview"]))
