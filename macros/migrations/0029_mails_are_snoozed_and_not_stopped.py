from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("macros", "0028_notices_outlive_their_team"),
    ]

    operations = [
        migrations.DeleteModel(name="OptOut"),
    ]
