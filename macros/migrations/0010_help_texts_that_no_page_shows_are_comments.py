from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('macros', '0009_channels_by_registry'),
    ]

    operations = [
        migrations.AlterField(
            model_name='evaluation',
            name='message_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='evaluation',
            name='notice_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='notice',
            name='macro_name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100),
        ),
        migrations.AlterField(
            model_name='notice',
            name='via',
            field=models.CharField(blank=True, choices=[('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')], db_default='', default='', max_length=10),
        ),
    ]
