"""What is hosted, as nouns of operations, and how it is found."""

from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Alias, Domain
from hosting.models.plans import Plan
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
            "usage",
            "system_user",
            "expires_on",
            "description",
            "is_suspended",
            "is_locked",
            "is_overused",
            "is_expired",
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
            "hosting_type",
            "document_root",
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
            "version",
            "created_at",
        ],
    )
)
PLAN = register_noun(
    Noun(
        "plan",
        "plans",
        Plan,
        _("Hosting plan"),
        _("Hosting plans"),
        "sliders",
        "plan",
        api_fields=[
            "id",
            "name",
            "description",
            "limits",
            "permissions",
            "overuse_policy",
            "validity_days",
            "subscriptions_count",
            "version",
            "created_at",
        ],
    )
)


def _subscriptions(ids: list[int]) -> Iterable[tuple]:
    rows = Subscription.objects.unscoped("search text").filter(pk__in=ids, removing_at=None)
    for row in rows.select_related("account"):
        words = [row.name, row.system_user]
        yield row.pk, row.account_id, row.reseller_id, row.name, str(row.account), words


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
        )


def _plans(ids: list[int]) -> Iterable[tuple]:
    rows = Plan.objects.unscoped("search text").filter(pk__in=ids)
    for row in rows:
        yield row.pk, row.account_id, row.reseller_id, row.name, row.description, [row.name]


search.register("subscription", _subscriptions)
search.register("domain", _domains)
search.register("plan", _plans)

# What the daily run writes down.
log.labels["subscription.expire"] = _("Expired")
