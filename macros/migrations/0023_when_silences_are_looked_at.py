from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddField, AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("macros", "0022_when_forecasts_ended")]

    operations = [
        AddField(
            model_name="silence",
            name="look_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        AddIndexConcurrently(
            model_name="silence",
            index=models.Index("look_at", condition=Q(look_at__isnull=False), name="silence_to_look_at"),
        ),
    ]
