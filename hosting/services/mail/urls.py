"""Addresses of mailboxes. They have no list of their own: their domains show them."""

from django.urls import path

from hosting.services.mail import views
from panel.core.operation_views import SingleOperationView

urlpatterns = [
    path("mailboxes/<int:pk>/", views.mailbox_page, name="mailbox_detail"),
    path(
        "mailboxes/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="mailbox"),
        name="mailbox_operation",
    ),
]
