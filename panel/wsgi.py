"""The WSGI application that gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
application = get_wsgi_application()
# Every page's code is loaded here, before gunicorn forks: its processes share it, and no visitor
# waits for it. What the collector does not look at, no process has to copy.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
