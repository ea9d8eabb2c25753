from django.db import migrations

# The version before still writes the columns, so the next one drops them.
TO = "alter table users_installation alter bound_at set default now(), alter released_as set default ''"
BACK = "alter table users_installation alter bound_at drop default, alter released_as drop default"


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TO, BACK)],
            state_operations=[
                migrations.RemoveField("installation", name)
                for name in ("bound_at", "released_at", "released_as")
            ],
        ),
    ]
