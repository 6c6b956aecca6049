"""The page Activity: a list like the others, narrowed by what, who, to which and when."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import django_filters
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from panel.core import log, search
from panel.core.access import Actor
from panel.core.activity_views import action_label, roles_above, target_cell, values, who
from panel.core.filters import DayFilter, PanelFilterSet
from panel.core.lists import Column, Listing, ListPage, Sort
from panel.core.log import Activity
from panel.core.markup import moment
from panel.core.operations import Noun, nouns, operations, register_noun
from panel.core.widgets import QuickSelect

# So many objects are looked up behind what is typed into the search field.
OBJECTS = 50


@dataclass
class ActivityNoun(Noun):
    """Entries have a list, and no page of their own."""

    def url(self, pk: int) -> str:
        return ""


ACTIVITY = register_noun(
    ActivityNoun(
        "activity",
        "activity",
        Activity,
        _("Entry"),
        _("Entries"),
        "activity",
        "activity",
        list_name="activity_list",
    )
)


def what_choices() -> list[tuple[str, str]]:
    """Every code that entries have, as "Customer: Suspend", in the order of these words."""
    return list(_what_choices(get_language()))


@lru_cache
def _what_choices(_language: str | None) -> tuple[tuple[str, str], ...]:
    """Remembered by language: they are some hundred, and no more of them once the panel runs."""
    codes = {**{name: one.label for name, one in operations.items()}, **log.labels}
    found = []
    for code, label in codes.items():
        noun = nouns.get(operations[code].creates if code in operations else "")
        noun = noun or nouns.get(code.partition(".")[0])
        found.append((code, f"{noun.label}: {label}" if noun else str(label)))
    return tuple(sorted(found, key=lambda choice: choice[1]))


class WhoFilter(django_filters.CharFilter):
    """The login that did it, or the one behind it.

    SECURITY: nobody finds out the logins above by asking for them.
    """

    def filter(self, rows: models.QuerySet, value: str) -> models.QuerySet:
        name = value.strip().lower() if value else ""
        if not name:
            return rows
        above = roles_above(self.parent.actor)
        actor, real = "actor_name", "real_name"
        if self.parent.walk:
            # On the walk hidden from their indexes, as `ranged` does it.
            rows = rows.alias(walked_actor=Coalesce(actor, actor), walked_real=Coalesce(real, real))
            actor, real = "walked_actor", "walked_real"
        itself = models.Q(**{actor: name}) & ~models.Q(actor_role__in=above)
        behind = models.Q(**{real: name}) & ~models.Q(real_role__in=above)
        return rows.filter(itself | behind)


class ActivityFilter(PanelFilterSet):
    """Each by itself is looked up in an index; two together, in that of one of them."""

    what = django_filters.ChoiceFilter(
        field_name="action",
        label=_("What"),
        choices=what_choices,
        empty_label=_("All"),
        widget=QuickSelect,
    )
    who = WhoFilter(label=_("Who (username)"), max_length=255)
    on_from = DayFilter(
        field_name="at",
        lookup_expr="gte",
        label=_("From"),
    )
    on_to = DayFilter(
        field_name="at",
        lookup_expr="lt",
        label=_("To"),
    )

    order = ("what", "who", "on_from", "on_to")

    class Meta:
        model = Activity
        fields: list[str] = []


def address(entry: Activity, listing: Listing) -> str:
    """From where, unless it was somebody above."""
    role = entry.real_role or entry.actor_role
    return "" if role in roles_above(listing.actor) else entry.address


class ActivityList(ListPage):
    noun = "activity"
    title = _("Activity")
    columns = (
        Column(
            _("When"),
            lambda entry, _listing: moment(entry.at),
            lambda entry, _listing: entry.at.isoformat(timespec="seconds"),
            sort="when",
            css="date",
        ),
        Column(_("Who"), lambda entry, listing: who(entry, listing.actor)),
        Column(_("What"), lambda entry, _listing: action_label(entry.action)),
        Column(
            _("Object"),
            lambda entry, listing: target_cell(entry, listing.url_of),
            lambda entry, _listing: entry.target_label,
        ),
        Column(
            _("Values"),
            lambda entry, _listing: values(entry),
            lambda entry, _listing: values(entry, most=2000),
        ),
    )
    more_csv = (
        Column(_("Kind"), lambda entry, _listing: entry.target_kind),
        Column(_("Number"), lambda entry, _listing: entry.target_id),
        Column(_("Code"), lambda entry, _listing: entry.action),
        Column(_("Door"), lambda entry, _listing: entry.door),
        Column(_("Address"), address),
        Column(_("Request"), lambda entry, _listing: entry.request_id),
    )
    sorts = (Sort("when", "at"),)
    default_sort = "-when"
    filterset_class = ActivityFilter
    url_name = "activity"
    empty_title = _("Nothing has happened yet.")
    empty_text = _("What is done here, by whom and from where, is written down.")

    def found(self, actor: Actor, queryset: Any, text: str) -> Any:
        """Entries about what the search finds now, and about what had exactly this name then."""
        hits = search.in_order(search.matching(actor, text), text)
        by_kind: dict[str, list[int]] = {}
        for kind, pk in hits.values_list("kind", "object_id")[:OBJECTS]:
            by_kind.setdefault(kind, []).append(pk)
        wanted = models.Q(target_label=text)
        for kind, ids in by_kind.items():
            wanted |= models.Q(target_kind=kind, target_id__in=ids)
        return queryset.filter(wanted)
