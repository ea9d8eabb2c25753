"""Count the people of accounts that were there before, as settle counts them."""

from django.db import migrations

FILL = """
update accounts_account a set people_count = f.people
from (
  select p.account_id,
         least(count(distinct t.native_user_id),
               count(distinct coalesce(t.consented_by_id::text, 'native ' || t.native_user_id))) as people
  from accounts_accounttoken p join tokens_token t on t.id = p.token_id
  where t.state <> 'dead' and p.access = 'ok' and p.can_publish <> 'no'
  group by p.account_id
) f
where f.account_id = a.id"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0010_people_count"),
        ("tokens", "0002_initial"),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
