from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0027_snoozed_addresses'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='single_keys',
            field=models.BooleanField(db_default=True, default=True, verbose_name='single-letter keys'),
        ),
    ]
