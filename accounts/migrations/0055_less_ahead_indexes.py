"""Indexes that only lists of 100,000 accounts need."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ('accounts', '0054_less_ahead'),
    ]

    operations = [
        migrations.RemoveIndex("account", "account_list"),
        migrations.RemoveIndex("account", "account_unusual"),
        migrations.RemoveIndex("account", "account_without_backup"),
    ]
