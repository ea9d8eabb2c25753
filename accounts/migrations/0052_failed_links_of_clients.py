import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0051_calendar_end"),
    ]

    operations = [
        migrations.AddField(
            model_name="linkproblem",
            name="client_link",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="accounts.clientlink",
            ),
        ),
    ]
