"""Addresses of zones, their records and the template."""

from django.urls import path

from hosting.services.dns import views_records, views_zones
from hosting.services.dns.views_lists import TemplateRecordList, ZoneList
from hosting.services.dns.views_template import TemplateRecordDetail
from panel.core.operation_views import SingleOperationView
from panel.core.urls import noun_urls

urlpatterns = [
    *noun_urls("zone", ZoneList, views_zones.ZoneDetail),
    *noun_urls("template-record", TemplateRecordList, TemplateRecordDetail),
    path("records/<int:pk>/", views_records.record_page, name="record_detail"),
    path(
        "records/<slug:verb>/",
        views_records.RecordsView.as_view(noun="record"),
        name="record_bulk",
    ),
    path(
        "records/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="record"),
        name="record_operation",
    ),
]
