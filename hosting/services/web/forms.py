"""Forms of what domains have on the web server."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from panel.core.forms import OperationForm


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
