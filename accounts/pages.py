"""The list of additional users, and a user's page."""

from typing import Any

import django_filters
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts import roles, second_factor
from accounts.models import ApiToken, User
from accounts.nouns import noun_of
from panel.core.activity_views import entries_table
from panel.core.filters import PanelFilterSet
from panel.core.lists import Column, Listing, ListPage, Sort, register_list
from panel.core.markup import day, link, main_cell, moment, tag
from panel.core.operations import PROVIDERS, nouns
from panel.core.views import DetailPage

STATES = [("active", _("Active")), ("inactive", _("Not active"))]


class UserFilter(PanelFilterSet):
    status = django_filters.ChoiceFilter(
        label=_("Status"), choices=STATES, empty_label=_("All"), method="by_status"
    )
    role = django_filters.ChoiceFilter(
        label=_("User role"), choices=roles.CHOICES, empty_label=_("All"), field_name="user_role"
    )

    class Meta:
        model = User
        fields: list[str] = []

    def by_status(self, rows: Any, _name: str, value: str) -> Any:
        return rows.filter(is_active=value == "active")


def role_label(user: User) -> str:
    """The role's name; an unknown one, which reaches nothing, as it is stored."""
    return str(dict(roles.CHOICES).get(user.user_role, user.user_role))


def status_tag(user: User) -> Any:
    return tag(_("Active"), "ok") if user.is_active else tag(_("Not active"), "mute")


def reach(user: User) -> str:
    """Which subscriptions a user may enter, in words."""
    if user.subscription_ids is None:
        return str(_("All"))
    return str(len(user.subscription_ids))


def _account_cell(user: User, listing: Listing) -> Any:
    url = nouns[noun_of(user.account)].url(user.account_id)
    name = user.account.contact_name
    return link(url, name) if url and listing.actor.is_provider else name


class UserList(ListPage):
    """Additional users of one's own account; to a provider, those of all accounts below as well."""

    noun = "user"
    title = _("Users")
    url_name = "user"
    filterset_class = UserFilter
    default_sort = "username"
    empty_title = _("No additional users yet")
    empty_text = _("Give others a login of their own, with a role and some of the subscriptions.")
    sorts = (Sort("username", "username"),)
    columns = (
        Column(
            _("Username"),
            lambda user, listing: main_cell(listing.url(user.pk), user.username, user.name),
            csv=lambda user, listing: user.username,
            sort="username",
            css="main",
        ),
        Column(
            _("Account"),
            _account_cell,
            csv=lambda user, listing: user.account.contact_name,
            tells=("account_id",),
            roles=PROVIDERS,
        ),
        Column(_("Email address"), lambda user, listing: user.email),
        Column(_("User role"), lambda user, listing: role_label(user)),
        Column(_("Subscriptions"), lambda user, listing: reach(user), css="num"),
        Column(
            _("Status"),
            lambda user, listing: status_tag(user),
            csv=lambda user, listing: "active" if user.is_active else "inactive",
            is_plain=True,
        ),
    )

    def rows(self, actor: Any) -> Any:
        return super().rows(actor).select_related("account")

    def found(self, actor: Any, queryset: Any, text: str) -> Any:
        """By their own columns. Users are not in the search for everything, which shows all of an
        account's objects to all of its users: who sees colleagues follows from the role."""
        words = models.Q()
        for word in text.split():
            words &= (
                models.Q(username__icontains=word)
                | models.Q(name__icontains=word)
                | models.Q(email__icontains=word)
            )
        return queryset.filter(words)


class TokenFilter(PanelFilterSet):
    class Meta:
        model = ApiToken
        fields: list[str] = []


@register_list
class TokenList(ListPage):
    """One's own API tokens, for programs; people have them on their own page."""

    noun = "token"
    title = _("API tokens")
    url_name = "token"
    filterset_class = TokenFilter
    default_sort = "created"
    sorts = (Sort("created", "created_at"),)
    columns = (Column(_("Name"), lambda token, listing: token.name),)

    def found(self, actor: Any, queryset: Any, text: str) -> Any:
        return queryset.filter(name__icontains=text)


class UserDetail(DetailPage):
    """One additional user."""

    noun = "user"

    def queryset(self, actor: Any) -> Any:
        return super().queryset(actor).select_related("account")

    def context(self, request: HttpRequest, target: Any, tab: str) -> dict[str, Any]:
        actor = request.actor
        account = target.account
        account_url = nouns[noun_of(account)].url(account.pk) if actor.is_provider else ""
        facts = [
            (_("Contact name"), target.name),
            (_("Email address"), target.email),
            (_("Account"), link(account_url, account) if account_url else str(account)),
            (_("User role"), role_label(target)),
            (_("Subscriptions"), reach(target)),
            (
                _("Two-factor authentication"),
                second_factor.on_or_off(on=second_factor.is_on(target.pk)),
            ),
            (_("Logged in"), moment(target.last_login) or _("never")),
            (_("Created"), day(target.created_at)),
        ]
        state = dict(STATES)["active" if target.is_active else "inactive"]
        activity = entries_table(request, actor_id=target.pk, account_id=target.account_id)
        return {
            "title": target.username,
            "tags": [{"text": state, "tone": "ok" if target.is_active else "mute", "title": ""}],
            "facts": [{"label": label, "value": value} for label, value in facts],
            "panel_sections": [{"title": _("Activity"), "table": activity}],
            "more_actions": self.own_actions(request, target),
        }

    def own_actions(self, request: HttpRequest, target: Any) -> list[dict[str, Any]]:
        """To oneself, the way to one's own page."""
        if target.pk != request.actor.user_id:
            return []
        item = {
            "label": _("Account"),
            "url": reverse("profile"),
            "post": False,
            "destructive": False,
        }
        return [{"label": None, "items": [item]}]
