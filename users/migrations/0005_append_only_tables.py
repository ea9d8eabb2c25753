from django.db import migrations

from users import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0004_redundant_indexes'),
    ]

    operations = [
        append_only.install(),
    ]
