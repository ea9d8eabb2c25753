from django.db import migrations, models
from django.db.models import Q

from users.resumable import AddField, AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("macros", "0026_when_notices_were_told")]

    operations = [
        AddField("notice", "was_of", models.BigIntegerField(blank=True, null=True)),
        AddField("newsnotice", "was_of", models.BigIntegerField(blank=True, null=True)),
        AddIndexConcurrently(
            "notice", models.Index("was_of", "id", condition=Q(was_of__isnull=False), name="notice_was_of")
        ),
        AddIndexConcurrently(
            "newsnotice", models.Index("was_of", "id", condition=Q(was_of__isnull=False), name="news_was_of")
        ),
    ]
