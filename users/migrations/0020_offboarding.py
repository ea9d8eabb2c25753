"""A permission of its own to offboard people."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("users", "0019_asking_before_backups")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [
                    ("invite_user", "Can invite people by mail"),
                    ("end_sessions", "Can log people out everywhere"),
                    ("offboard_user", "Can offboard people: switch them off and end their log-ins"),
                    ("see_all_teams", "Can see what belongs to any team"),
                ]
            },
        ),
    ]
