"""Plain values on their way to forms: strict kinds, nothing guessed, what is left out stays."""

from datetime import date
from typing import Any

import pytest
from django import forms
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.core import door, door_text
from panel.core.access import Actor, Role
from panel.core.forms import OperationForm
from panel.core.operations import Operation

ACTOR = Actor(role=Role.ADMINISTRATOR, account_id=1, username="admin")
BIG = 2**63 - 1


class EveryKind(OperationForm):
    """A field of each kind that operations use."""

    secret_fields = ("password", "password_again")

    text = forms.CharField(max_length=20, required=False)
    number = forms.IntegerField(min_value=-5, max_value=1000, required=False)
    unbounded = forms.IntegerField(required=False)
    share = forms.DecimalField(required=False)
    part = forms.FloatField(required=False)
    box = forms.BooleanField(required=False)
    ticked = forms.BooleanField(required=False, initial=True)
    day = forms.DateField(required=False)
    moment = forms.DateTimeField(required=False)
    choice = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], required=False, initial="b")
    needed = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], initial="a")
    several = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")], required=False)
    password = forms.CharField(required=False)
    password_again = forms.CharField(required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("password") != cleaned.get("password_again"):
            self.add_error("password_again", "not the same")
        return cleaned


class Item(OperationForm):
    size = forms.IntegerField(min_value=1, max_value=9)


class Row:
    """A target, as far as forms see it."""

    def __init__(self, pk: int) -> None:
        self.pk = pk


class Try(Operation):
    """Not registered: only its forms are of interest."""

    noun, verb, label = "customer", "try", "Try"
    form_class = EveryKind

    def initial(self, actor: Actor, targets: Any) -> dict[str, Any]:
        return (
            {"text": "as it was", "day": date(2030, 1, 2), "password": "never"} if targets else {}
        )


class TryEach(Operation):
    noun, verb, label = "customer", "try-each", "Try each"
    item_form_class = Item


def cleaned(values: dict[str, Any], targets: tuple[Any, ...] = ()) -> dict[str, Any]:
    return door.read(Try(), ACTOR, list(targets), values).cleaned


def wrong(values: dict[str, Any]) -> list[str]:
    with pytest.raises(door.BadInput) as caught:
        door.read(Try(), ACTOR, [], values)
    return list(caught.value.fields)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("text", "x", "x"),
        ("text", None, ""),
        ("number", 12, 12),
        ("number", -5, -5),
        ("number", 0, 0),
        ("number", None, None),
        ("unbounded", BIG, BIG),
        ("box", True, True),
        ("box", False, False),
        ("ticked", False, False),
        ("day", "2030-12-31", date(2030, 12, 31)),
        ("day", None, None),
        ("choice", "a", "a"),
        ("several", ["a", "b"], ["a", "b"]),
        ("several", [], []),
        ("part", 1.5, 1.5),
        ("part", 2, 2.0),
    ],
)
def test_a_value_of_its_kind_is_taken(name: str, value: Any, expected: Any) -> None:
    assert cleaned({name: value})[name] == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", 1),
        ("text", True),
        ("text", ["x"]),
        ("text", {"x": 1}),
        ("text", "x" * 21),
        ("text", "a\x00b"),
        ("number", "12"),
        ("number", "²"),
        ("number", 1.0),
        ("number", True),
        ("number", 1001),
        ("number", -6),
        ("number", 10**20),
        ("unbounded", 10**20),
        ("unbounded", -(10**20)),
        ("share", 10**400),
        ("share", float("nan")),
        ("part", float("inf")),
        ("part", "1"),
        ("box", "true"),
        ("box", 1),
        ("box", 0),
        ("day", "31.12.2030"),
        ("day", "2030-13-01"),
        ("day", "20301231"),
        ("day", "2030-W01-1"),
        ("day", 20301231),
        ("moment", "soon"),
        ("choice", "c"),
        ("choice", "A"),
        ("several", "a"),
        ("several", ["a", "c"]),
        ("several", [1]),
        ("several", ["a"] * 1001),
        ("nothing", "x"),
        ("__class__", "x"),
    ],
)
def test_a_value_of_another_kind_is_named(name: str, value: Any) -> None:
    assert wrong({name: value}) == [name]


def test_what_is_left_out_stays_as_it_is() -> None:
    row = cleaned({"number": 1}, (Row(1),))
    assert (row["text"], row["day"], row["number"]) == ("as it was", date(2030, 1, 2), 1)
    assert cleaned({"text": "new"}, (Row(1),))["text"] == "new"
    assert cleaned({"text": None}, (Row(1),))["text"] == "", "given as nothing is not left out"


def test_defaults_count_where_nothing_would_mean_something_else() -> None:
    row = cleaned({})
    assert (row["ticked"], row["needed"]) == (True, "a")
    assert row["choice"] == "", "the operation decides what no answer means"


def test_a_secret_never_comes_from_what_is_proposed_nor_is_it_written_down() -> None:
    assert cleaned({}, (Row(1),))["password"] == ""
    given = door.read(Try(), ACTOR, [], {"password": "xyz"})
    assert given.secrets == {"password": "xyz", "password_again": "xyz"}
    assert "xyz" not in str(given.params)
    assert wrong({"password": "xyz", "password_again": "abc"}) == ["password_again"]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert set(wrong({"number": "x", "box": 1, "odd": 2})) == {"number", "box", "odd"}


def test_each_target_may_have_values_of_its_own() -> None:
    rows = [Row(1), Row(2)]
    given = door.read(TryEach(), ACTOR, rows, {"size": 3}, {2: {"size": 4}})
    assert given.items == {1: {"size": "3"}, 2: {"size": "4"}}
    with pytest.raises(door.BadInput) as caught:
        door.read(TryEach(), ACTOR, rows, {}, {1: {"size": 10}, 2: {"odd": 1, "size": 2}})
    assert set(caught.value.fields) == {"items.1.size", "items.2.odd"}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("box", "yes", True),
        ("box", "off", False),
        ("box", "perhaps", "perhaps"),
        ("number", "12", 12),
        ("number", "-1", -1),
        ("number", "²", "²"),
        ("number", "1e3", "1e3"),
        ("number", "9" * 30, "9" * 30),
        ("number", "", None),
        ("several", "a,b", ["a", "b"]),
        ("several", "", []),
        ("part", "1.5", 1.5),
        ("text", "12", "12"),
    ],
)
def test_typed_text_becomes_what_it_means(name: str, text: str, expected: Any) -> None:
    assert door_text.from_text(EveryKind.base_fields[name], text) == expected


_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_JSON = _LEAVES | st.lists(_LEAVES, max_size=2) | st.dictionaries(st.text(max_size=3), _LEAVES)


@settings(derandomize=True, database=None, deadline=None)
@given(values=st.dictionaries(st.sampled_from([*EveryKind.base_fields, "odd"]), _JSON, max_size=4))
def test_any_value_is_taken_or_named_and_never_breaks(values: dict[str, Any]) -> None:
    try:
        given = door.read(Try(), ACTOR, [], values)
    except door.BadInput:
        return
    # What is written down is taken again when the run is carried out.
    assert EveryKind(data={**given.params, **given.secrets}, actor=ACTOR).is_valid()
