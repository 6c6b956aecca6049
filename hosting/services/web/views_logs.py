"""The page of a site's logs: asks the node, shows what it answered."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from hosting import questions
from hosting.models.domains import Domain, HostingType
from hosting.models.questions import Question
from panel.core.access import Actor
from panel.core.markup import moment
from panel.core.views import go

LINES = (50, 100, 500)
_HEADS = {
    "access": (
        *(_("Time"), _("Status"), _("Visitor"), _("Request")),
        *(_("Bytes"), _("From"), _("Browser")),
    ),
    "errors": (_("Time"), _("Level"), _("What")),
}


class LogForm(forms.Form):
    """Which lines: of visits or of errors, with which status, with which text."""

    kind = forms.ChoiceField(
        label=_("Log"), choices=[("access", _("Visits")), ("errors", _("Errors"))]
    )
    status = forms.ChoiceField(
        label=_("Status"),
        choices=[("", _("any")), *((str(n), f"{n}xx") for n in range(2, 6))],
        required=False,
    )
    text = forms.CharField(label=_("Containing"), max_length=100, required=False)
    lines = forms.TypedChoiceField(
        label=_("Lines"), choices=[(n, str(n)) for n in LINES], coerce=int, initial=100
    )


def shows_tab(actor: Actor, domain: Domain) -> bool:
    """Where there is something on the web, for those who may look after sites."""
    return domain.hosting_type != HostingType.NONE and domain.removing_at is None


def cards(actor: Actor, domains: Sequence[Domain]) -> dict[int, str]:
    """The link alone: what is in the logs, only the node knows."""
    return {row.pk: "" for row in domains if shows_tab(actor, row)}


def sections(request: HttpRequest, domain: Domain) -> list[dict[str, Any]]:
    """The tab: what to ask for, and the last answer."""
    found = questions.last(request.actor, domain.subscription, "web", "log", domain.pk)
    asked = found.parameters if found else {}
    shown = {"kind": "access", "lines": 100} | {n: v for n, v in asked.items() if n != "site"}
    url = reverse("domain_logs", args=[domain.pk])
    section: dict[str, Any] = {
        "title": _("Logs"),
        "ask": {"label": _("Show"), "url": url, "form": LogForm(initial=shown)},
        "text": _("Nobody has asked yet: choose what to see."),
    }
    if found is None:
        return [section]
    if found.answered_at is None:
        text = _("The node has been asked; its answer is on the way.")
        return [section | {"text": text, "waiting": True}]
    return [section | _answer(found)]


def _answer(found: Question) -> dict[str, Any]:
    """What the node said, in a table or in words."""
    answer, kind = found.answer or {}, found.parameters.get("kind", "access")
    asked_at = moment(found.asked_at)
    if not answer.get("ok"):
        why = answer.get("message", "")
        return {"text": _t("The node did not answer: %(why)s") % {"why": why}}
    note = _t("As of %(when)s, the newest first.") % {"when": asked_at}
    if not answer.get("is_all", True):
        note += " " + _t("Older lines were not looked through.")
    if "traffic" in answer:
        taken = f"{answer['traffic'] / 2**20:,.2f}"
        note += " " + _t("Traffic of the subscription this month: %(size)s MiB.") % {"size": taken}
    if not answer.get("lines"):
        return {"note": note, "text": _t("No such line.")}
    return {"note": note, "table": _table(_HEADS[kind], answer["lines"])}


def _table(heads: tuple[Any, ...], lines: list[list[str]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((word,) for word in heads))
    words = [str(head) for head in heads]
    rows = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            (
                format_html_join(
                    "",
                    '<td data-th="{}" dir="ltr">{}</td>',
                    zip(words, line, strict=False),
                ),
            )
            for line in lines
        ),
    )
    table = '<table class="list log"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
    return format_html(table, head, rows)


@require_POST
def ask_logs(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the node for lines; the worker brings them."""
    rows = Domain.objects.visible_to(request.actor).select_related("subscription")
    domain = get_object_or_404(rows.present(), pk=pk)
    if not shows_tab(request.actor, domain):
        raise Http404
    form = LogForm(request.POST)
    if form.is_valid():
        given = {name: value for name, value in form.cleaned_data.items() if value != ""}
        questions.ask(domain.subscription, "web", "log", domain.pk, given | {"site": domain.pk})
    return go(reverse("domain_operation", args=[pk, "logs"]))
