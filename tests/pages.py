"""What stands on a page, as a browser without script reads it: links, and forms to send."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client


@dataclass
class Form:
    """A form with what its fields hold, and the words on its buttons."""

    action: str = ""
    method: str = "get"
    values: dict[str, Any] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)
    # Names of boxes to tick, ticked or not.
    boxes: set[str] = field(default_factory=set)
    # Of each select, the words of its choices and what they stand for.
    choices: dict[str, dict[str, str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.texts: list[str] = []
        self._form: Form | None = None
        self._words: list[str] | None = None
        self._href = ""
        self._select = ""
        self._option: str | None = None
        self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag in {"a", "button"}:
            self._words, self._href = [], given.get("href", "")
        if self._form is not None:
            self._field(self._form, tag, given)

    def _field(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "input" and name:
            is_box = given.get("type") in {"checkbox", "radio"}
            if is_box:
                form.boxes.add(name)
            if is_box and "checked" in given:
                form.values.setdefault(name, []).append(given.get("value", "on"))
            elif not is_box:
                form.values[name] = given.get("value", "")
        elif tag == "textarea":
            self._area, form.values[name] = name, ""
        elif tag == "select":
            self._select, form.choices[name] = name, {}
        elif tag == "option" and self._select:
            self._words, self._option = [], given.get("value", "")
            if "selected" in given:
                form.values[self._select] = self._option

    def handle_data(self, data: str) -> None:
        if self._words is not None:
            self._words.append(data)
        if self._area and self._form is not None:
            self._form.values[self._area] += data
        if data.strip():
            self.texts.append(" ".join(data.split()))

    def handle_endtag(self, tag: str) -> None:
        words = " ".join("".join(self._words or []).split())
        if tag == "form":
            self._form = None
        elif tag == "a" and self._words is not None:
            self.links.setdefault(words, self._href)
            self._words = None
        elif tag == "button" and self._words is not None:
            if self._form is not None:
                self._form.buttons.append(words)
            self._words = None
        elif tag == "option" and self._form is not None and self._option is not None:
            self._form.choices[self._select][words] = self._option
            self._form.values.setdefault(self._select, self._option)
            self._words = self._option = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._area = ""


class Page:
    """One page in one browser."""

    def __init__(self, client: Client, response: HttpResponse) -> None:
        self.client, self.status = client, response.status_code
        self.url = response.request["PATH_INFO"]  # type: ignore[attr-defined]
        reader = _Reader()
        reader.feed(response.content.decode())
        self.forms, self.links = reader.forms, reader.links
        self.text = " ".join(reader.texts)

    @classmethod
    def open(cls, client: Client, url: str) -> "Page":
        return cls(client, client.get(url, follow=True))

    def form(self, button: str) -> Form:
        """The form that has this button."""
        return next(form for form in self.forms if button in form.buttons)

    def has(self, button: str) -> bool:
        """Whether there is a link or a button of these words."""
        return button in self.links or any(button in form.buttons for form in self.forms)

    def press(self, button: str, **typed: Any) -> "Page":
        """Type into the form that has this button, press it, and look at what comes."""
        form = self.form(button)
        unknown = set(typed) - set(form.values) - form.boxes
        assert not unknown, f"no such field: {unknown}"
        response = self.client.post(form.action or self.url, form.values | typed, follow=True)
        return Page(self.client, response)

    def follow(self, link: str) -> "Page":
        """Go where a link leads."""
        return Page.open(self.client, self.links[link])
