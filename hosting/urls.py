"""Addresses of what is hosted, and of the accounts that host it."""

from django.urls import path

from hosting.views import domains, home, hosted, imports, plans, preview, resellers
from hosting.views.accounts import CustomerDetail
from hosting.views.choosing import AddBelowView
from hosting.views.domain_list import DomainList
from hosting.views.holding import HeldBack
from hosting.views.lists import (
    CustomerList,
    ResellerList,
    SubscriptionList,
)
from hosting.views.nodes import NodeDetail, NodeList
from panel.core.operation_views import SingleOperationView
from panel.core.urls import noun_urls

urlpatterns = [
    path("", home.home, name="home"),
    path("daily-run/", HeldBack.as_view(), name="held_back"),
    path("subscriptions/<int:pk>/state.json", hosted.subscription_state, name="subscription_state"),
    path("subscriptions/<int:pk>/preview/ask/", preview.ask_preview, name="subscription_preview"),
    *noun_urls("customer", CustomerList, CustomerDetail),
    *noun_urls("reseller", ResellerList, resellers.ResellerDetail),
    *noun_urls("subscription", SubscriptionList, hosted.SubscriptionDetail),
    path("domains/add/<slug:what>/", AddBelowView.as_view(), name="domain_add_below"),
    *noun_urls("domain", DomainList, domains.DomainDetail),
    *noun_urls("plan", plans.PlanList, plans.PlanDetail),
    *noun_urls("addon", plans.AddOnList, plans.AddOnDetail),
    *noun_urls("reseller-plan", plans.ResellerPlanList, plans.ResellerPlanDetail),
    path("imports/example.csv", imports.import_sample, name="import_sample"),
    path("imports/<int:pk>/state.json", imports.import_state, name="import_state"),
    path("imports/<int:pk>/refused.csv", imports.import_refused, name="import_refused"),
    *noun_urls("import", imports.ImportList, imports.ImportDetail),
    *noun_urls("node", NodeList, NodeDetail),
    path("aliases/<int:pk>/", domains.alias_page, name="alias_detail"),
    path(
        "aliases/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="alias"),
        name="alias_operation",
    ),
]
