"""Addresses of databases and their users. Users have no page: their subscriptions show them."""

from django.urls import path

from hosting.services.database import views
from hosting.services.database.views_lists import DatabaseList
from panel.core.operation_views import SingleOperationView
from panel.core.urls import noun_urls

urlpatterns = [
    *noun_urls("database", DatabaseList, views.DatabaseDetail),
    path("databases/<int:pk>/sizes", views.ask_sizes, name="database_sizes"),
    path("database-users/<int:pk>/", views.user_page, name="database_user_detail"),
    path(
        "database-users/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="database-user"),
        name="database_user_operation",
    ),
]
