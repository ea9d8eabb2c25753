"""Makes the one default team, so that every account has a team from the first day."""

from django.db import migrations


def make_default_team(apps, schema_editor):
    apps.get_model("users", "Team").objects.get_or_create(is_default=True, defaults={"name": "General"})


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = [migrations.RunPython(make_default_team, migrations.RunPython.noop)]
