from django.db import migrations

# The version before still writes both columns, so the next one drops them. Nobody empties them for a person or a log-in that goes
# meanwhile, as Django did: PostgreSQL does.
TO = """
alter table tokens_doubt drop constraint {doubt}, add constraint {doubt}
  foreign key (believed_by_id) references users_user on delete {delete} deferrable initially deferred;
alter table tokens_unknownanswer drop constraint {answer}, add constraint {answer}
  foreign key (last_token_id) references tokens_token on delete {delete} deferrable initially deferred;
"""
NAMES = {
    "doubt": "tokens_doubt_believed_by_id_16c6a975_fk_users_user_id",
    "answer": "tokens_unknownanswer_last_token_id_1faf8ab8_fk_tokens_token_id",
}


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    TO.format(**NAMES, delete="set null"), TO.format(**NAMES, delete="no action")
                )
            ],
            state_operations=[
                migrations.RemoveField("doubt", "believed_by"),
                migrations.RemoveField("unknownanswer", "last_token"),
            ],
        ),
    ]
