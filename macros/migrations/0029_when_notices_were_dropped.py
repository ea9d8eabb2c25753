from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("macros", "0028_notices_outlive_their_team")]

    operations = [
        migrations.AddField("evaluation", "dropped_at", models.DateTimeField(blank=True, null=True)),
    ]
