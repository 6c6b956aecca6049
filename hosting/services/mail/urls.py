"""Addresses of mailboxes."""

from django.urls import path

from hosting.services.mail import views_programs
from hosting.services.mail.views_mailboxes import MailboxDetail, MailboxList
from panel.core.urls import noun_urls

urlpatterns = [
    path(
        "mailboxes/<int:pk>/apple.mobileconfig",
        views_programs.mailbox_profile,
        name="mailbox_profile",
    ),
    *noun_urls("mailbox", MailboxList, MailboxDetail),
]
