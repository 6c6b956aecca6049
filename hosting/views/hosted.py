"""Pages of subscriptions, and the sections that other pages share with them."""

from collections.abc import Container
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from accounts.models import Account
from accounts.views import log_in_as_action
from hosting import limits, permissions, provisioning, status, sync, sync_words, tools
from hosting.models.deployments import Deployment
from hosting.models.nodes import Node
from hosting.models.plans import Plan
from hosting.models.subscriptions import Subscription
from hosting.provisioning import Progress
from hosting.services import base
from hosting.views import preview, usage_figures
from hosting.views.accounts import list_panel, narrowed
from hosting.views.domain_list import DomainList
from hosting.views.lists import described
from panel.core.activity_views import entries_table
from panel.core.markup import day, link, moment, size, tag, usage
from panel.core.operations import nouns, operations
from panel.core.views import DetailPage

TONES = {
    Progress.APPLIED: "ok",
    Progress.APPLYING: "info",
    Progress.FAILED: "bad",
    Progress.WAITING: "warn",
}
ON_ITS_WAY = {Progress.APPLYING, Progress.WAITING}


def fact(label: Any, value: Any, action: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"label": label, "value": value, "action": action}


def node_state(subscription_id: int) -> Any:
    """How far the nodes are with a subscription; None before it has a place."""
    found = Deployment.objects.select_related("node").filter(subscription_id=subscription_id)
    deployment = found.first()
    return provisioning.state_of(deployment, deployment.node) if deployment else None


def state_markup(row: Subscription) -> SafeString:
    """The state on the node as a tag that follows along while it is applied."""
    state = node_state(row.pk)
    if state is None:
        return tag(_t("Not on a node yet"), "mute")
    poll = ""
    if state.progress in ON_ITS_WAY:
        poll = format_html(' data-poll="{}"', reverse("subscription_state", args=[row.pk]))
    tone, words = TONES[state.progress], state_words(state)
    found = format_html('<span class="tag-{}"{}>{}</span>', tone, poll, words)
    if state.progress != Progress.APPLIED or state.since is None:
        return found
    return format_html('{} <span class="muted">{}</span>', found, moment(state.since))


def state_words(state: Any) -> str:
    """A state in words, never one that is not so."""
    if state.progress == Progress.WAITING:
        return _t("Waiting: the node is away since %(when)s") % {"when": moment(state.since)}
    return state.label


@require_safe
def subscription_state(request: HttpRequest, pk: int) -> JsonResponse:
    """What the tag on a subscription's page asks for while something is on its way."""
    row = get_object_or_404(Subscription.objects.visible_to(request.actor), pk=pk)
    state = node_state(row.pk)
    if state is None:
        return JsonResponse({"text": "", "done": True})
    return JsonResponse(
        {
            "text": state_words(state),
            "class": f"tag-{TONES[state.progress]}",
            "done": state.progress not in ON_ITS_WAY,
        }
    )


