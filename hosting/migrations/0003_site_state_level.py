"""At which level a website was switched off: nobody lifts what a level above set."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hosting", "0002_byte_order")]

    operations = [
        migrations.AddField(
            model_name="domain",
            name="site_state_level",
            field=models.CharField(blank=True, default="", editable=False, max_length=15),
        ),
    ]
