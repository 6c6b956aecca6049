"""The form of an import: a file from a page, a script from a program, or a dump that is here."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.database.models import DatabaseDump
from hosting.services.database.settings import LARGEST_UPLOAD
from hosting.services.database.spool import Spooled
from panel.core.forms import OperationForm

# What a file begins with that is no script, and what it is.
_OTHER_KINDS = (
    (b"PGDMP", _("This is an archive of pg_dump. Dump again with --format=plain.")),
    (b"PK\x03\x04", _("This is a ZIP file. Upload what is in it, or compress it with gzip.")),
    (b"BZh", _("This is compressed with bzip2. Use gzip, or no compression.")),
    (b"\xfd7zXZ", _("This is compressed with xz. Use gzip, or no compression.")),
    (b"\x28\xb5\x2f\xfd", _("This is compressed with zstd. Use gzip, or no compression.")),
    (b"SQLite format", _("This is a database of SQLite, and no script.")),
)


@dataclass(frozen=True)
class Script:
    """What is to be imported: a file in the spool, by its token, or a text that came by itself."""

    name: str
    size: int
    token: str = ""
    text: str = ""


class ScriptInput(forms.FileInput):
    """The file from a page, or a text from a program."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> Any:
        return files.get(name) or data.get(name)


class DumpField(forms.Field):
    """A script of SQL, plain or compressed with gzip."""

    widget = ScriptInput

    def clean(self, value: Any) -> Script | None:
        if isinstance(value, Script):
            return value
        if value in (None, ""):
            return None
        if isinstance(value, str):
            return Script("script.sql", len(value.encode()), text=value)
        if not isinstance(value, Spooled):
            raise ValidationError(_("Files are taken on the page of the database."))
        if value.fault == "large":
            words = _("The file is larger than %(size)s MiB.")
            raise ValidationError(words, params={"size": LARGEST_UPLOAD.get()})
        if value.fault:
            raise ValidationError(_("The panel has no room for this file now."))
        if not value.size:
            raise ValidationError(_("The file is empty."))
        for head, words in _OTHER_KINDS:
            if value.head.startswith(head):
                raise ValidationError(words)
        return Script(value.name or "", value.size, token=value.token)


class ImportDumpForm(OperationForm):
    """What is imported, and whether everything that is in the database goes before."""

    secret_fields = ("file",)

    file = DumpField(
        label=_("File"),
        required=False,
        help_text=_("A script of SQL as mariadb-dump or pg_dump write it, plain or with gzip."),
    )
    dump = forms.ModelChoiceField(
        DatabaseDump.objects.none(),
        label=_("Or a dump that is here"),
        required=False,
        empty_label=_("None"),
    )
    recreate = forms.BooleanField(
        label=_("Recreate the database"),
        required=False,
        help_text=_("Everything that is in it is removed first, for good."),
    )

    def prepare(self) -> None:
        if not self.targets:
            return
        row = self.targets[0]
        rows = DatabaseDump.objects.visible_to(self.actor).present()
        here = rows.filter(subscription_id=row.subscription_id, server=row.server, is_whole=True)
        self.fields["dump"].queryset = here.order_by("-created_at")

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if "file" in self.errors or "dump" in self.errors:
            return cleaned
        given = [name for name in ("file", "dump") if cleaned.get(name)]
        if not given:
            self.add_error("file", _("Choose a file, or a dump that is here."))
        if len(given) == 2:
            self.add_error("dump", _("Either a file or a dump that is here."))
        return cleaned

    def raw_params(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The file as it was read: it is read once."""
        plain, _secret = super().raw_params()
        found = getattr(self, "cleaned_data", {}).get("file")
        return plain, {"file": found} if found else {}
