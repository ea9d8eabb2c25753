import hashlib
import json

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import migrations


def bind(apps, schema_editor):
    """Put beside each security key a sealed trace of it and its person. Without one it is refused."""
    ring = MultiFernet([Fernet(key) for key in settings.FERNET_KEYS])
    for row in apps.get_model('mfa', 'Authenticator').objects.filter(type='webauthn').iterator(chunk_size=500):
        trace = hashlib.sha256(json.dumps(row.data['credential'], sort_keys=True).encode()).hexdigest()
        row.data['bound'] = ring.encrypt(json.dumps({'owner': row.user_id, 'text': trace}).encode()).decode()
        row.save(update_fields=['data'])


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0012_installation'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [
        migrations.RunPython(bind, migrations.RunPython.noop),
    ]
