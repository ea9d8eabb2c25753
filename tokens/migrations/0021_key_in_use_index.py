from django.db import migrations, models

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False  # the index is built without locking the table

    dependencies = [
        ('tokens', '0020_fill_key_names'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='token',
            index=models.Index(models.F('credentials_key'), models.F('app'), condition=models.Q(('credentials__isnull', False)), name='token_key_in_use'),
        ),
    ]
