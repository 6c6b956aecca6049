"""Parameters of operations on databases and their users."""

import ipaddress
import re
from typing import Any

from crispy_forms.layout import Field, Layout
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.forms import (
    PASSWORD_TEMPLATE,
    check_password_pair,
    drop_twin,
    new_password_fields,
)
from hosting.services.database.models import Database
from hosting.services.database.passwords import refuse_odd
from hosting.services.database.words import LONGEST_NAME, MOST_HOSTS, NAME, Access, Server
from panel.core.forms import OperationForm

_NAME_HELP = _("Small letters, digits and _. The number of the subscription is put before it.")


class NameField(forms.CharField):
    """A name as people type it: without its beginning."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", _NAME_HELP)
        super().__init__(max_length=LONGEST_NAME, **kwargs)

    def clean(self, value: Any) -> str:
        found: str = super().clean(value)
        if found and not NAME.fullmatch(found):
            raise ValidationError(_("Only small letters, digits and _."))
        return found


class HostsField(forms.CharField):
    """Addresses and networks, one a line or parted by blanks or commas; cleaned to a list."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "autocomplete": "off"})
        super().__init__(required=False, max_length=2000, widget=widget, **kwargs)

    def clean(self, value: Any) -> list[str]:
        # Programs may give a list.
        text = " ".join(map(str, value)) if isinstance(value, list | tuple) else value
        words = [word for word in re.split(r"[\s,]+", super().clean(text)) if word]
        if len(words) > MOST_HOSTS:
            raise ValidationError(_("At most %(n)s."), params={"n": MOST_HOSTS})
        return sorted({host_of(word) for word in words})


def host_of(word: str) -> str:
    """An address, or a network of IPv4, as it is written; ValidationError for anything else."""
    try:
        network = ipaddress.ip_network(word)
    except ValueError:
        raise ValidationError(
            _("%(word)s is no IP address, nor a network like 203.0.113.0/24."),
            params={"word": word},
        ) from None
    if network.num_addresses == 1:
        return str(network.network_address)
    if network.version == 6:
        raise ValidationError(_("Of IPv6 single addresses only: %(word)s."), params={"word": word})
    return str(network)


class WithPassword(OperationForm):
    """A password, typed twice on a page."""

    secret_fields = ("password", "password_again")

    def prepare(self) -> None:
        drop_twin(self)

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"] or ""
        refuse_odd(password)
        return password

    def passwords(self) -> list[Any]:
        """Their place in a layout."""
        twin = ["password_again"] if "password_again" in self.fields else []
        return [Field("password", template=PASSWORD_TEMPLATE), *twin]


class AddDatabaseForm(WithPassword):
    """A database, and at once a user of it where one is named."""

    server = forms.ChoiceField(label=_("Server"), choices=Server.choices)
    name = NameField(label=_("Name"))
    user = NameField(
        label=_("User"),
        required=False,
        help_text=_("Who may read and change everything in it. Empty: a user is added later."),
    )
    password = new_password_fields(False)["password"]
    password_again = new_password_fields(False)["password_again"]

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        check_password_pair(self, username=cleaned.get("user") or "")
        if cleaned.get("user") and not cleaned.get("password") and "password" not in self.errors:
            self.add_error("password", _("A user needs a password."))
        if cleaned.get("password") and not cleaned.get("user") and "user" not in self.errors:
            self.add_error("user", _("Whose password is it?"))
        return cleaned

    def get_layout(self) -> Layout:
        return Layout("server", "name", "user", *self.passwords())


def databases_of(subscription_id: int, servers: tuple[str, ...]) -> list[tuple[str, Any]]:
    """What a user can be of: each database, or all on a server."""
    rows = Database.objects.unscoped("the target was found for this actor")
    found = rows.filter(subscription_id=subscription_id, server__in=servers).order_by("name")
    labels = dict(Server.choices)
    one = [(f"{row.server}/{row.name}", f"{row.name} ({labels[row.server]})") for row in found]
    every = {Server.MARIADB: _("All on MariaDB"), Server.POSTGRESQL: _("All on PostgreSQL")}
    return [*one, *((server, every[Server(server)]) for server in servers)]


class AccessFields(OperationForm):
    """What a user may do where, and where it comes from."""

    database = forms.ChoiceField(
        label=_("Database"),
        help_text=_("All on a server: also those that are added later."),
    )
    access = forms.ChoiceField(label=_("Access"), choices=Access.choices, initial=Access.FULL)
    hosts = HostsField(
        label=_("Other hosts"),
        help_text=_(
            "IP addresses, or networks like 203.0.113.0/24, from which it may come besides the"
            " websites of its subscription. Always over TLS."
        ),
    )


class AddUserForm(AccessFields, WithPassword):
    name = NameField(label=_("Name"))
    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def prepare(self) -> None:
        drop_twin(self)
        every = tuple(Server.values)
        choices = databases_of(self.targets[0].pk, every) if self.targets else []
        self.fields["database"].choices = choices

    def clean(self) -> dict[str, Any]:
        check_password_pair(self, username=self.cleaned_data.get("name") or "")
        return self.cleaned_data

    def get_layout(self) -> Layout:
        return Layout("name", *self.passwords(), "database", "access", "hosts")


class UserAccessForm(AccessFields):
    def prepare(self) -> None:
        choices: list[tuple[str, Any]] = []
        if self.targets:
            row = self.targets[0]
            choices = databases_of(row.subscription_id, (row.server,))
        self.fields["database"].choices = choices


class UserPasswordForm(WithPassword):
    password = new_password_fields(True)["password"]
    password_again = new_password_fields(True)["password_again"]

    def clean(self) -> dict[str, Any]:
        name = self.targets[0].name if self.targets else ""
        check_password_pair(self, username=name)
        return self.cleaned_data

    def get_layout(self) -> Layout:
        return Layout(*self.passwords())
