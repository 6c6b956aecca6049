"""Parameters of operations on zones and records."""

from typing import Any

from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.dns.models import (
    APEX,
    LONGEST_TTL,
    SOA_FIELDS,
    RecordType,
    TemplateScope,
    Zone,
)
from hosting.services.dns.records import LONGEST_TEXT, clean_host, clean_value
from hosting.services.dns.template import clean_template_value
from panel.core.forms import OperationForm
from panel.core.versions import VersionField

_EXAMPLE = "zone.invalid"


class TtlField(forms.IntegerField):
    """Seconds, or empty for the zone's own."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("TTL (seconds)"))
        kwargs.setdefault("help_text", _("Empty: the default of the zone."))
        super().__init__(min_value=30, max_value=LONGEST_TTL, required=False, **kwargs)


class RecordForm(OperationForm):
    """Host, type, TTL and value of a record; the values as a zone file has them."""

    host = forms.CharField(
        label=_("Host"),
        max_length=255,
        required=False,
        help_text=_("www, or *.shop; empty for the domain itself."),
    )
    type = forms.ChoiceField(label=_("Type"), choices=RecordType.choices)
    ttl = TtlField()
    value = forms.CharField(
        label=_("Value"),
        max_length=LONGEST_TEXT,
        strip=True,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("As a zone file has it: 203.0.113.7 for A, 10 mail.example.com for MX."),
    )
    version = VersionField()

    @property
    def zone(self) -> str:
        """Whose names these are; without one (for the API's document) that of nobody."""
        if not self.targets:
            return _EXAMPLE
        target = self.targets[0]
        return target.ascii if isinstance(target, Zone) else target.zone.ascii

    def clean_host(self) -> str:
        return clean_host(self.cleaned_data["host"], self.zone)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "type" in cleaned and "value" in cleaned:
            try:
                cleaned["value"] = self.clean_of(cleaned["type"], cleaned["value"])
            except ValidationError as error:
                self.add_error("value", error)
        return cleaned

    def clean_of(self, type_: str, value: str) -> str:
        return clean_value(type_, value, self.zone)

    def get_layout(self) -> Layout:
        return Layout(
            Row(Column("host"), Column("type", css_class="col-narrow"), Column("ttl")),
            "value",
            "version",
        )


class TemplateRecordForm(RecordForm):
    """A record that new zones start with."""

    scope = forms.ChoiceField(label=_("Made for"), choices=TemplateScope.choices)

    field_order = ("scope",)

    def prepare(self) -> None:
        self.fields["host"].help_text = _("www, or *; empty for the domain or subdomain itself.")
        self.fields["value"].help_text = _(
            "Placeholders: <domain>, <ip> and <ipv6> (addresses of the node), <mail> (the host"
            " that takes in mail), <ns1> to <ns9> (name servers)."
        )

    @property
    def zone(self) -> str:
        return _EXAMPLE

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        is_top = cleaned.get("host") == APEX and cleaned.get("scope") == TemplateScope.ZONE
        if is_top and cleaned.get("type") in {RecordType.CNAME, RecordType.DS}:
            self.add_error("type", _("The domain itself has no record of this type."))
        return cleaned

    def clean_of(self, type_: str, value: str) -> str:
        return clean_template_value(type_, value)

    def get_layout(self) -> Layout:
        return Layout(Row(Column("scope"), Column("host"), Column("type"), Column("ttl")), "value")


class SoaForm(OperationForm):
    """What the SOA record says, and the TTL of records that have none of their own."""

    def prepare(self) -> None:
        for name in SOA_FIELDS:
            column = Zone._meta.get_field(name)
            self.fields[name] = forms.IntegerField(
                label=column.verbose_name, min_value=30, max_value=LONGEST_TTL
            )


class AddressesForm(OperationForm):
    """Where the sites of a node are reached."""

    ipv4 = forms.GenericIPAddressField(label=_("IPv4 address"), protocol="IPv4", required=False)
    ipv6 = forms.GenericIPAddressField(label=_("IPv6 address"), protocol="IPv6", required=False)
    replace = forms.BooleanField(
        label=_("Replace the old address in the records that hold it"),
        required=False,
        initial=True,
        help_text=_("They are listed on the next page, before anything is changed."),
    )
