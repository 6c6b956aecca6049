"""Addresses of databases and their users. Users have no page: their subscriptions show them."""

from django.urls import path

from hosting.services.database import views, views_dumps
from hosting.services.database.views_lists import DatabaseList
from panel.core.operation_views import SingleOperationView
from panel.core.urls import noun_urls

urlpatterns = [
    # Before the others: it takes large files.
    path(
        "databases/<int:pk>/import-dump/",
        views_dumps.ImportDumpView.as_view(),
        {"verb": "import-dump"},
        name="database_import_dump",
    ),
    *noun_urls("database", DatabaseList, views.DatabaseDetail),
    path("databases/<int:pk>/sizes", views.ask_sizes, name="database_sizes"),
    path("database-users/<int:pk>/", views.user_page, name="database_user_detail"),
    path(
        "database-users/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="database-user"),
        name="database_user_operation",
    ),
    path("database-dumps/<int:pk>/", views_dumps.dump_page, name="database_dump_detail"),
    path("database-dumps/<int:pk>/file", views_dumps.download, name="database_dump_file"),
    path(
        "database-dumps/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="database-dump"),
        name="database_dump_operation",
    ),
]
