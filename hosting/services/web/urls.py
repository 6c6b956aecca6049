"""Addresses of what domains have on the web server."""

from django.urls import path

from hosting.services.web import views_logs

urlpatterns = [path("domains/<int:pk>/logs/ask/", views_logs.ask_logs, name="domain_logs")]
