"""What stands in the frame of every page: navigation by role, who is logged in, theme."""

from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from panel.core.access import Role

THEMES = ("auto", "light", "dark")
# Lists that are reached by the tabs of another one's page.
BESIDE = {
    "plan_list": ("addon_list", "reseller_plan_list"),
    "domain_list": ("zone_list", "certificate_list", "template_record_list"),
    "subscription_list": (
        "mailbox_list",
        "database_list",
        "ftp_account_list",
        "scheduled_task_list",
    ),
}
# (label, icon, name of the address, roles)
ENTRIES = (
    (_("Home"), "home", "home", {Role.ADMINISTRATOR, Role.RESELLER}),
    (_("Websites & Domains"), "websites", "home", {Role.CUSTOMER}),
    (_("Customers"), "customers", "customer_list", {Role.ADMINISTRATOR, Role.RESELLER}),
    (_("Resellers"), "resellers", "reseller_list", {Role.ADMINISTRATOR}),
    (_("Domains"), "domains", "domain_list", {Role.ADMINISTRATOR, Role.RESELLER}),
    (_("Subscriptions"), "subscriptions", "subscription_list", set(Role)),
    (_("Mail"), "mail", "mailbox_list", {Role.CUSTOMER}),
    (_("FTP Access"), "ftp", "ftp_account_list", {Role.CUSTOMER}),
    (_("Databases"), "databases", "database_list", {Role.CUSTOMER}),
    (_("Scheduled Tasks"), "tasks", "scheduled_task_list", {Role.CUSTOMER}),
    (_("Service Plans"), "plans", "plan_list", {Role.ADMINISTRATOR, Role.RESELLER}),
    (_("Nodes"), "nodes", "node_list", {Role.ADMINISTRATOR}),
    (_("Activity"), "activity", "activity_list", {Role.ADMINISTRATOR, Role.RESELLER}),
    (_("Settings"), "settings", "settings", {Role.ADMINISTRATOR}),
    (_("Users"), "users", "user_list", {Role.CUSTOMER}),
    # The administrator's is in the menu under its name.
    (_("Account"), "account", "profile", {Role.RESELLER, Role.CUSTOMER}),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu of the actor's role. A page that is not there is not in it."""
    actor = request.actor
    own = {name for _label, _icon, name, roles in ENTRIES if actor.role in roles}
    found = []
    for label, icon, name, roles in ENTRIES:
        if actor.role not in roles:
            continue
        try:
            url = reverse(name)
        except NoReverseMatch:
            continue
        # What has an entry of its own is marked there alone.
        beside = (one for one in BESIDE.get(name, ()) if one not in own)
        urls = tuple(reverse(one) for one in (name, *beside))
        active = request.path == url if url == "/" else request.path.startswith(urls)
        found.append({"label": label, "url": url, "icon": icon, "active": active})
    return found


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the frame."""
    theme = request.COOKIES.get("theme", "auto")
    context: dict[str, Any] = {
        "theme": theme if theme in THEMES else "auto",
        "nav": [],
        "who": None,
        "request_id": getattr(request, "request_id", "-"),
    }
    actor = getattr(request, "actor", None)
    if actor is None:
        return context
    acting = actor.real is not None
    user = getattr(request, "acting_user", None) or request.user
    # While the second factor is still to be set up, nothing else would open.
    is_open = not getattr(request, "must_set_up", False)
    context["nav"] = navigation(request) if is_open else []
    context["search_url"] = reverse("search") if is_open else ""
    context["who"] = {
        "name": actor.person.username,
        "role": Role(actor.role).label,
        "account": user.account.contact_name,
        "impersonating": acting,
        "back_url": reverse("act_as_stop") if acting else "",
        "back_label": _("Back to %(name)s") % {"name": actor.real.username} if acting else "",
        "profile_url": reverse("profile") if is_open else "",
    }
    return context
