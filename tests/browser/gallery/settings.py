"""The few settings that templates need: no database, none of the panel's views."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

DEBUG = True
SECRET_KEY = "gallery"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.browser.gallery.urls"
STATIC_URL = "/static/"
INSTALLED_APPS = ["django.contrib.staticfiles", "crispy_forms", "crispy_bootstrap5"]
CRISPY_TEMPLATE_PACK = "bootstrap5"
CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
            "libraries": {"icons": "panel.core.templatetags.icons"},
        },
    }
]
# As strict as the panel's own: what breaks under it shows in the gallery first.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
