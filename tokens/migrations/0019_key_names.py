import tokens.vault
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0018_demoted'),
    ]

    operations = [
        migrations.AddField(
            model_name='channelapp',
            name='secrets_key',
            field=tokens.vault.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='secrets'),
        ),
        migrations.AddField(
            model_name='token',
            name='credentials_key',
            field=tokens.vault.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='credentials'),
        ),
    ]
