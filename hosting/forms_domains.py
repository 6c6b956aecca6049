"""Forms of domains, subdomains and aliases."""

from typing import Any, cast

from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.forms import HostNameField
from hosting.forms_new_sites import NewSiteForm, with_site_fields
from hosting.models.domains import AliasMode, Domain, HostingType, PreferredName
from hosting.validators import clean_address, clean_document_root, clean_host_name
from panel.core.forms import OperationForm
from panel.core.versions import VersionField

# 301 and 302 of RFC 9110, as people choose them.
FOR_GOOD, FOR_NOW = 301, 302


class HostingFields(OperationForm):
    """What a name is for: a website, forwarding, or nothing on the web.

    What belongs to the types that are not chosen is kept as it is, for the day it is.
    """

    hosting_type = forms.ChoiceField(
        label=_("Hosting type"),
        choices=HostingType.choices,
        required=False,
        initial=HostingType.WEBSITE,
    )
    document_root = forms.CharField(
        label=_("Document root"),
        max_length=200,
        required=False,
        help_text=_("Below the subscription's home. Empty: a folder named after the domain."),
    )
    preferred_name = forms.ChoiceField(
        label=_("Preferred name"),
        choices=PreferredName.choices,
        required=False,
        initial=PreferredName.ASKED,
        help_text=_("The other of the two names, with www and without, redirects to it (301)."),
    )
    forward_to = forms.CharField(
        label=_("Forward to"),
        max_length=500,
        required=False,
        help_text=_(
            "An address with http:// or https://. Without a path it keeps what was asked for; with"
            " one, everything leads to exactly that page."
        ),
    )
    forward_code = forms.TypedChoiceField(
        label=_("Kind of forwarding"),
        choices=[
            (str(FOR_GOOD), _("Moved for good (301)")),
            (str(FOR_NOW), _("Moved for now (302)")),
        ],
        coerce=int,
        empty_value=None,
        required=False,
        initial=str(FOR_GOOD),
    )

    def clean_document_root(self) -> str:
        value = self.cleaned_data["document_root"]
        return clean_document_root(value) if value else ""

    def clean_forward_to(self) -> str:
        value = self.cleaned_data["forward_to"]
        return clean_address(value) if value else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        is_forwarding = cleaned.get("hosting_type") == HostingType.FORWARDING
        if is_forwarding and not cleaned.get("forward_to") and "forward_to" not in self.errors:
            self.add_error("forward_to", _("Where does it lead to?"))
        return cleaned

    def hosting(self) -> tuple[Any, ...]:
        """The fields, each under the type that it belongs to."""
        return (
            "hosting_type",
            Fieldset(
                str(HostingType.WEBSITE.label),
                Row(Column("document_root"), Column("preferred_name")),
            ),
            Fieldset(
                str(HostingType.FORWARDING.label),
                Row(Column("forward_to"), Column("forward_code")),
            ),
        )


@with_site_fields
class AddDomainForm(NewSiteForm, HostingFields):
    name = HostNameField()

    field_order = ("name",)

    def get_layout(self) -> Layout:
        return Layout("name", *self.hosting(), *self.site_fields())


@with_site_fields
class AddSubdomainForm(NewSiteForm, HostingFields):
    """A name below the domain, typed as what stands before it, or whole."""

    name = forms.CharField(label=_("Subdomain"), max_length=253)

    field_order = ("name",)

    def prepare(self) -> None:
        if self.targets:
            text = _("“blog” makes blog.%(name)s.")
            self.fields["name"].help_text = text % {"name": self.targets[0].name}

    def clean_name(self) -> str:
        typed = self.cleaned_data["name"]
        return subdomain_name(typed, self.targets[0]) if self.targets else typed

    def get_layout(self) -> Layout:
        return Layout("name", *self.hosting(), *self.site_fields())


def subdomain_name(typed: str, above: Domain) -> str:
    """A name below a domain, typed as what stands before it or whole."""
    typed = typed.strip().rstrip(".")
    if not typed.lower().endswith((f".{above.ascii}", f".{above.name}")):
        typed = f"{typed}.{above.ascii}"
    name = clean_host_name(typed)
    # SECURITY: with its dot, or "xexample.com" would be below "example.com".
    if not name.endswith(f".{above.ascii}"):
        raise ValidationError(_("It has to be below %(name)s."), params={"name": above.name})
    return name


class HostingSettingsForm(HostingFields):
    """Of several domains at once each field may be left as it is."""

    version = VersionField()

    def prepare(self) -> None:
        if len(self.targets) < 2:
            return
        for name in ("hosting_type", "preferred_name", "forward_code"):
            field = cast(forms.ChoiceField, self.fields[name])
            field.choices = [("", _("As it is")), *field.choices]
            field.initial = ""
        self.fields["document_root"].help_text = _(
            "Below the subscription's home. Empty: as it is."
        )

    def get_layout(self) -> Layout:
        return Layout(*self.hosting(), "version")


class AliasFields(OperationForm):
    """What another name for a domain does."""

    mode = forms.ChoiceField(
        label=_("Web"),
        choices=AliasMode.choices,
        required=False,
        initial=AliasMode.REDIRECT,
        help_text=_(
            "Visitors are sent to the main name (301, path and query are kept), or see the same"
            " site under this one."
        ),
    )
    has_mail = forms.BooleanField(
        label=_("Mail"),
        required=False,
        initial=True,
        help_text=_("What arrives for anyone at this name is handled as for the domain."),
    )
    syncs_dns = forms.BooleanField(
        label=_("Synchronise the DNS zone with the domain's"),
        required=False,
        initial=True,
        help_text=_("Its zone follows every change of the main one. Off: a zone of its own."),
    )


class AddAliasForm(AliasFields):
    name = HostNameField(label=_("Alias name"))

    field_order = ("name",)


class EditAliasForm(AliasFields):
    version = VersionField()


class RenameAliasForm(OperationForm):
    """Another name for an alias; the old one is given up."""

    name = HostNameField(label=_("New name"))


class RenameForm(OperationForm):
    """Another name, and what becomes of the old one. A subdomain stays below its domain."""

    name = forms.CharField(label=_("New name"), max_length=253)
    keeps_old_name = forms.BooleanField(
        label=_("Keep the old name as an alias that redirects to the new one"),
        required=False,
        initial=True,
    )

    def clean_name(self) -> str:
        typed = self.cleaned_data["name"]
        target = self.targets[0] if self.targets else None
        if isinstance(target, Domain) and target.parent is not None:
            return subdomain_name(typed, target.parent)
        return clean_host_name(typed)
