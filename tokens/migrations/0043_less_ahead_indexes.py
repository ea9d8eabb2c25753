"""Indexes that only lists of 100,000 accounts need: each check writes the row."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("tokens", "0042_one_doubt"),
    ]

    operations = [
        migrations.RemoveIndex("token", "token_list"),
        migrations.RemoveIndex("token", "token_names"),
        migrations.RemoveIndex("token", "token_facts"),
        migrations.RemoveIndex("token", "token_linked_anew"),
        migrations.RemoveIndex("token", "token_proven_of_app"),
    ]
