"""No form, no filter and no forgotten scope offers a neighbour's rows."""

from typing import Any

import pytest
from django.apps import apps
from django.db.models import Count
from django.forms import ModelChoiceField

from accounts.tree import owned_models
from panel import urls
from panel.core.access import OwnedQuerySet, Unscoped, guarded
from panel.core.lists import Listing, list_pages
from panel.core.operations import nouns, operations
from tests.access.world import AccessWorld

MODELS = [
    model
    for model in apps.get_models()
    if issubclass(type(model._default_manager.all()), OwnedQuerySet)
]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_owned_rows_are_not_read_until_somebody_said_for_whom(
    world: AccessWorld, model: Any
) -> None:
    rows = model.objects.all
    reads = {
        "list": lambda: list(rows()),
        "first": lambda: rows().first(),
        "get": lambda: rows().get(pk=1),
        "count": lambda: rows().count(),
        "exists": lambda: rows().exists(),
        "aggregate": lambda: rows().aggregate(n=Count("pk")),
        "iterator": lambda: list(rows().iterator()),
        "values": lambda: list(rows().values_list("pk", flat=True)),
        "in_bulk": lambda: rows().in_bulk(),
        "update": lambda: rows().update(pk=1),
        "delete": lambda: rows().delete(),
        "slice": lambda: rows()[0],
        "contains": lambda: model() in rows(),
        "union": lambda: list(rows().union(rows())),
        "dates": lambda: list(rows().values("pk").distinct()),
    }
    silent = []
    with guarded():
        for name, read in reads.items():
            try:
                read()
            except Unscoped:
                continue
            silent.append(name)
        assert list(rows().unscoped("the test's own reason").filter(pk=0)) == []
        assert list(rows().visible_to(None)) == []
    assert not silent


def test_what_somebody_sees_is_less_than_everything(world: AccessWorld) -> None:
    """A visible_to() that forgot to narrow would pass every other test of a page."""
    for model in {*MODELS, *owned_models()}:
        everything = set(model._base_manager.values_list("pk", flat=True))
        for person in ("customer", "reseller"):
            seen = set(model.objects.visible_to(world.who(person)).values_list("pk", flat=True))
            theirs = set(
                model.objects.visible_to(world.who(person, "theirs")).values_list("pk", flat=True)
            )
            assert not seen & theirs, (model.__name__, person)
            assert seen <= everything


def choices_of(form: Any) -> list[tuple[str, Any]]:
    return [
        (name, field) for name, field in form.fields.items() if isinstance(field, ModelChoiceField)
    ]


@pytest.mark.parametrize("person", ["reseller", "customer", "limited"])
def test_no_form_offers_what_its_reader_does_not_see(world: AccessWorld, person: str) -> None:
    actor, found, count = world.who(person), [], 0
    own = {name: list(noun.visible_to(actor)[:1]) for name, noun in nouns.items()}
    for operation in operations.values():
        for form_class in (operation.form_class, operation.item_form_class):
            if form_class is None:
                continue
            # For the own object, for none, and for one that was slipped in.
            slipped = list(nouns[operation.noun].model._base_manager.order_by("-pk")[:1])
            for targets in (own[operation.noun], [], slipped):
                try:
                    form = form_class(actor=actor, targets=targets)
                except (AttributeError, IndexError):
                    # No door makes it for such a target.
                    continue
                for name, field in choices_of(form):
                    count += 1
                    visible = field.queryset.model.objects.visible_to(actor)
                    seen = set(visible.values_list("pk", flat=True))
                    if not set(field.queryset.values_list("pk", flat=True)) <= seen:
                        found.append(f"{operation.name}: {name}")
    assert count, "there are forms with choices"
    assert not found


@pytest.mark.parametrize("person", ["reseller", "customer", "limited"])
def test_no_filter_does_either(world: AccessWorld, person: str) -> None:
    assert urls.urlpatterns, "reading them makes the lists known"
    actor = world.who(person)
    for page in list_pages.values():
        listing = Listing(page(), actor, {})
        assert not choices_of(listing.filterset.form), page.noun
        seen = set(listing.matching.values_list("pk", flat=True))
        visible = set(nouns[page.noun].visible_to(actor).values_list("pk", flat=True))
        assert seen <= visible, page.noun


def test_a_plan_of_somebody_else_is_no_choice(world: AccessWorld) -> None:
    """Typed into the form by hand: refused as a parameter, and nothing is changed."""
    theirs = world.theirs.pk("plan")
    finding = world.finding(
        "ada", "subscription.change-plan", world.ours.rows["subscription"], plan=theirs
    )
    assert (finding.result, finding.code) == ("refused", "invalid")
    world.ours.rows["subscription"].refresh_from_db()
    assert world.ours.rows["subscription"].plan_id == world.ours.pk("plan")
