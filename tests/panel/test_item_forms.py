"""A form for each target: the same for all on top, exceptions below, for one and for many."""

from collections.abc import Iterator

import pytest
from django import forms

from accounts.models import Account
from panel.core.bulk import BulkRun
from panel.core.forms import OperationForm
from panel.core.operations import Operation, Step, operations
from tests.world import World


class _LabelForm(OperationForm):
    label = forms.ChoiceField(choices=[("gold", "Gold"), ("silver", "Silver"), ("tin", "Tin")])

    def clean_label(self) -> str:
        if self.cleaned_data["label"] == "tin" and self.targets[0].username == "carl":
            raise forms.ValidationError("Carl is worth more.")
        return self.cleaned_data["label"]


class _Label(Operation):
    noun, verb, label = "customer", "test-label", "Label"
    item_form_class = _LabelForm

    def perform(self, step: Step) -> None:
        for row in step.open:
            Account.objects.visible_to(step.actor).filter(pk=row.pk).update(
                description=step.items[row.pk]["label"]
            )


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    operations["customer.test-label"] = _Label()
    yield
    del operations["customer.test-label"]


def described() -> dict[str, str]:
    return dict(Account.objects.exclude(description="").values_list("username", "description"))


def chosen(world: World) -> tuple[str, str]:
    """The page for Carl and Cleo, and the number of their selection."""
    client = world.client("ada")
    ids = [world.carl.pk, world.cleo.pk]
    answer = client.post("/customers/test-label/", {"ids": ids}, follow=True)
    selection = str(BulkRun.objects.latest("pk").pk)
    return answer.content.decode(), selection


def test_the_same_for_all_and_an_exception(world: World) -> None:
    page, selection = chosen(world)
    assert 'name="all-label"' in page
    assert f'name="item-{world.carl.pk}-label"' in page

    answers = {"selection": selection, "all-label": "gold", f"item-{world.cleo.pk}-label": "silver"}
    world.client("ada").post("/customers/test-label/", answers)
    assert described() == {"carl": "gold", "cleo": "silver"}


def test_an_answer_that_is_wrong_for_one_is_told_and_nothing_is_done(world: World) -> None:
    _page, selection = chosen(world)
    answers = {"selection": selection, "all-label": "tin"}
    response = world.client("ada").post("/customers/test-label/", answers)
    assert response.status_code == 422
    assert "Carl Customer: Carl is worth more." in response.content.decode()
    assert described() == {}


def test_no_answer_is_an_error_at_the_form_for_all(world: World) -> None:
    _page, selection = chosen(world)
    response = world.client("ada").post("/customers/test-label/", {"selection": selection})
    assert response.status_code == 422
    assert described() == {}


def test_one_is_asked_on_its_own_page(world: World) -> None:
    client = world.client("ada")
    address = f"/customers/{world.cleo.pk}/test-label/"
    assert 'name="all-label"' in client.get(address).content.decode()
    client.post(address, {"confirmed": "1", "all-label": "tin"})
    assert described() == {"cleo": "tin"}


def test_a_neighbours_customer_is_not_asked_about(world: World) -> None:
    answers = {"ids": [world.nora.pk]}
    page = world.client("ada").post("/customers/test-label/", answers, follow=True)
    assert "Nora" not in page.content.decode()
    assert described() == {}
