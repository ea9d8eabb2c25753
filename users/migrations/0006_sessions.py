import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# The old tables hold ids as browsers send them. They are emptied, so all people log in again. The one of allauth.usersessions
# is no table of an installed app any more: without its foreign key, what an old process still writes keeps nobody from being deleted.
EMPTY_OLD_TABLES = """
do $$
declare
  named text;
begin
  if to_regclass('django_session') is not null then
    delete from django_session;
  end if;
  if to_regclass('usersessions_usersession') is not null then
    delete from usersessions_usersession;
    for named in
      select conname from pg_constraint where conrelid = 'usersessions_usersession'::regclass and contype = 'f'
    loop
      execute format('alter table usersessions_usersession drop constraint %I', named);
    end loop;
  end if;
end $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0005_append_only_tables'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='user',
            options={'permissions': [('invite_user', 'Can invite people by mail'), ('end_sessions', 'Can log people out everywhere')]},
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('session_key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('address', models.GenericIPAddressField(blank=True, null=True)),
                ('browser', models.CharField(blank=True, max_length=200)),
                ('began_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
            },
        ),
        migrations.RunSQL(EMPTY_OLD_TABLES, migrations.RunSQL.noop),
    ]
