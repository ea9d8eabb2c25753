import json

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import migrations


def bind(apps, schema_editor):
    """Seal each secret anew, together with its person. What no key opens stays: it fits no code before and after."""
    ring = MultiFernet([Fernet(key) for key in settings.FERNET_KEYS])

    def bound(value, owner):
        if isinstance(value, list):
            return [bound(one, owner) for one in value]
        if not isinstance(value, str):
            return value
        try:
            text = ring.decrypt(value.encode()).decode()
        except InvalidToken:
            return value
        return ring.encrypt(json.dumps({'owner': owner, 'text': text}).encode()).decode()

    rows = apps.get_model('mfa', 'Authenticator').objects.filter(type__in=['totp', 'recovery_codes'])
    for row in rows.order_by('pk').iterator(chunk_size=500):
        row.data = {key: bound(value, row.user_id) for key, value in row.data.items()}
        row.save(update_fields=['data'])


def loose(apps, schema_editor):
    """Seal each secret without its person, as the version before reads it."""
    ring = MultiFernet([Fernet(key) for key in settings.FERNET_KEYS])

    def unbound(value):
        if isinstance(value, list):
            return [unbound(one) for one in value]
        if not isinstance(value, str):
            return value
        try:
            text = json.loads(ring.decrypt(value.encode()))['text']
        except (InvalidToken, ValueError, TypeError, KeyError):
            return value
        return ring.encrypt(text.encode()).decode()

    for row in apps.get_model('mfa', 'Authenticator').objects.filter(type__in=['totp', 'recovery_codes']):
        row.data = {key: unbound(value) for key, value in row.data.items()}
        row.save(update_fields=['data'])


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0009_teams'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [
        migrations.RunPython(bind, loose),
        migrations.AlterModelOptions(
            name='loginrecord',
            options={'ordering': ['-id'], 'verbose_name': 'log-in'},
        ),
    ]
