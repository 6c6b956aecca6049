"""Names and usernames are ordered by bytes on both databases."""

from django.db import migrations

from panel.core.database import byte_order


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.RunPython(*byte_order("accounts_account", "name_key", 200)),
        migrations.RunPython(*byte_order("accounts_user", "username", 60)),
    ]
