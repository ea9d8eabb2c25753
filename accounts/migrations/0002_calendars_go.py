from django.db import migrations

# The version before still reads and writes the table, so the next one drops it. Nobody deletes its rows for a person or a team meanwhile,
# as Django did: PostgreSQL does.
TO = """
alter table accounts_calendarlink
  drop constraint {user}, drop constraint {team},
  add constraint {user} foreign key (user_id) references users_user on delete {delete} deferrable initially deferred,
  add constraint {team} foreign key (team_id) references users_team on delete {delete} deferrable initially deferred
"""
NAMES = {
    "user": "accounts_calendarlink_user_id_2253778f_fk_users_user_id",
    "team": "accounts_calendarlink_team_id_1887b217_fk_users_team_id",
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(TO.format(**NAMES, delete="cascade"), TO.format(**NAMES, delete="no action"))
            ],
            state_operations=[migrations.DeleteModel("CalendarLink")],
        ),
    ]
