"""Forms of accounts: logging in, contact information, login information, texts of the provider."""

import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from crispy_forms.layout import Field, Fieldset, Layout
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import credentials, own_hosting
from accounts.countries import COUNTRIES
from accounts.models import Account, User
from accounts.validators import clean_email
from panel.core.access import Actor, Role
from panel.core.forms import OperationForm, refuse_control_characters
from panel.core.versions import VersionField
from panel.core.widgets import QuickSelect

# What an account's user may be given: (id, name) of the account's subscriptions, as far as the
# actor may see them. Set by the app that knows subscriptions.
Choices = Callable[[Actor, int], list[tuple[int, str]]]
subscription_choices: Choices = lambda actor, account_id: []  # noqa: E731

PASSWORD_TEMPLATE = "core/_password_field.html"  # noqa: S105  a template's name


class EmailAddressField(forms.CharField):
    """An email address in the form in which it is stored: its domain in ASCII."""

    widget = forms.EmailInput

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        return clean_email(cleaned) if cleaned else cleaned


class PasswordField(forms.CharField):
    """A password; never stripped, never shown again."""

    widget = forms.PasswordInput

    def __init__(self, *, autocomplete: str = "new-password", **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
        super().__init__(max_length=256, strip=False, widget=widget, **kwargs)


def new_password_fields(required: bool) -> dict[str, forms.Field]:
    """The password twice, for any form whose clean() calls `check_password_pair`."""
    return {
        "password": PasswordField(label=_("Password"), required=required),
        "password_again": PasswordField(label=_("Password again"), required=required),
    }


def drop_twin(form: OperationForm) -> None:
    """The second field guards against slips of the hand; programs have none."""
    if form.actor.door != "page":
        del form.fields["password_again"]


class NewLoginFields(OperationForm):
    """What a new user logs in with, for any form whose clean() calls `check_password_pair`."""

    secret_fields = ("password", "password_again")

    username = forms.CharField(
        label=_("Username"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def prepare(self) -> None:
        super().prepare()
        drop_twin(self)


def check_password_pair(
    form: forms.Form, *, username: str, name: str = "", email: str = ""
) -> None:
    """Both are the same and strong enough; errors go to the fields."""
    password = form.cleaned_data.get("password") or ""
    has_twin = "password_again" in form.fields
    again = (form.cleaned_data.get("password_again") or "") if has_twin else password
    if "password" in form.errors or "password_again" in form.errors:
        return
    if password != again:
        form.add_error("password_again", _("The two passwords are not the same."))
    elif password:
        try:
            credentials.check_strength(password, username=username, name=name, email=email)
        except ValidationError as error:
            form.add_error("password", error)


class LoginForm(AllauthLoginForm):
    """Username and password. Whoever knows the right password is told why it does not help."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].validators.append(refuse_control_characters)
        self.fields["password"].max_length = 256
        self.fields["remember"].label = _("Stay logged in on this device")

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()
        except ValidationError:
            user = getattr(self.request, "suspended_user", None)
            if user is None:
                raise
            if user.account.is_removed:
                text = _("This account has been removed. Ask your provider.")
            elif user.account.is_suspended:
                text = _("This account is suspended.")
            else:
                text = _("This user is not active. Ask the owner of the account.")
            raise ValidationError(text, code="not_let_in") from None


@cache
@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    """All that this machine knows; a directory of some hundred files, read once."""
    return tuple((name, name) for name in sorted(zoneinfo.available_timezones()))


def languages() -> list[tuple[str, Any]]:
    return list(settings.LANGUAGES)


class ContactFields(OperationForm):
    """Contact information: shared by everything that makes or edits an account."""

    contact_name = forms.CharField(label=_("Contact name"), max_length=100)
    company = forms.CharField(label=_("Company"), max_length=100, required=False)
    email = EmailAddressField(label=_("Email address"))
    phone = forms.CharField(label=_("Phone"), max_length=30, required=False)
    address = forms.CharField(label=_("Address"), max_length=255, required=False)
    city = forms.CharField(label=_("City"), max_length=60, required=False)
    state = forms.CharField(label=_("State or province"), max_length=60, required=False)
    postal_code = forms.CharField(label=_("Postal code"), max_length=12, required=False)
    country = forms.ChoiceField(
        label=_("Country"), choices=[("", "—"), *COUNTRIES], required=False, widget=QuickSelect
    )
    locale = forms.ChoiceField(label=_("Language"), choices=languages, initial="en")
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=time_zones, initial="UTC", widget=QuickSelect
    )
    external_id = forms.CharField(
        label=_("External id"),
        max_length=100,
        required=False,
        help_text=_("The number that a billing system knows the account by."),
    )

    CONTACT = (
        *("contact_name", "company", "email", "phone"),
        *("address", "city", "state", "postal_code", "country"),
        *("locale", "time_zone", "external_id"),
    )

    def provider_id(self) -> int | None:
        """Whose external ids have to differ: those of the accounts of this provider."""
        return self.targets[0].provider_id if self.targets else None

    def own_id(self) -> int | None:
        """The account that is edited; None while it does not exist yet."""
        return self.targets[0].pk if self.targets else None

    def clean_external_id(self) -> str | None:
        value = self.cleaned_data["external_id"] or None
        if value is not None:
            rows = Account.objects.unscoped("unique within the provider").filter(
                provider_id=self.provider_id(), external_id=value
            )
            if rows.exclude(pk=self.own_id() or 0).exists():
                raise ValidationError(_("Another account has this external id."))
        return value


class ContactInfoForm(ContactFields):
    """Edit Contact Info."""

    version = VersionField()

    def prepare(self) -> None:
        # Billing's number is the provider's matter, not the account's own.
        if self.targets and self.targets[0].pk == self.actor.account_id:
            del self.fields["external_id"]
        if len(self.targets) == 1:
            own_hosting.mark(self, self.targets[0].pk, self.targets[0].email)

    def get_layout(self) -> Layout:
        contact = ["contact_name", "company", "email", "phone"]
        address = ["address", "city", "state", "postal_code", "country"]
        rest = [name for name in ("locale", "time_zone", "external_id") if name in self.fields]
        return Layout(
            "version",
            *contact,
            Fieldset(str(_("Address")), *address),
            Fieldset(str(_("Preferences")), *rest),
        )


class LoginInfoForm(OperationForm):
    """Change Login Info: username, password, or both. What is left empty stays as it is."""

    secret_fields = ("password", "password_again", "current_password")

    username = forms.CharField(
        label=_("Username"),
        max_length=60,
        required=False,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = new_password_fields(False)["password"]
    password_again = new_password_fields(False)["password_again"]
    current_password = PasswordField(
        label=_("Your present password"), autocomplete="current-password"
    )
    revoke_tokens = forms.BooleanField(
        label=_("With a new password, also revoke the API tokens and passkeys of this login"),
        required=False,
        initial=True,
    )
    email_customer = forms.BooleanField(
        label=_("Send the customer an email about this"),
        required=False,
        help_text=_("It tells the username, never the password."),
    )
    version = VersionField()

    def prepare(self) -> None:
        self.user = self.login_of(self.targets[0]) if self.targets else None
        self.fields["password"].label = _("New password")
        drop_twin(self)
        is_oneself = self.user is not None and self.user.pk == self.actor.user_id
        if is_oneself:
            del self.fields["email_customer"]
        else:
            del self.fields["current_password"]
            if self.user is not None and not self.user.is_own:
                self.fields["email_customer"].label = _("Send the user an email about this")
        if self.user is None or not credentials.has_other_keys(self.user):
            del self.fields["revoke_tokens"]

    def login_of(self, target: Any) -> User | None:
        """The login that is changed: the target itself, or the account's own."""
        if isinstance(target, User):
            return target
        own = User.objects.unscoped("own login").filter(account_id=target.pk, is_own=True)
        return own.select_related("account").first()

    def get_layout(self) -> Layout:
        names = ["current_password", "username", "password", "password_again"]
        names += ["revoke_tokens", "email_customer", "version"]
        return Layout(
            *(
                Field(name, template=PASSWORD_TEMPLATE) if name == "password" else name
                for name in names
                if name in self.fields
            )
        )

    def clean_username(self) -> str:
        value = self.cleaned_data["username"]
        if not value or self.user is None or value.strip().lower() == self.user.username:
            return ""
        return credentials.clean_new_username(
            value,
            account_id=self.user.account_id,
            user_id=self.user.pk,
            of_administrator=self.user.account.role == Role.ADMINISTRATOR,
        )

    def clean_current_password(self) -> str:
        value = self.cleaned_data["current_password"]
        credentials.check_present(self.user, value)
        return value

    def clean(self) -> dict[str, Any]:
        if self.user is not None:
            check_password_pair(
                self,
                username=self.cleaned_data.get("username") or self.user.username,
                name=self.user.name,
                email=self.user.email,
            )
        return self.cleaned_data


class DescriptionForm(OperationForm):
    """The provider's words about an account; one paragraph, shown under its name."""

    description = forms.CharField(
        label=_("Description"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Shown under the name, to providers only."),
    )
    version = VersionField()

    def clean_description(self) -> str:
        return " ".join(self.cleaned_data["description"].split())


class AdministratorNoteForm(OperationForm):
    """What the administrator notes down; no reseller sees it."""

    admin_note = forms.CharField(
        label=_("Administrator's note"),
        max_length=5000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("No reseller and no customer sees it."),
    )
    version = VersionField()
