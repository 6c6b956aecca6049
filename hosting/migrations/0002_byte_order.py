"""Names are ordered by bytes of their folded form on both databases."""

from django.db import migrations

from panel.core.database import byte_order


class Migration(migrations.Migration):
    dependencies = [("hosting", "0001_initial")]

    operations = [
        migrations.RunPython(*byte_order("hosting_plan", "name_key", 200)),
        migrations.RunPython(*byte_order("hosting_subscription", "name_key", 255)),
        migrations.RunPython(*byte_order("hosting_domain", "name_key", 255)),
    ]
