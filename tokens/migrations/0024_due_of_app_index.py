from django.db import migrations, models

from users.resumable import AddIndexConcurrently


class Migration(migrations.Migration):

    atomic = False  # the index is built without locking the table

    dependencies = [
        ('tokens', '0023_daily_budget'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='token',
            index=models.Index(models.F('app'), models.F('due_at'), condition=models.Q(('due_at__isnull', False)), name='token_due_of_app'),
        ),
    ]
