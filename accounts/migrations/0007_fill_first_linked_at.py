"""Which tokens of an old database ever stood in a pool, by the pools and what happened to accounts.

In doubt a token was linked: a sweep revokes and deletes what never was, and a consent that was ended by mistake does not come back. So without
any trace only a token whose first and only consent is younger than a day counts as never linked; the old sweep left no other one.
"""

from django.db import migrations

FILL = """
update tokens_token t set first_linked_at = coalesce(
  (select min(p.added_at) from accounts_accounttoken p where p.token_id = t.id),
  (select min(e.at) from accounts_accountevent e where e.token_id = t.id or e.from_token_id = t.id),
  t.created_at)
where t.first_linked_at is null and (
  exists (select 1 from accounts_accounttoken p where p.token_id = t.id)
  or exists (select 1 from accounts_accountevent e where e.token_id = t.id or e.from_token_id = t.id)
  or t.created_at < now() - interval '1 day')
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_redundant_indexes"), ("tokens", "0006_first_linked_at")]
    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
