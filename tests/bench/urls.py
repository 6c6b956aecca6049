"""The panel's addresses, the floor's and those of Django's admin."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path

from accounts.models import Customer
from hosting.models.domains import Domain
from hosting.models.subscriptions import Subscription
from panel.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401
from tests.bench import floor


class OpenSite(admin.AdminSite):
    """An admin that lets in whoever is logged in."""

    def has_permission(self, request: HttpRequest) -> bool:
        return True


class OpenAdmin(admin.ModelAdmin):
    """A changelist with the columns that the panel's list shows."""

    show_full_result_count = False
    list_per_page = 100
    actions = None

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return True

    has_module_permission = has_change_permission = has_view_permission
    has_delete_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> object:
        return super().get_queryset(request).unscoped("the bench compares with it")


class Customers(OpenAdmin):
    list_display = (
        "contact_name", "is_suspended", "username", "provider", "subscriptions_count",
        "domains_count", "created_at",
    )  # fmt: skip
    list_filter = ("is_suspended",)
    list_select_related = ("provider",)
    ordering = ("name_key",)


class Subscriptions(OpenAdmin):
    list_display = ("name", "is_suspended", "account", "domains_count", "expires_on", "created_at")
    list_filter = ("is_suspended",)
    list_select_related = ("account",)
    ordering = ("name_key",)


class Domains(OpenAdmin):
    list_display = ("name", "site_state", "subscription", "account", "aliases_count", "created_at")
    list_filter = ("site_state",)
    list_select_related = ("subscription", "account")
    ordering = ("name_key",)


site = OpenSite()
for model, described in ((Customer, Customers), (Subscription, Subscriptions), (Domain, Domains)):
    site.register(model, described)

urlpatterns = [
    *urlpatterns,
    path("floor/<str:noun>/", floor.page),
    path("admin/", site.urls),
]
