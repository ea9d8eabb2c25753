"""Reports that say nothing of the address, and when operators were told of the bounce mailbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0014_names_of_columns"),
    ]

    operations = [
        migrations.AddField(
            model_name="bouncemailbox",
            name="told_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="mailreturn",
            name="kind",
            field=models.CharField(
                choices=[
                    ("hard", "Came back for good"),
                    ("soft", "Came back, may pass"),
                    ("policy", "Turned away by a policy"),
                    ("forwarded", "Came back from where it was passed on to"),
                    ("stopped", "Unsubscribed at the mail service"),
                    ("complaint", "Marked as spam"),
                ],
                max_length=10,
            ),
        ),
    ]
