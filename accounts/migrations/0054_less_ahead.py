"""Nothing is worked out ahead of pages."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ('accounts', '0054_less_forms'),
    ]

    operations = [
        migrations.DeleteModel("BackupAtHand"),
        migrations.DeleteModel("KeptSet"),
        migrations.DeleteModel("PeopleUntil"),
        migrations.DeleteModel("StartFigures"),
    ]
