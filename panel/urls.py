"""All addresses of the panel."""

from django.urls import include, path

from hosting.services import base
from panel import navigation
from panel.core import search_views
from panel.core import urls as core_urls
from panel.core.activity_list import ActivityList
from panel.core.api import api
from panel.core.setting_views import SettingsView
from panel.core.views import ExportView, ListView

search_views.menu = navigation.navigation

urlpatterns = [
    path("search/", search_views.search_everything, name="search"),
    path("api/v1/", api.urls),
    path("activity/", ListView.as_view(list_page=ActivityList), name="activity_list"),
    path("activity/export.csv", ExportView.as_view(list_page=ActivityList), name="activity_export"),
    path("settings/", SettingsView.as_view(), name="settings"),
    path("settings/<slug:section>/", SettingsView.as_view(), name="settings_section"),
    *core_urls.urlpatterns,
    path("", include("accounts.urls")),
    path("", include("hosting.urls")),
    *(path("", include(config.urls)) for config in base.services() if config.urls),
]

handler400 = "panel.core.errors.bad_request"
handler403 = "panel.core.errors.permission_denied"
handler404 = "panel.core.errors.page_not_found"
handler500 = "panel.core.errors.server_error"
