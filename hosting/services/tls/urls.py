"""Addresses of certificates. One has no page of its own: its domain shows it."""

from django.urls import path

from hosting.services.tls import views
from panel.core.lists import register_list
from panel.core.operation_views import BulkOperationView, SingleOperationView
from panel.core.views import ExportView, ListView

register_list(views.CertificateList)
_PAGE = {"list_page": views.CertificateList}

urlpatterns = [
    path("certificates/", ListView.as_view(**_PAGE), name="certificate_list"),
    path("certificates/export.csv", ExportView.as_view(**_PAGE), name="certificate_export"),
    path("certificates/<int:pk>/", views.certificate_page, name="certificate_detail"),
    path(
        "certificates/<slug:verb>/",
        BulkOperationView.as_view(noun="certificate", **_PAGE),
        name="certificate_bulk",
    ),
    path(
        "certificates/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="certificate"),
        name="certificate_operation",
    ),
]