class SubscriptionDetail(DetailPage):
    noun = "subscription"
    services = base.tabs("subscription")
    tabs = (
        ("domains", _("Domains")),
        ("resources", _("Resources")),
        *((tab.name, tab.label) for tab in services.values()),
        ("preview", _("Preview")),
        ("activity", _("Activity")),
    )

    def tabs_for(self, actor: Any, target: Any) -> tuple[tuple[str, Any], ...]:
        return tuple(
            (name, label)
            for name, label in self.tabs
            if name not in self.services or self.services[name].is_shown(actor, target)
        )

    def siblings(self, request: HttpRequest, target: Any) -> Any:
        rows = self.queryset(request.actor)
        return rows.removed() if target.removing_at else rows.present()

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        is_shut = [target] if target.is_suspended else []
        found = status.causes(is_shut, subscriptions=[target.pk] if is_shut else [])
        main = "suspended" if target.is_suspended else "active"
        words = {"suspended": (_("Suspended"), "bad"), "active": (_("Active"), "ok")}[main]
        if target.removing_at is not None:
            words = (_("Removed"), "mute")
        tags = [words, *status.flags(target)]
        sections = self.sections(request, target, tab)
        return {
            "title": target.name,
            "subtitle": self.plan_words(target),
            "description": described(target, request.actor),
            "tags": [{"text": text, "tone": tone, "title": ""} for text, tone in tags],
            "notices": self.notices(request, target, found),
            "facts": self.facts(request, target),
            "sidebar_facts": self.sidebar_facts(request, target),
            "more_actions": self.log_in_as(request, target),
            "panel_sections": sections,
            "waiting": any(section.get("waiting") for section in sections),
            "tab_counts": {"domains": target.domains_count},
        }

    def log_in_as(self, request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
        """The way into the subscriber's panel; not to oneself."""
        if row.removing_at is not None or row.account_id == request.actor.account_id:
            return []
        item = log_in_as_action(request.actor, row.account, _("Log in as subscriber"))
        return [{"label": None, "items": [item]}] if item else []

    def plan_words(self, row: Subscription) -> str:
        if row.plan_id is None:
            return _t("(Custom)")
        plan = Plan.objects.unscoped("a subscriber may know the name of its plan")
        return f"({plan.get(pk=row.plan_id).name})"

    def notices(self, request: HttpRequest, row: Subscription, found: Any) -> list[dict[str, Any]]:
        notices = []
        if row.removing_at is not None:
            text = _("Removed. It is kept until %(day)s and can be restored until then.")
            notices.append({"tone": "warn", "text": text % {"day": day(row.purge_at)}})
        for entry in found.of(row, is_account=False):
            text = status.words_with_note(entry, request.actor)
            if entry.account_id and status.known_cause(entry, request.actor):
                owner = (
                    Account.objects.visible_to(request.actor).filter(pk=entry.account_id).first()
                )
                if owner is not None:
                    text = _t("%(name)s: %(why)s") % {"name": owner, "why": text}
            action = None
            expiry = operations["subscription.set-expiry"]
            if entry.level == "expired" and expiry.may(request.actor):
                url = reverse("subscription_operation", args=[row.pk, "set-expiry"])
                action = {"label": expiry.label, "url": url, "post": False}
            notices.append({"tone": "bad", "text": text, "action": action})
        if row.is_overused:
            over = limits.overused(row.limits, row.usage)
            declared = base.resources()
            names = ", ".join(str(declared[name].label) for name in over if name in declared)
            notices.append(
                {
                    "tone": "warn",
                    "text": _t("More is used than allowed: %(what)s.") % {"what": names},
                }
            )
        if row.is_unsynced and request.actor.is_provider:
            notices.append(self.unsynced(row))
        return notices + self.drifted(request, row) + self.failures(row)

    def unsynced(self, row: Subscription) -> dict[str, Any]:
        """That something of the plan is not in force, with the way to what it is."""
        url = reverse("subscription_operation", args=[row.pk, "resources"])
        action = {"label": _("Show what"), "url": url, "post": False}
        text = _("Unsynchronised: not everything that its plan promises is in force.")
        return {"tone": "warn", "text": text, "action": action}

    def drifted(self, request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
        """That somebody changed something on the server by hand."""
        rows = Deployment.objects.filter(subscription_id=row.pk).exclude(drift={})
        overwrite = operations["subscription.overwrite"]
        if not overwrite.may(request.actor):
            return []
        url = reverse("subscription_operation", args=[row.pk, "overwrite"])
        action = {"label": overwrite.label, "url": url, "post": True}
        text = _t("Changed on the server by hand (%(what)s), seen %(when)s; see Preview.")
        return [
            {
                "tone": "warn",
                "text": text % {"what": ", ".join(found.drift), "when": moment(found.drift_at)},
                "action": action,
            }
            for found in rows
        ]

    def failures(self, row: Subscription) -> list[dict[str, Any]]:
        if not row.is_failed:
            return []
        errors: dict[str, Any] = {}
        for deployment in Deployment.objects.filter(subscription_id=row.pk):
            errors |= deployment.errors
        return [
            {
                "tone": "bad",
                "text": f"{service}: {error.get('message', '')}",
                "action": {
                    "label": _t("Try again"),
                    "url": reverse("subscription_operation", args=[row.pk, "try-again"]),
                    "post": True,
                },
            }
            for service, error in errors.items()
        ]

    def facts(self, request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
        facts = [fact(_("State on the node"), state_markup(row))]
        account = Account.objects.visible_to(request.actor).filter(pk=row.account_id).first()
        if account is not None and request.actor.is_provider:
            shown: Any = account.contact_name
            if account.role in {"customer", "reseller"} and account.pk != request.actor.account_id:
                shown = link(nouns[account.role].url(account.pk), account.contact_name)
            facts.append(fact(_("Subscriber"), shown))
        facts += [
            fact(_("System user"), row.system_user),
            fact(_("Expires"), day(row.expires_on) or _("never")),
        ]
        return facts

    def sidebar_facts(self, request: HttpRequest, row: Subscription) -> list[dict[str, Any]]:
        found = []
        if row.plan_id and request.actor.is_provider:
            plan = Plan.objects.visible_to(request.actor).filter(pk=row.plan_id).first()
            if plan is not None:
                found.append(fact(_("Service plan"), link(nouns["plan"].url(plan.pk), plan.name)))
            addons = Plan.objects.visible_to(request.actor).order_by("name_key")
            extra = addons.filter(on_subscriptions__subscription_id=row.pk)
            links = [(link(nouns["addon"].url(one.pk), one.name),) for one in extra]
            if links:
                found.append(fact(_("Add-ons"), format_html_join(", ", "{}", links)))
        elif not row.plan_id:
            found.append(fact(_("Service plan"), _("Custom plan")))
        found.append(fact(_("Created"), moment(row.created_at)))
        if request.actor.is_administrator and row.admin_note:
            found.append(fact(_("Administrator's note"), row.admin_note))
        return found

    def sections(self, request: HttpRequest, row: Subscription, tab: str) -> list[dict[str, Any]]:
        if tab in self.services:
            return self.services[tab].sections(request, row)
        if tab == "resources":
            return [
                *(shortfalls_section(row) if request.actor.is_provider else []),
                resources_section(row.limits, row.usage),
                *usage_figures.sections(row),
                permissions_section(permissions.in_force([row])[row.pk]),
                *settings_section(row, Node.objects.get(pk=row.node_id)),
                *applications_section(row),
            ]
        if tab == "activity":
            return [{"title": "", "table": entries_table(request, subscription_id=row.pk)}]
        if tab == "preview":
            return preview.sections(request, row)
        add = None
        operation = operations["subscription.add-domain"]
        may = operation.may(request.actor) and tools.shows(
            row, request.actor, "domains", "manage_domains"
        )
        if row.removing_at is None and may:
            url = reverse("subscription_operation", args=[row.pk, "add-domain"])
            add = {"label": operation.label, "url": url}
        return [list_panel(narrowed(request, DomainList(), subscription_id=row.pk), add=add)]


def resources_section(
    given: dict[str, Any], used: dict[str, int], of: str = "subscription"
) -> dict[str, Any]:
    facts = [
        fact(resource.label, used_words(resource, used, given))
        for name, resource in base.resources(of).items()
    ]
    return {"title": _("Resources"), "facts": facts}


def used_words(resource: base.Resource, used: dict[str, int], given: dict[str, Any]) -> Any:
    """A usage against its limit; of what is measured it may be unknown yet."""
    limit, amount = limits.limit_of(given, resource.name), used.get(resource.name)
    if resource.is_each:
        return limits.shown(resource, limit)
    if resource.unit != "bytes":
        return usage(amount or 0, limit)
    if amount is None:
        return _("not measured yet / %(limit)s") % {"limit": size(limit)}
    return usage(amount, limit, size)


def permissions_section(granted: Container[str], of: str = "subscription") -> dict[str, Any]:
    facts = [
        fact(permission.label, _("yes") if name in granted else _("no"))
        for name, permission in base.permissions(of).items()
    ]
    return {"title": _("Permissions"), "facts": facts}


def settings_section(row: Any, node: Node | None = None) -> list[dict[str, Any]]:
    """Parameters of hosting of a plan or a subscription; none, if no service declares any."""
    return stated_section(sync.settings_of(row), node)


def stated_section(values: dict[str, Any], node: Node | None = None) -> list[dict[str, Any]]:
    """Parameters of hosting, each under the heading of its section; with what is not in force on
    a node, where they are those of a subscription."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, setting in base.plan_settings().items():
        if name in values:
            words: Any = setting.words(values[name])
            if node is not None and (lack := setting.not_in_force(node, values[name])):
                words = format_html("{} ({})", words, lack[0])
            found.setdefault(str(setting.section), []).append(fact(setting.label, words))
    return [{"title": title, "facts": facts} for title, facts in found.items()]


def applications_section(row: Any) -> list[dict[str, Any]]:
    """Applications that may be installed; none, if there are none to install."""
    facts = [
        fact(
            found.label,
            _("yes") if row.applications is None or name in row.applications else _("no"),
        )
        for name, found in base.applications().items()
    ]
    return [{"title": _("Applications"), "facts": facts}] if facts else []


def shortfalls_section(row: Subscription) -> list[dict[str, Any]]:
    """What the plan promises and is not so, each with plan value and available value."""
    found = sync_words.shortfalls(row)
    if not found:
        return []
    words = (_t("Property"), _t("Plan value"), _t("Available value"))
    rows = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td></tr>',
        ((words[0], row.label, words[1], row.one, words[2], row.other) for row in found),
    )
    head = format_html_join("", '<th scope="col">{}</th>', ((word,) for word in words))
    table = format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>', head, rows
    )
    return [{"title": _("Not as the plan promises"), "table": table}]
