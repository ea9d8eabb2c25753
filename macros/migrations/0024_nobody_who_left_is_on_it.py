from django.db import migrations

# What people said who were switched off since: it kept reminders and further addresses back.
END = """
delete from macros_acknowledgement k using users_user u
where not u.is_active and (k.by_id = u.id or k.email = u.email)"""


class Migration(migrations.Migration):
    dependencies = [
        ("macros", "0023_when_silences_are_looked_at"),
        ("users", "0028_single_keys"),
    ]

    operations = [migrations.RunSQL(END, migrations.RunSQL.noop)]
