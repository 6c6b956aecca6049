"""What is hosted, as nouns of operations, and how it is found."""

from collections.abc import Callable, Iterable

from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Alias, Domain
from hosting.models.imports import Import, ImportRow
from hosting.models.nodes import Node
from hosting.models.plans import AddOn, HostingPlan, Plan, PlanKind, ResellerPlan
from hosting.models.subscriptions import Subscription
from panel.core import log, search
from panel.core.operations import Noun, register_noun

SUBSCRIPTION = register_noun(
    Noun(
        "subscription",
        "subscriptions",
        Subscription,
        _("Subscription"),
        _("Subscriptions"),
        "box",
        "subscription",
        api_fields=[
            "id",
            "name",
            "status",
            "account_id",
            "reseller_id",
            "plan_id",
            "limits",
            "permissions",
            "settings",
            "applications",
            "overuse_policy",
            "usage",
            "system_user",
            "expires_on",
            "description",
            "is_suspended",
            "is_locked",
            "is_overused",
            "is_expired",
            "is_unsynced",
            "is_failed",
            "version",
            "created_at",
        ],
        api_provider_fields=frozenset({"description"}),
    )
)
DOMAIN = register_noun(
    Noun(
        "domain",
        "domains",
        Domain,
        _("Domain"),
        _("Domains"),
        "globe",
        "domain",
        api_fields=[
            "id",
            "name",
            "ascii",
            "subscription_id",
            "account_id",
            "is_main",
            "parent_id",
            "hosting_type",
            "document_root",
            "preferred_name",
            "forward_to",
            "forward_code",
            "https_redirect",
            "hsts",
            "site_state",
            "aliases_count",
            "version",
            "created_at",
        ],
    )
)
ALIAS = register_noun(
    Noun(
        "alias",
        "aliases",
        Alias,
        _("Domain alias"),
        _("Domain aliases"),
        "signpost",
        "alias",
        list_name="domain_list",
        api_fields=[
            "id",
            "name",
            "ascii",
            "domain_id",
            "subscription_id",
            "mode",
            "has_mail",
            "syncs_dns",
            "version",
            "created_at",
        ],
    )
)
_PLAN_FIELDS = [
    "id",
    "name",
    "description",
    "limits",
    "permissions",
    "settings",
    "applications",
    "overuse_policy",
    "overuse_notice",
    "validity_days",
    "subscriptions_count",
    "version",
    "created_at",
]
_NOT_OF_ADDONS = {"overuse_policy", "overuse_notice", "validity_days"}
PLAN = register_noun(
    Noun(
        "plan",
        "plans",
        HostingPlan,
        _("Hosting plan"),
        _("Hosting Plans"),
        "sliders",
        "plan",
        api_fields=_PLAN_FIELDS,
    )
)
ADDON = register_noun(
    Noun(
        "addon",
        "addons",
        AddOn,
        _("Add-on"),
        _("Add-ons"),
        "sliders",
        "addon",
        api_fields=[name for name in _PLAN_FIELDS if name not in _NOT_OF_ADDONS],
    )
)
RESELLER_PLAN = register_noun(
    Noun(
        "reseller-plan",
        "reseller-plans",
        ResellerPlan,
        _("Reseller plan"),
        _("Reseller Plans"),
        "sliders",
        "reseller_plan",
        api_fields=[
            name
            for name in _PLAN_FIELDS
            if name not in {*_NOT_OF_ADDONS, "settings", "subscriptions_count"}
        ],
    )
)

IMPORT = register_noun(
    Noun(
        "import",
        "imports",
        Import,
        _("Import"),
        _("Imports"),
        "files",
        "import",
        api_fields=[
            "id",
            "name",
            "status",
            "total",
            "counts",
            "mode",
            "account_id",
            "by_name",
            "created_at",
            "finished_at",
        ],
    )
)
IMPORT_ROW = register_noun(
    Noun(
        "import-row",
        "import-rows",
        ImportRow,
        _("Row"),
        _("Rows"),
        "files",
        list_name="import_row_list",
        api_fields=[
            "id",
            "source_id",
            "line",
            "label",
            "result",
            "code",
            "reason",
            "is_made",
            "customer_id",
            "subscription_id",
        ],
    )
)
NODE = register_noun(
    Noun(
        "node",
        "nodes",
        Node,
        _("Node"),
        _("Nodes"),
        "settings",
        "node",
        area="settings",
        api_fields=[
            "id",
            "name",
            "platform",
            "ipv4",
            "ipv6",
            "seen_at",
            "away_since",
            "created_at",
        ],
    )
)


def _subscriptions(ids: list[int]) -> Iterable[tuple]:
    rows = Subscription.objects.unscoped("search text").filter(pk__in=ids)
    for row in rows.select_related("account"):
        words = [row.name, row.system_user]
        yield (
            row.pk,
            row.account_id,
            row.reseller_id,
            row.name,
            str(row.account),
            words,
            row.removing_at is not None,
        )


def _domains(ids: list[int]) -> Iterable[tuple]:
    """A domain is found by its own name, its aliases, and its customer's name and company."""
    aliases: dict[int, list[str]] = {}
    for alias in Alias.objects.unscoped("search text").filter(domain_id__in=ids):
        aliases.setdefault(alias.domain_id, []).extend({alias.name, alias.ascii})
    rows = Domain.objects.unscoped("search text").filter(pk__in=ids, removing_at=None)
    for row in rows.select_related("account"):
        words = {row.name, row.ascii, row.account.contact_name, row.account.company}
        detail = str(row.account)
        yield (
            row.pk,
            row.account_id,
            row.reseller_id,
            row.name,
            detail,
            [row.name, *sorted(words - {row.name}), *sorted(aliases.get(row.pk, []))],
            False,
        )


def _plans(kind: str) -> Callable[[list[int]], Iterable[tuple]]:
    def found(ids: list[int]) -> Iterable[tuple]:
        for row in Plan.objects.unscoped("search text").filter(pk__in=ids, kind=kind):
            words = [row.name]
            yield row.pk, row.account_id, row.reseller_id, row.name, row.description, words, False

    return found


search.register("subscription", _subscriptions)
search.register("domain", _domains)
search.register("plan", _plans(PlanKind.HOSTING))
search.register("addon", _plans(PlanKind.ADDON))
search.register("reseller-plan", _plans(PlanKind.RESELLER))

# What the daily run writes down.
log.labels |= {
    "subscription.expire": _("Expired"),
    "subscription.overuse": _("Suspended for overuse"),
    "subscription.notice": _("Notice by email"),
    "reseller.notice": _("Notice by email"),
}
