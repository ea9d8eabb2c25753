import hashlib

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import connections, migrations

BATCH = 500


def name(key):
    return hashlib.sha256(b'adtoken fernet key:' + key.encode()).hexdigest()[:16]


def fill(apps, schema_editor):
    """Name the key of each row that is stored. Short transactions, each skips what somebody holds and what was written meanwhile.

    What no key opens stays without a name. Run again, it goes on where it stopped.
    """
    keys = [(name(key), Fernet(key)) for key in settings.FERNET_KEYS]

    def opened_by(ciphertext):
        for key_name, key in keys:
            try:
                key.decrypt(bytes(ciphertext))
            except InvalidToken:
                continue
            return key_name
        return ''

    connection = connections[schema_editor.connection.alias]
    for table, column in (('tokens_channelapp', 'secrets'), ('tokens_token', 'credentials')):
        after = 0
        while True:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"select id, {column} from {table} where {column} is not null and {column}_key = '' and id > %s"
                    " order by id limit %s",
                    [after, BATCH],
                )
                rows = cursor.fetchall()
                if not rows:
                    break
                after = rows[-1][0]
                found = [(pk, bytes(ciphertext), opened_by(ciphertext)) for pk, ciphertext in rows]
                found = [one for one in found if one[2]]
                cursor.execute(
                    f'update {table} t set {column}_key = v.name'
                    ' from unnest(%s::bigint[], %s::bytea[], %s::text[]) v (id, old, name)'
                    f' where t.id in (select id from {table} where id = any(%s) order by id for no key update skip locked)'
                    f' and t.id = v.id and t.{column} = v.old',
                    [*(list(column_of) for column_of in zip(*found)), [one[0] for one in found]]
                    if found
                    else [[], [], [], []],
                )


class Migration(migrations.Migration):

    atomic = False  # a million rows are named in small steps, beside an AdToken that runs

    dependencies = [
        ('tokens', '0019_key_names'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
