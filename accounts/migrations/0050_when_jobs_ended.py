from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0049_kept_sets"),
    ]

    operations = [
        migrations.AddField(
            model_name="accountexport",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="deed",
            name="ended_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
