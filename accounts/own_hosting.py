"""Email addresses inside an account's own hosting: a warning wherever one is typed."""

from collections.abc import Callable

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext_lazy as _

from panel.core import reasons
from panel.core.operations import Step

# Whether this is an address of a name that the account hosts. Set by the app that knows names.
is_inside: Callable[[int, str], bool] = lambda account_id, email: False  # noqa: E731

reasons.declare(
    email_in_own_hosting=_(
        "%(email)s is an address in the account's own hosting. While that is shut, its mail cannot"
        " be read, and a forgotten password cannot be got back."
    ),
)


def tell(step: Step, account_id: int, email: str) -> None:
    """Say so besides what was done: nothing is refused for it."""
    if is_inside(account_id, email):
        step.note("email_in_own_hosting", email=email)


def mark(form: forms.Form, account_id: int, present: str) -> None:
    """Say so at the field, of what is typed there or else of what is stored."""
    email = str(form.data.get("email", "")) if form.is_bound else present
    if is_inside(account_id, email):
        words = reasons.render("email_in_own_hosting", {"email": email})
        # SECURITY: help texts are markup; an address is whatever somebody typed.
        form.fields["email"].help_text = escape(words)
