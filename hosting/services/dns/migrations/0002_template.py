"""What zones start from, until the administrator says otherwise."""

from typing import Any

from django.db import migrations

RECORDS = (
    ("zone", "@", "A", "<ip>"),
    ("zone", "@", "AAAA", "<ipv6>"),
    ("zone", "www", "CNAME", "<domain>"),
    ("zone", "mail", "A", "<ip>"),
    ("zone", "mail", "AAAA", "<ipv6>"),
    ("zone", "@", "MX", "10 <mail>"),
    ("zone", "@", "TXT", "v=spf1 a mx ~all"),
    ("subdomain", "@", "A", "<ip>"),
    ("subdomain", "@", "AAAA", "<ipv6>"),
    ("subdomain", "www", "CNAME", "<domain>"),
)


def fill(apps: Any, _schema_editor: Any) -> None:
    model = apps.get_model("dns", "TemplateRecord")
    model.objects.bulk_create(
        [model(scope=scope, host=host, type=type_, value=v) for scope, host, type_, v in RECORDS]
    )


class Migration(migrations.Migration):
    dependencies = [("dns", "0001_initial")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
