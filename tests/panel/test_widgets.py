"""Controls that are made without a template are what Django's would have been."""

from html.parser import HTMLParser
from typing import Any

import pytest
from django import forms

from panel.core.widgets import QuickSelect

CHOICES = [
    ("", "All"),
    ("a.b", "Customer: Suspend"),
    ('"><script>alert(1)</script>', '</option><b title="x">&amp;'),
    ("Places", [("Europe/Berlin", "Berlin"), ("a b", "a b")]),
    (7, "Seven"),
]


class Tags(HTMLParser):
    """Tags with their attributes, and text."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML: a boolean attribute is there or not, whatever its value.
        self.found.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.found += [data.strip()] if data.strip() else []


@pytest.mark.parametrize("value", [None, "", "a.b", "a b", 7, '"><script>alert(1)</script>', "x"])
def test_a_quick_select_is_the_same_as_djangos(value: Any) -> None:
    attrs = {"class": "form-select is-invalid", "id": "id_what", "required": True}
    quick, slow = (
        Tags(kind(choices=CHOICES).render("what", value, attrs)).found
        for kind in (QuickSelect, forms.Select)
    )
    assert quick == slow
    assert not [tag for tag in quick if tag[0] in {"script", "b"}]
