import hashlib
import json

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import connections, migrations

SEALED = ['secret', 'seed', 'migrated_codes', 'bound']


def name(key):
    return hashlib.sha256(b'adtoken fernet key:' + key.encode()).hexdigest()[:16]


def fill(apps, schema_editor):
    """Name beside each second factor the key that opens it. What no key opens, or several, stays as it is.

    A row that was written meanwhile keeps what was written: its writer names the key, or `rotate_token_keys` does.
    """
    ring = [(name(key), Fernet(key)) for key in settings.FERNET_KEYS]

    def opened_by(text):
        for key_name, key in ring:
            try:
                key.decrypt(text)
            except (InvalidToken, TypeError):
                continue
            return key_name
        return ''

    with connections[schema_editor.connection.alias].cursor() as cursor:
        cursor.execute('select id, data::text from mfa_authenticator where data ?| %s order by id', [SEALED])
        for pk, stored in cursor.fetchall():
            data = json.loads(stored)
            values = [data[part] for part in SEALED if part in data]
            texts = [text for value in values for text in (value if isinstance(value, list) else [value])]
            names = {opened_by(text) for text in texts}
            if len(names) != 1 or names <= {'', data.get('key')}:
                continue
            cursor.execute(
                "update mfa_authenticator set data = data || jsonb_build_object('key', %s::text)"
                ' where id = %s and data = %s::jsonb',
                [names.pop(), pk, stored],
            )


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0015_limit_counts'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
