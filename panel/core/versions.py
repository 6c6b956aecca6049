"""The hidden field of an edit that says which version of the row its form was made of."""

from typing import Any

from django import forms


class _BoundVersion(forms.BoundField):
    def value(self) -> Any:
        """What was posted; but the present version once the posted values were found valid.

        A valid form is shown again only because the operation refused it and said who had changed
        what: saving once more is then a decision. While fields are still wrong nothing was said
        yet, and the old version has to stay.
        """
        form: Any = self.form
        if form.is_bound and form.targets and form.is_valid():
            return form.targets[0].version
        return super().value()


class VersionField(forms.IntegerField):
    """The version that a form was made of; `check` of the operation compares it."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, min_value=1, max_value=2**31 - 1, label="", **kwargs)

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        return _BoundVersion(form, self, field_name)
