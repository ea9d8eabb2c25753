"""An address may be parked because a policy turns our mails away, or its reader unsubscribed at the mail service."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("users", "0025_names_of_columns"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refusedaddress",
            name="why",
            field=models.CharField(
                choices=[
                    ("refused", "Refused by the mail server"),
                    ("policy", "Turned away by its mail server"),
                    ("again", "Refused again after a week"),
                    ("bounced", "Mail comes back"),
                    ("returned", "Mail came back several times"),
                    ("stopped", "Unsubscribed at the mail service"),
                    ("complained", "Marked as spam"),
                ],
                db_default="refused",
                default="refused",
                max_length=10,
            ),
        ),
    ]
