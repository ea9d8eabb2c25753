from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('macros', '0020_snooze_of_all_accounts'),
    ]

    operations = [
        migrations.AddField(
            model_name='silence',
            name='message',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AlterModelOptions(
            name='silence',
            options={
                'default_permissions': ('view',),
                'ordering': ['until', 'pk'],
                'permissions': [('snooze_account', 'Can snooze warnings of accounts, and say who is on it')],
                'verbose_name': 'snoozed address',
                'verbose_name_plural': 'snoozed addresses',
            },
        ),
    ]
