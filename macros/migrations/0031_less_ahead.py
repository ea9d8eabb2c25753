"""Previews are counted in the request."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("macros", "0030_when_notices_were_dropped"),
    ]

    operations = [
        migrations.DeleteModel("Forecast"),
    ]
