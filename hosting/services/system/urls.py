"""Addresses of SSH keys. They have no list of their own: their subscriptions show them."""

from django.urls import path

from hosting.services.system import views
from panel.core.operation_views import SingleOperationView

urlpatterns = [
    path("ssh-keys/<int:pk>/", views.ssh_key_page, name="ssh_key_detail"),
    path(
        "ssh-keys/<int:pk>/<slug:verb>/",
        SingleOperationView.as_view(noun="ssh-key"),
        name="ssh_key_operation",
    ),
]
