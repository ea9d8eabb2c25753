from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("macros", "0029_mails_are_snoozed_and_not_stopped")]

    operations = [
        migrations.AddField("evaluation", "dropped_at", models.DateTimeField(blank=True, null=True)),
    ]
