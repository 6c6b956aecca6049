"""Pages of one's own second factor: set it up, turn it off, make new recovery codes."""

from typing import Any

import qrcode
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from accounts import required_second_factor, second_factor
from accounts.forms_second_factor import sealed_for
from accounts.profile_views import OwnLoginView, acting_user, keep_this_session
from accounts.views import same_origin
from panel.core.operations import Operation, operations
from panel.core.views import go


def qr_code(text: str) -> dict[str, Any]:
    """A QR code as a path of SVG, one square for each dark module, and how wide it is. Drawn here:
    an address of a picture would carry the secret."""
    # A screen has no stains: little error correction, so that the squares are larger.
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_L, border=4)
    code.add_data(text)
    matrix = code.get_matrix()
    dark = ((x, y) for y, row in enumerate(matrix) for x, is_dark in enumerate(row) if is_dark)
    return {"path": "".join(f"M{x} {y}h1v1h-1z" for x, y in dark), "size": len(matrix)}


class CodesView(OwnLoginView):
    """Ends with recovery codes, shown once."""

    def make(self) -> dict[str, str]:
        return {"codes": " ".join(second_factor.new_recovery_codes())}

    def done(self, form: Any, made: dict[str, str], outcome: Any) -> HttpResponse:
        keep_this_session(self.request)
        context = {
            "codes": made["codes"].split(),
            "text": "\n".join(made["codes"].split()),
            "is_new": self.operation == SetUpView.operation,
            "back_url": self.back_url(),
            "path": self.surroundings(operations[self.operation])["path"],
        }
        return render(self.request, "accounts/recovery_codes.html", context)


class SetUpView(CodesView):
    """Shows a new secret, and takes a code that the app made of it."""

    operation = "login.set-up-two-factor"

    def back_url(self) -> str:
        """The page that one was led away from, or one's own."""
        return same_origin(self.request.GET.get("next", ""), super().back_url())

    def surroundings(self, operation: Operation) -> dict[str, Any]:
        """Who was led here reads why; there is nothing to go back to."""
        around = super().surroundings(operation)
        if not getattr(self.request, "must_set_up", False):
            return around
        why = required_second_factor.words(self.request.actor.role)
        lead = _("%(why)s Set it up here: everything else opens after that.") % {"why": why}
        return around | {"lead": lead, "cancel_url": "", "path": []}

    def initial(self) -> dict[str, Any]:
        return {"sealed": sealed_for(acting_user(self.request).pk, second_factor.new_secret())}

    def render(self, shown: dict[str, Any], path: Any, status: int) -> HttpResponse:
        context: dict[str, Any] = {"page": shown, "path": path}
        if secret := shown["form"].secret():
            uri = second_factor.otpauth(acting_user(self.request), secret)
            grouped = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
            context |= {"qr": qr_code(uri), "secret": secret, "grouped": grouped}
        return render(self.request, "accounts/second_factor_set_up.html", context, status=status)


class TurnOffView(OwnLoginView):
    """Asks for the present password; this session goes on."""

    operation = "login.turn-off-two-factor"

    def get(self, request: HttpRequest) -> HttpResponse:
        role = request.actor.role
        if required_second_factor.is_required(role):
            messages.error(request, required_second_factor.why_it_stays(role))
            return go(self.back_url())
        return super().get(request)

    def done(self, form: Any, made: dict[str, str], outcome: Any) -> HttpResponse:
        keep_this_session(self.request)
        return super().done(form, made, outcome)


class NewCodesView(CodesView):
    """New recovery codes instead of the ones before."""

    operation = "login.new-recovery-codes"
