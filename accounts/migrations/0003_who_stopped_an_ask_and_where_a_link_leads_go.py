from django.db import migrations

# The version before still writes both columns, so the next one drops them. Nobody empties the one for a person who is deleted meanwhile, as
# Django did: PostgreSQL does. And it fills the other one, which may not be null.
TO = """
alter table accounts_ask drop constraint {name}, add constraint {name}
  foreign key (stopped_by_id) references users_user on delete {delete} deferrable initially deferred;
alter table accounts_pendinglink alter column next {default} default{value};
"""
NAME = "accounts_ask_stopped_by_id_2704c5d3_fk_users_user_id"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_calendars_go")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    TO.format(name=NAME, delete="set null", default="set", value=" ''"),
                    TO.format(name=NAME, delete="no action", default="drop", value=""),
                )
            ],
            state_operations=[
                migrations.RemoveField("ask", "stopped_by"),
                migrations.RemoveField("pendinglink", "next"),
            ],
        ),
    ]
