"""Letting go on what the daily run held back."""

from collections.abc import Sequence
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting import counters, daily, held, locks
from hosting.models.subscriptions import Subscription
from panel.core.access import Actor
from panel.core.operations import ADMINISTRATOR, Consequence, Operation, Step, register

_WHY = "the administrator sees them all"
# So many are named; the rest is counted.
_NAMED = 50
_AT_ONCE = 500


@register
class SuspendHeld(Operation):
    """Suspends all that has expired or uses more than it may, however many those are."""

    noun, verb = "settings", "suspend-held"
    label = _("Suspend what was held back")
    submit_label = _("Suspend them")
    roles = ADMINISTRATOR
    area = "settings"
    bulk = False
    confirm = "always"

    def consequences(self, actor: Actor, rows: Any) -> list[Consequence]:
        found, due = held.found(), daily.due()
        if not any(due.values()):
            return [Consequence(_("Nothing waits: no subscription is due to be suspended."), "ok")]
        said = [_why(one) for one in found.values()]
        expired = ngettext(
            "%(n)s subscription has expired, and is suspended:",
            "%(n)s subscriptions have expired, and are suspended:",
            len(due[held.EXPIRY]),
        )
        over = ngettext(
            "%(n)s subscription uses more than it may, and is suspended:",
            "%(n)s subscriptions use more than they may, and are suspended:",
            len(due[held.OVERUSE]),
        )
        for words, ids in ((expired, due[held.EXPIRY]), (over, due[held.OVERUSE])):
            if ids:
                said.append(Consequence(words % {"n": f"{len(ids):,}"}, "bad", _names(ids)))
        return said

    def perform(self, step: Step) -> None:
        due = daily.due()
        every = sorted({pk for ids in due.values() for pk in ids})
        locks.subscriptions(every)
        subscriptions = Subscription.objects.unscoped(_WHY)
        for ids in _pieces(due[held.EXPIRY]):
            rows = list(subscriptions.filter(pk__in=ids).order_by("pk"))
            daily.suspend_expired(rows, step.actor)
        for ids in _pieces(due[held.OVERUSE]):
            daily.judge_usage(ids, step.actor)
        above: set[int] = set()
        for ids in _pieces(every):
            found = subscriptions.filter(pk__in=ids, reseller_id__isnull=False).order_by()
            above |= set(found.values_list("reseller_id", flat=True))
        counters.recount_accounts(above)
        for what in due:
            held.drop(what)
        for row in step.open:
            if every:
                step.changed(row.pk, {}, {what: len(ids) for what, ids in due.items() if ids})
            else:
                step.leave(row.pk)


def _why(one: held.Held) -> Consequence:
    since = date_format(localtime(one.since), "DATETIME_FORMAT")
    if one.is_clock_off:
        words = _now("Since %(since)s the daily run waits: the server's clock was set by a day.")
    else:
        words = _now("Since %(since)s the daily run waits: so many look like a wrong clock.")
    now = _now("By the server's clock it is %(now)s.") % {
        "now": date_format(localtime(), "DATETIME_FORMAT")
    }
    return Consequence(f"{words % {'since': since}} {now}", "warn")


def _names(ids: Sequence[int]) -> list[str]:
    rows = Subscription.objects.unscoped(_WHY).filter(pk__in=ids[:_NAMED]).order_by("name_key")
    names = list(rows.values_list("name", flat=True))
    if more := len(ids) - len(names):
        names.append(_now("and %(n)s more") % {"n": f"{more:,}"})
    return names


def _pieces(ids: Sequence[int]) -> list[list[int]]:
    return [list(ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE)]
