"""Forms of imports: the file, what to do with its rows, and the forms that rows are held to."""

from pathlib import PurePath
from typing import Any

from crispy_forms.layout import HTML, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from hosting.forms_accounts import AddCustomerForm
from hosting.forms_subscriptions import AddSubscriptionForm
from hosting.import_files import PASSWORD, Upload, columns_of, drafts_of
from hosting.models.imports import Mode
from panel.core import door
from panel.core.access import Actor
from panel.core.csv_files import MAX_BYTES, decoded, parsed, too_large
from panel.core.forms import OperationForm

# Rows are held to the forms that programs meet, whoever uploaded them.
DOOR = "import"
ENCODINGS = [("utf-8", _("UTF-8")), ("windows-1252", _("Windows-1252 (older spreadsheets)"))]


class ImportedCustomerForm(AddCustomerForm):
    """As on Add a Customer, but for the password: it comes hashed and apart, or not at all."""

    def prepare(self) -> None:
        super().prepare()
        for name in (PASSWORD, f"{PASSWORD}_again"):
            self.fields.pop(name, None)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in ("plan", "system_user", *self.all_site_fields()):
            if self.data.get(name) and not cleaned.get("create_subscription"):
                self.add_error(name, _("This needs a domain name beside it."))
        return cleaned


def columns(actor: Actor) -> dict[str, str]:
    """The columns that a file may have, with their labels: the parameters of both operations."""
    reader = actor.through(DOOR)
    customer = door.blank_form(ImportedCustomerForm, reader, [])
    subscription = door.blank_form(AddSubscriptionForm, reader, [])
    found = {
        name: str(field.label or name)
        for form in (customer, subscription)
        for name, field in form.fields.items()
        if name != "create_subscription" and not field.widget.is_hidden
    }
    return {**found, PASSWORD: str(_("Password"))}


class CsvInput(forms.FileInput):
    """The file from a page, or its text from a program."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return files.get(name) or data.get(name)


class AddImportForm(OperationForm):
    """The file. It holds people's data and perhaps passwords: never written down as it came."""

    secret_fields = ("file",)

    file = forms.Field(
        label=_("CSV file"),
        widget=CsvInput(attrs={"accept": ".csv,.txt,text/csv,text/plain"}),
        help_text=_("The first line names the columns; 5 MiB and 10,000 rows at most."),
    )
    encoding = forms.ChoiceField(
        label=_("Encoding"), choices=ENCODINGS, required=False, initial="utf-8"
    )

    def get_layout(self) -> Layout:
        known = columns(self.actor)
        intro = format_html(
            '<p>{} <a href="{}">{}</a></p><p class="muted">{} {}</p>',
            _(
                "Each row makes a customer, with a subscription where it names a domain; or with"
                " “subscriber” one more subscription of somebody who is there. Nothing is made"
                " before you have seen what would become of each row."
            ),
            reverse("import_sample"),
            _("Download an example"),
            _("Columns:"),
            ", ".join(known),
        )
        # Each part was escaped by format_html().
        return Layout(HTML(intro), "file", "encoding")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        given = cleaned.get("file")
        if given is None or isinstance(given, Upload):
            # Read already: a run looks at its parameters once more before it begins.
            return cleaned
        try:
            cleaned["file"] = self.read(given, cleaned.get("encoding") or "utf-8")
        except ValidationError as error:
            self.add_error("file", error)
        return cleaned

    def read(self, given: Any, encoding: str) -> Upload:
        name = "import.csv"
        if isinstance(given, UploadedFile):
            name = PurePath(given.name or name).name[:255]
            if given.size is None or given.size > MAX_BYTES:
                raise too_large()
            text = decoded(given.read(), encoding)
        else:
            text = str(given)
        labels = columns(self.actor)
        table = parsed(text)
        found = columns_of(table.columns, labels)
        return Upload(name, found, drafts_of(table, found, labels))

    def raw_params(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """SECURITY: what was read, passwords hashed, in place of the file."""
        return {}, {"file": getattr(self, "cleaned_data", {}).get("file")}


class CarryOutForm(OperationForm):
    """What happens to the good rows where others are refused."""

    mode = forms.ChoiceField(
        label=_("What is imported"),
        choices=Mode.choices,
        initial=Mode.ALL,
        widget=forms.RadioSelect,
    )
