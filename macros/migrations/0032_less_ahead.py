"""Previews are counted in the request."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ('macros', '0031_less_digest'),
    ]

    operations = [
        migrations.DeleteModel("Forecast"),
    ]
