"""The tab "PHP Settings" on a domain's page: what is in force, and whose word that is."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from hosting.models.domains import Domain, HostingType
from hosting.models.subscriptions import Subscription
from hosting.services.php import parameters, rules
from hosting.services.php.driver_table import NEWEST, TABLE
from hosting.services.php.models import DomainPhp
from hosting.views.hosted import fact, node_state
from panel.core.access import Actor

NOT_AVAILABLE = _(
    "PHP is not available on this server. Nothing of PHP runs, and files that end with .php are"
    " refused: nobody gets to read them."
)


def shows_tab(actor: Actor, domain: Domain) -> bool:
    """On websites, to everybody who sees them."""
    return domain.hosting_type == HostingType.WEBSITE and domain.removing_at is None


def cards(actor: Actor, domains: Sequence[Domain]) -> dict[int, Any]:
    """The version that runs, where the node has PHP at all."""
    shown = [
        row for row in domains if shows_tab(actor, row) and rules.versions(row.subscription.node)
    ]
    own = rules.own_of(shown)
    found: dict[int, Any] = {}
    for row in shown:
        php = own.get(row.pk) or DomainPhp()
        is_on = php.is_on and parameters.is_on(row.subscription.settings)
        newest = rules.versions(row.subscription.node)[-1]
        version = newest if php.php_version == NEWEST else php.php_version
        found[row.pk] = version if is_on else _("off")
    return found


def sections(request: HttpRequest, domain: Domain) -> list[dict[str, Any]]:
    """What stands in the way, the version, and all settings."""
    subscription = rules.subscriptions_of([domain])[domain.subscription_id]
    if not rules.versions(subscription.node):
        return [{"title": "", "text": NOT_AVAILABLE}]
    own = rules.own_of([domain]).get(domain.pk) or DomainPhp()
    shown: list[dict[str, Any]] = [{"title": "", "facts": _facts(subscription, own)}]
    shown += [{"title": "", "text": text} for text in _problems(subscription, own)]
    return [*shown, {"title": _("Settings"), "table": _table(subscription, own)}]


def _facts(subscription: Subscription, own: DomainPhp) -> list[dict[str, Any]]:
    is_on = own.is_on and parameters.is_on(subscription.settings)
    newest = rules.versions(subscription.node)[-1]
    version: Any = own.php_version
    if version == NEWEST:
        version = _("%(version)s (the newest)") % {"version": newest}
    count = f"{parameters.children(subscription.settings):,}"
    return [
        fact(_("PHP"), _("on") if is_on else _("off")),
        fact(_("PHP version"), version),
        fact(_("Processes at once"), count),
    ]


def _problems(subscription: Subscription, own: DomainPhp) -> list[Any]:
    """What somebody should know, in whole sentences."""
    found: list[Any] = []
    installed = rules.versions(subscription.node)
    if not parameters.is_on(subscription.settings):
        found.append(_("The plan has no PHP: files that end with .php are refused."))
    if own.php_version not in {NEWEST, *installed}:
        text = _(
            "PHP %(version)s is not installed on this server any more, so what was chosen cannot"
            " run. Choose another version: %(installed)s."
        )
        found.append(text % {"version": own.php_version, "installed": ", ".join(installed)})
    for failure in _failures(subscription):
        found.append(_("Failed: %(words)s") % {"words": failure})
    return found


def _failures(subscription: Subscription) -> list[str]:
    """What php-fpm said when this was last applied."""
    state = node_state(subscription.pk)
    return [one.message for one in state.failures if one.service == "php"] if state else []


def _table(subscription: Subscription, own: DomainPhp) -> SafeString:
    """Every setting: in force, the plan's, and one's own."""
    heads = (_t("Setting"), _t("In force"), _t("Plan"), _t("Own value"))
    plan, mine = parameters.given_by_plan(subscription.settings), parameters.sound(own.settings)
    rows = []
    for one in TABLE:
        in_force = parameters.words(one, mine.get(one.name, plan[one.name]))
        stated = parameters.words(one, mine[one.name]) if one.name in mine else "–"
        cells = (
            parameters.label(one),
            in_force,
            parameters.words(one, plan[one.name]) if one in parameters.IN_PLANS else "–",
            stated,
        )
        rows.append(tuple(part for pair in zip(heads, cells, strict=True) for part in pair))
    body = format_html_join(
        "",
        '<tr><td class="main" data-th="{}">{}</td><td data-th="{}">{}</td>'
        '<td data-th="{}">{}</td><td data-th="{}">{}</td></tr>',
        rows,
    )
    return format_html(
        '<table class="list"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads)),
        body,
    )
