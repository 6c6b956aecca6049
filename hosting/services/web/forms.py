"""Forms of what domains have on the web server."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.services.web.driver_directives import checked
from hosting.services.web.driver_grammar import LONGEST, BadText
from panel.core.forms import OperationForm
from panel.core.versions import VersionField


class HttpsSettingsForm(OperationForm):
    """Whether plain http leads to https, and whether browsers keep to it by themselves."""

    https_redirect = forms.BooleanField(
        label=_("Permanent SEO-safe 301 redirect from HTTP to HTTPS"),
        required=False,
        help_text=_("Challenges of certificate authorities are still answered by http."),
    )
    hsts = forms.BooleanField(
        label=_("Tell browsers to use HTTPS only (HSTS)"),
        required=False,
        help_text=_(
            "For half a year from their last visit, browsers then refuse the site without a"
            " certificate that they trust. This cannot be taken back before."
        ),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("hsts") and not cleaned.get("https_redirect"):
            self.add_error("hsts", _("Only together with the redirect."))
        return cleaned


class DirectivesForm(OperationForm):
    """nginx's directives for one site, checked as the node checks them again."""

    directives = forms.CharField(
        label=_("Additional nginx directives"),
        max_length=LONGEST,
        required=False,
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false", "class": "code"}),
        help_text=_(
            "They stand in the site's own server block: location, rewrite, return, add_header,"
            " expires, error_page, if and the like. What reads files elsewhere, reaches other"
            " programs or writes logs is not allowed. Variables of your own begin with $my_."
        ),
    )
    version = VersionField()

    def clean_directives(self) -> str:
        text: str = self.cleaned_data["directives"].replace("\r\n", "\n").strip()
        try:
            checked(text)
        except BadText as error:
            raise ValidationError(str(error)) from None
        return text
