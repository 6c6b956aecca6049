"""Django's settings. What an administrator edits is rows; here stands what is needed to start."""

import os
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from hosting.services.registry import SERVICES
from panel import configuration

BASE_DIR = Path(__file__).resolve().parent.parent
_given = configuration.load(os.environ)

DATA_DIR: Path = _given["DATA"]
DATA_DIR.mkdir(parents=True, exist_ok=True)
DEBUG = _given["DEBUG"]
SECRET_KEY = configuration.secret_key(_given["SECRET_KEY"], debug=DEBUG)
ALLOWED_HOSTS = _given["HOSTS"]
PANEL_PORT = _given["PORT"]
SITES_PORT = _given["SITES_PORT"]
DNS_PORT = _given["DNS_PORT"]
FTP_PORT, SFTP_PORT = _given["FTP_PORT"], _given["SFTP_PORT"]
# Of the node that this machine is; the worker speaks to its agent there.
NODE_PLATFORM = _given["PLATFORM"]
AGENT_SOCKET = Path(_given["AGENT_SOCKET"] or DATA_DIR / "node" / "run" / "agent.sock")
# SECURITY: links in messages are built from this, never from a request's Host header.
PANEL_ORIGIN = _given["ORIGIN"] or f"http://localhost:{PANEL_PORT}"

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_filters",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "panel.core",
    "accounts",
    "hosting",
    *(f"hosting.services.{name}" for name in SERVICES),
]

MIDDLEWARE = [
    "panel.core.middleware.RequestId",
    "panel.core.middleware.ContentSecurity",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "panel.core.uploads.LargerFiles",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.TokenAuthentication",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.RequiredSecondFactor",
    "accounts.middleware.CurrentActor",
    "hosting.middleware.RememberPermissions",
]

ROOT_URLCONF = "panel.urls"
WSGI_APPLICATION = "panel.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.messages.context_processors.messages",
                "panel.navigation.frame",
            ],
        },
    },
]

DATABASES = {"default": configuration.database(_given["DATABASE_URL"], DATA_DIR)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Shared by all processes: rate limits must not double with every worker.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA_DIR / "cache",
        # SECURITY: beyond these some are forgotten at random. By default 300 are kept, which one
        # address fills with wrong logins in the five minutes that its attempts count for.
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.AccountBackend"]
PASSWORD_HASHERS = (
    ["django.contrib.auth.hashers.MD5PasswordHasher"]
    if _given["FAST_HASHER"] and DEBUG
    else [
        "accounts.hashers.PanelArgon2",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ]
)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3600

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "accounts.adapter.PanelAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm"}
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_RATE_LIMITS = {
    "login": "60/m/ip",
    "login_failed": "10/5m/key",
    # Wrong codes after the right password, from wherever: see accounts.second_step.
    "login_code": "20/h/key",
}
ALLAUTH_TRUSTED_PROXY_COUNT = _given["PROXIES"]
NINJA_NUM_PROXIES = _given["PROXIES"]

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_NAME = "freehold_session"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _given["TLS"]
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "freehold_csrf"
CSRF_FAILURE_VIEW = "panel.core.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS = [PANEL_ORIGIN]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Seconds; only for who has a certificate that browsers trust.
SECURE_HSTS_SECONDS = _given["HSTS"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
TIME_ZONE = _given["TIME_ZONE"]
USE_TZ = True
USE_THOUSAND_SEPARATOR = False

STATIC_URL = "static/"
STATIC_ROOT = Path(_given["STATIC"] or DATA_DIR / "static").resolve()
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEBUG
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG

FILE_UPLOAD_HANDLERS = ["panel.core.uploads.SmallFiles"]

CRISPY_ALLOWED_TEMPLATE_PACKS = "bootstrap5"
CRISPY_TEMPLATE_PACK = "bootstrap5"

DEFAULT_FROM_EMAIL = _given["MAIL_FROM"]
EMAIL_BACKEND = {
    "file": "django.core.mail.backends.filebased.EmailBackend",
    "console": "django.core.mail.backends.console.EmailBackend",
    "smtp": "django.core.mail.backends.smtp.EmailBackend",
    "memory": "django.core.mail.backends.locmem.EmailBackend",
}[_given["EMAIL"]]
# A server that hangs must not outlive the lease of the message.
EMAIL_TIMEOUT = 20
EMAIL_FILE_PATH = DATA_DIR / "mail"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request_id": {"()": "panel.core.middleware.AddRequestId"},
        "full_disk": {"()": "panel.core.full_disk.SayOnce"},
    },
    "formatters": {
        "line": {
            "()": "panel.core.full_disk.InWords",
            "format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id", "full_disk"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
}
