"""The panel's settings with Django's admin beside it, to be compared with."""

from panel.settings import *  # noqa: F403
from panel.settings import INSTALLED_APPS as _PANEL_APPS

INSTALLED_APPS = [*_PANEL_APPS, "django.contrib.admin"]
ROOT_URLCONF = "tests.bench.urls"
# Without a manifest: nothing is collected here. The names of files cost the same.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
