"""The active token of an account is one of its pool: a composite foreign key that Django cannot declare.

Deferred to the commit, so that a shift is one row update in any order; unlinking the active entry without settling is refused.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_initial")]
    operations = [
        migrations.RunSQL(
            """
            alter table accounts_account add constraint active_token_in_pool
                foreign key (id, active_token_id) references accounts_accounttoken (account_id, token_id)
                deferrable initially deferred
            """,
            "alter table accounts_account drop constraint active_token_in_pool",
        )
    ]
