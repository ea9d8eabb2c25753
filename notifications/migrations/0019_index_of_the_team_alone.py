import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("notifications", "0018_messages_of_a_team"),
    ]

    operations = [
        migrations.AlterField(
            "message",
            "team",
            models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="users.team",
                verbose_name="team",
            ),
        ),
    ]
