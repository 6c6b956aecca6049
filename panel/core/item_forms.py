"""Per-target forms on the page of an operation: the same for all on top, exceptions below."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from panel.core.access import Actor
from panel.core.forms import OperationForm
from panel.core.operations import Operation, nouns

# More targets than this are not asked about one by one: one answer for all of them.
MOST = 100
SHARED = "all"


def item_prefix(pk: int) -> str:
    return f"item-{pk}"


@dataclass
class ItemForms:
    """The forms of one page. What an exception leaves empty is as for all."""

    operation: Operation
    actor: Actor
    targets: Sequence[Any]
    shared: OperationForm
    exceptions: list[tuple[Any, OperationForm]]
    # What was typed into the form for all targets.
    given: Mapping[str, Any]
    # What they find out once for all of them.
    common: dict[Any, Any]

    @classmethod
    def make(
        cls,
        operation: Operation,
        actor: Actor,
        targets: Sequence[Any],
        data: QueryDict | None,
    ) -> "ItemForms | None":
        """The forms for these targets, filled with `data` if it was posted; None if the operation
        asks nothing of each target."""
        form_class = operation.item_form_class
        if form_class is None:
            return None
        given = data.dict() if data is not None else {}
        common: dict[Any, Any] = {}
        about: dict[str, Any] = {"actor": actor, "given": given, "common": common}
        initial = operation.items_initial(actor, targets) if data is None else {}
        shared = form_class(data, prefix=SHARED, targets=targets, initial=initial, **about)
        each = []
        if 1 < len(targets) <= MOST:
            for target in targets:
                prefix = item_prefix(target.pk)
                form = form_class(data, prefix=prefix, targets=[target], **about)
                each.append((target, _as_exception(form)))
        return cls(operation, actor, targets, shared, each, given, common)

    def raw(self) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
        """What is written down: the answer for all, and what differs from it by target."""
        for_all, _secrets = self.shared.raw_params()
        items = {}
        for target, form in self.exceptions:
            plain, _secrets = form.raw_params()
            if plain:
                items[target.pk] = plain
        return for_all, items

    def is_valid(self) -> bool:
        """Whether each target's answer is, joined with the one for all. Errors go to the fields
        of the exception where one was made, else to the form for all."""
        for_all, items = self.raw()
        form_class = self.operation.item_form_class
        assert form_class is not None
        about: Any = {"actor": self.actor, "given": self.given, "common": self.common}
        sound = True
        for form in [self.shared, *(form for _target, form in self.exceptions)]:
            # By themselves they are incomplete: what counts is each answer joined, below.
            form.is_valid()
            form.errors.clear()
        shown = {target.pk: form for target, form in self.exceptions}
        for target in self.targets:
            answer = {**for_all, **items.get(target.pk, {})}
            joined = form_class(answer, targets=[target], **about)
            if joined.is_valid():
                continue
            sound = False
            own = target.pk in items
            self._tell(joined, shown[target.pk] if own else self.shared, target, own=own)
        return sound

    def _tell(self, joined: OperationForm, form: OperationForm, target: Any, *, own: bool) -> None:
        for name, messages in joined.errors.items():
            if name in form.errors:
                continue  # one target's error tells what to do; a hundred of them would not
            for message in messages:
                text = message if own or len(self.targets) == 1 else f"{target}: {message}"
                form.add_error(name if name in form.fields else None, text)

    def rows(self) -> list[dict[str, Any]]:
        """For the page: each target with its own small form, if there is anything to ask yet."""
        noun = nouns[self.operation.noun]
        return [
            {"label": str(target), "url": noun.url(target.pk), "form": form}
            for target, form in self.exceptions
            if form.fields
        ]


def _as_exception(form: OperationForm) -> OperationForm:
    for field in form.fields.values():
        field.required, field.initial, field.help_text = False, None, ""
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = _("as for all")
        elif isinstance(field.widget, forms.TextInput):
            field.widget.attrs["placeholder"] = _("as for all")
        elif isinstance(field, forms.ChoiceField):
            field.choices = [("", _("as for all")), *list(cast(Any, field.choices))]
    return form
