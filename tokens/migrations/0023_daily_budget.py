from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0022_incident_brake'),
    ]

    operations = [
        migrations.AddField(
            model_name='channelapp',
            name='daily_budget',
            field=models.PositiveIntegerField(blank=True, help_text='Calls a day that the channel allows this app. From 80 % on checks slow down, renewals never. Empty: no budget.', null=True),
        ),
    ]
