from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0026_addresses_turned_away'),
    ]

    operations = [
        migrations.AlterField(
            model_name='addressevent',
            name='kind',
            field=models.CharField(
                choices=[
                    ('parked', 'Parked'),
                    ('released', 'Released by staff'),
                    ('confirmed', 'Confirmed by its reader'),
                    ('taken', 'Its mail server took a mail again'),
                    ('lapsed', 'Tried again after a week'),
                    ('snoozed', 'All warnings snoozed'),
                    ('resumed', 'Warnings are mailed again'),
                ],
                max_length=10,
            ),
        ),
    ]
