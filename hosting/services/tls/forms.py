"""Parameters of operations on certificates; what is wrong with an uploaded one, at its field."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.tls import reading
from hosting.services.tls.naming import ALIASES, EXTENT, MAIL, WILDCARD, WWW
from panel.core.forms import OperationForm

_PEM = {"rows": 8, "spellcheck": "false", "autocomplete": "off", "class": "code"}


class IssueForm(OperationForm):
    """Which names besides the domain's own. All of them have to lead here."""

    www = forms.BooleanField(label=_("www before it"), required=False, initial=True)
    aliases = forms.BooleanField(label=_("Its aliases"), required=False)
    mail = forms.BooleanField(
        label=_("mail before it, for mail and FTP programs"),
        required=False,
    )
    wildcard = forms.BooleanField(
        label=_("Everything one level below it (a wildcard)"),
        required=False,
        help_text=_("Only where its DNS zone is served here; the authority asks the zone then."),
    )

    @property
    def extent(self) -> list[str]:
        return [name for name in EXTENT if self.cleaned_data.get(name)]


assert set(IssueForm.base_fields) == {WWW, ALIASES, MAIL, WILDCARD}


class UploadForm(OperationForm):
    """A certificate with its key and those above it, as an authority sends them."""

    secret_fields = ("key",)

    certificate = forms.CharField(
        label=_("Certificate"),
        max_length=reading.LONGEST,
        widget=forms.Textarea(attrs=_PEM),
        help_text=_("In PEM form. Those that signed it may follow, in whichever order."),
    )
    chain = forms.CharField(
        label=_("Certificates above it"),
        max_length=reading.LONGEST,
        required=False,
        widget=forms.Textarea(attrs=_PEM),
        help_text=_("Intermediate certificates, if they do not stand above."),
    )
    key = forms.CharField(
        label=_("Private key"),
        max_length=reading.LONGEST,
        widget=forms.Textarea(attrs=_PEM),
        help_text=_("In PEM form, without a password. It is kept encrypted, and shown to nobody."),
    )

    def clean_certificate(self) -> str:
        text = _lines(self.cleaned_data["certificate"])
        # Alone, so that what is wrong with it is said here. With others, order is seen below.
        if text.count("BEGIN CERTIFICATE") <= 1:
            reading.refuse_out_of_date(reading.read_chain(text))
        return text

    def clean_chain(self) -> str:
        text = _lines(self.cleaned_data["chain"])
        if text:
            reading.refuse_no_certificates(text)
        return text

    def clean_key(self) -> str:
        pem, self._key = reading.read_key(_lines(self.cleaned_data["key"]))
        return pem

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if "certificate" not in cleaned or "chain" not in cleaned:
            return cleaned
        try:
            read = reading.read_chain(f"{cleaned['certificate']}\n{cleaned['chain']}")
            reading.refuse_out_of_date(read)
            self._refuse_others(read)
        except ValidationError as error:
            field = "chain" if cleaned["chain"] else "certificate"
            self.add_error(field, error)
            return cleaned
        if "key" in cleaned and not reading.belong_together(read.leaf, self._key):
            self.add_error("key", _("This key does not belong to the certificate."))
        cleaned["read"] = read
        return cleaned

    def _refuse_others(self, read: reading.Read) -> None:
        for target in self.targets:
            if not reading.covers(read.names, target.ascii):
                names = ", ".join(read.names[:5]) or "—"
                raise ValidationError(
                    _("It is not for %(name)s, but for %(names)s.")
                    % {"name": target.name, "names": names}
                )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()
