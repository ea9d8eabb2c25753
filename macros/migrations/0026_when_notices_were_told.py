"""When a warning left, which may be days after it was found: escalation counts from then."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("macros", "0025_when_an_action_was_added")]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
