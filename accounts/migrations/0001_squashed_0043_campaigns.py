"""0001 to 0043 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
import tokens.choices
import users.models
import uuid
from django.conf import settings
from django.db import migrations, models

from users import append_only


# The active token of an account is one of its pool: a composite foreign key that Django cannot declare.
# Deferred to the commit, so that a shift is one row update in any order; unlinking the active entry without settling is refused.
ACTIVE_TOKEN_IN_POOL = """
alter table accounts_account add constraint active_token_in_pool
    foreign key (id, active_token_id) references accounts_accounttoken (account_id, token_id)
    deferrable initially deferred
"""


class Migration(migrations.Migration):

    replaces = [
        ('accounts', '0001_initial'),
        ('accounts', '0002_initial'),
        ('accounts', '0003_initial'),
        ('accounts', '0004_active_token_in_pool'),
        ('accounts', '0005_deeds_have_their_own_permissions'),
        ('accounts', '0006_redundant_indexes'),
        ('accounts', '0007_fill_first_linked_at'),
        ('accounts', '0008_cycle_since'),
        ('accounts', '0009_lease_record'),
        ('accounts', '0010_people_count'),
        ('accounts', '0011_fill_people_count'),
        ('accounts', '0012_link_problem'),
        ('accounts', '0013_write_refusals'),
        ('accounts', '0014_telling'),
        ('accounts', '0015_not_mine_event'),
        ('accounts', '0016_teams'),
        ('accounts', '0017_api_key_end'),
        ('accounts', '0018_channelsweep'),
        ('accounts', '0019_account_event_lately'),
        ('accounts', '0020_channels_by_registry'),
        ('accounts', '0021_facts_of_pool_entries'),
        ('accounts', '0022_help_texts_that_no_page_shows_are_comments'),
        ('accounts', '0023_notice_deactivated'),
        ('accounts', '0024_indexes_of_lists'),
        ('accounts', '0025_exports_made_by_a_worker'),
        ('accounts', '0026_deeds'),
        ('accounts', '0027_what_log_ins_reach'),
        ('accounts', '0028_asking_before_backups'),
        ('accounts', '0029_fresh_events'),
        ('accounts', '0030_rows_of_deeds'),
        ('accounts', '0031_start_page'),
        ('accounts', '0032_one_ask_for_what_is_due'),
        ('accounts', '0033_export_format'),
        ('accounts', '0034_contacts_and_client_links'),
        ('accounts', '0035_one_foreign_key_of_the_active_token'),
        ('accounts', '0036_calendar_links'),
        ('accounts', '0037_saved_views'),
        ('accounts', '0038_inviting_backups'),
        ('accounts', '0039_scope_to_offboard'),
        ('accounts', '0040_people_on_it_and_snoozes'),
        ('accounts', '0041_calendars_of_views'),
        ('accounts', '0042_words'),
        ('accounts', '0043_campaigns'),
    ]

    initial = True

    dependencies = [
        ('notifications', '0001_squashed_0013_words'),
        ('tokens', '0001_squashed_0040_words'),
        ('users', '0010_squashed_0024_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='FreshEvents',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ListReading',
            fields=[
                ('token', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='list_reading', serialize=False, to='tokens.token')),
                ('at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=tokens.choices.channel_choices, max_length=20)),
                ('native_id', models.CharField(max_length=100, verbose_name='native ID')),
                ('name', models.CharField(max_length=300)),
                ('currency', models.CharField(blank=True, max_length=3)),
                ('time_zone', models.CharField(blank=True, max_length=64)),
                ('native_status', models.CharField(blank=True, max_length=60)),
                ('restriction', models.CharField(blank=True, max_length=300)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('pause_note', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('state', models.CharField(choices=[('connected', 'Connected'), ('interrupted', 'Interrupted'), ('deactivated', 'Deactivated'), ('paused', 'Paused')], default='deactivated', max_length=12)),
                ('reason', models.CharField(blank=True, max_length=40)),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('deadline_kind', models.CharField(choices=[('date', 'Date'), ('never', 'Never'), ('unknown', 'Unknown'), ('none', 'None')], default='none', max_length=10)),
                ('usable_count', models.PositiveIntegerField(default=0)),
                ('cycle', models.PositiveIntegerField(default=1)),
                ('cycle_deadline', models.DateTimeField(blank=True, null=True)),
                ('cycle_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('people_count', models.PositiveIntegerField(db_default=0, default=0)),
                ('active_token', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='active_for', to='tokens.token')),
                ('paused_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.team')),
            ],
            options={
                'verbose_name': 'social account',
                'permissions': [('link_account', 'Can add accounts and tokens'), ('switch_active_token', 'Can make a token active'), ('rank_token', 'Can set the order of tokens'), ('unlink_token', 'Can unlink tokens from accounts'), ('pause_account', 'Can pause accounts'), ('resume_account', 'Can resume accounts'), ('import_account', 'Can import accounts'), ('move_account', 'Can move accounts to another team'), ('add_backup', 'Can add backups')],
            },
        ),
        migrations.CreateModel(
            name='AccountEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('linked', 'Linked'), ('unlinked', 'Unlinked'), ('shifted', 'Shifted'), ('connected', 'Reactivated'), ('interrupted', 'Interrupted'), ('deactivated', 'Deactivated'), ('paused', 'Paused'), ('resumed', 'Resumed'), ('switched', 'Made active by staff'), ('ranked', 'Order changed'), ('access', 'Access changed'), ('restricted', 'Restricted by the channel'), ('unrestricted', 'Restriction lifted'), ('asked', 'Asked to re-authenticate'), ('imported', 'Imported'), ('not_mine', 'Said not to be theirs'), ('moved', 'Moved to another team'), ('backup_asked', 'Asked for a backup'), ('declined', 'Declined to back it up'), ('macro_applied', 'Macro applied'), ('macro_removed', 'Macro removed'), ('acknowledged', 'Somebody is on it'), ('snoozed', 'Warnings snoozed'), ('unsnoozed', 'Warnings no longer snoozed')], max_length=14)),
                ('cause', models.CharField(blank=True, max_length=40)),
                ('source', models.CharField(blank=True, max_length=20)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='accounts.account')),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('from_team', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
                ('from_token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.token')),
                ('to_team', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.token')),
                ('token_event', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.tokenevent')),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='AccountExport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('total', models.PositiveIntegerField()),
                ('done', models.PositiveIntegerField(default=0)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('making', 'Being made'), ('ready', 'Ready'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('sees_all', models.BooleanField()),
                ('teams', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('file_format', models.CharField(choices=[('csv', 'CSV'), ('xlsx', 'XLSX')], db_default='csv', default='csv', max_length=4)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='AccountNews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('access', 'A log-in cannot be used for it any more'), ('restricted', 'Restricted by the channel')], max_length=10)),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'verbose_name_plural': 'account news',
            },
        ),
        migrations.CreateModel(
            name='AccountNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('access', 'A log-in cannot be used for it any more'), ('restricted', 'Restricted by the channel'), ('stopped', 'Stopped')], max_length=10)),
                ('recipient', models.EmailField(max_length=254)),
                ('own', models.BooleanField(default=False)),
                ('at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
                ('deactivated', models.BooleanField(db_column='dark', default=False)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices_told', to='accounts.account')),
                ('ending', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ended_notices', to='notifications.message')),
                ('message', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='account_notices', to='notifications.message')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
        ),
        migrations.CreateModel(
            name='AccountToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('role', models.CharField(blank=True, max_length=200)),
                ('access', models.CharField(choices=[('ok', 'Access'), ('lost', 'No access')], default='ok', max_length=6)),
                ('access_reason', models.CharField(blank=True, max_length=40)),
                ('can_publish', models.CharField(choices=[('yes', 'Can publish'), ('no', 'Can report only'), ('unknown', 'Not known')], default='unknown', max_length=8)),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('write_refusal', models.CharField(blank=True, db_default='', max_length=40)),
                ('write_refused_at', models.DateTimeField(blank=True, null=True)),
                ('facts', models.JSONField(blank=True, db_default={}, default=dict)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pool', to='accounts.account')),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pool_entries', to='tokens.token')),
            ],
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(max_length=16, unique=True)),
                ('sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('accounts:read', 'Read accounts'), ('tokens:lease', 'Lease, sign and report tokens'), ('people:offboard', 'Offboard people of its teams')], max_length=20), default=list, size=None, verbose_name='scopes')),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=tokens.choices.channel_choices, max_length=20), blank=True, default=list, size=None)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('maker_left_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('teams', models.ManyToManyField(related_name='api_keys', to='users.team', verbose_name='teams')),
            ],
            options={
                'verbose_name': 'API key',
                'ordering': ['name'],
                'permissions': [('revoke_apikey', 'Can revoke API keys')],
            },
        ),
        migrations.CreateModel(
            name='BackupRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('note', models.CharField(blank=True, max_length=300)),
                ('asked_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('asked', 'Asked'), ('agreed', 'Agreed'), ('declined', 'Declined'), ('ended', 'No longer asked')], default='asked', max_length=8)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='backup_requests', to='accounts.account')),
                ('asked_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('note', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ends_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ending', models.CharField(blank=True, choices=[('all_done', 'Nobody is left to wait for'), ('stopped', 'Stopped'), ('last_day', 'Its last day is over'), ('maker_left', 'Whoever began it may no longer ask')], max_length=10)),
                ('once', models.CharField(blank=True, max_length=40)),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('stopped_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 're-auth campaign',
                'verbose_name_plural': 're-auth campaigns',
                'permissions': [('run_campaign', 'Can begin and stop re-auth campaigns')],
                'default_permissions': ('view',),
            },
        ),
        migrations.CreateModel(
            name='CampaignLogIn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('added_at', models.DateTimeField()),
                ('stage', models.CharField(choices=[('waiting', 'To be asked'), ('sent', 'Sent'), ('opened', 'Opened'), ('at_channel', 'At the channel'), ('done', 'Done'), ('failed', 'Failed'), ('not_askable', 'Cannot be asked'), ('left', 'Not done')], default='waiting', max_length=11)),
                ('why', models.CharField(blank=True, max_length=20)),
                ('asks', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('first_asked_at', models.DateTimeField(blank=True, null=True)),
                ('asked_at', models.DateTimeField(blank=True, null=True)),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('at_channel_at', models.DateTimeField(blank=True, null=True)),
                ('trouble', models.CharField(blank=True, max_length=20)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='log_ins', to='accounts.campaign')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ChannelSweep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(max_length=20)),
                ('worker', models.CharField(max_length=200)),
                ('began_at', models.DateTimeField()),
                ('held_until', models.DateTimeField()),
                ('checked', models.PositiveIntegerField(db_default=0, default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('channel', 'worker'), name='one_sweep_per_channel_and_worker')],
            },
        ),
        migrations.CreateModel(
            name='ClientLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(default=users.models.new_invitation_key, editable=False, max_length=32, unique=True)),
                ('channels', models.JSONField()),
                ('asked_for', models.JSONField(blank=True, default=list)),
                ('email', models.EmailField(max_length=254)),
                ('name', models.CharField(blank=True, max_length=150)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('used', models.JSONField(blank=True, default=dict)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('contact', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='client_links', to='users.team')),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BackupInvitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('invited_at', models.DateTimeField()),
                ('linked_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='backup_invitations', to='accounts.account')),
                ('invitation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.invitation')),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('client_link', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.clientlink')),
            ],
            options={
                'ordering': ['-invited_at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Deed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('total', models.PositiveIntegerField()),
                ('done', models.PositiveIntegerField(default=0)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('making', 'Being made'), ('ready', 'Ready'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('kind', models.CharField(max_length=30)),
                ('subject_id', models.BigIntegerField()),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('acted', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('failures', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('once', models.CharField(blank=True, db_default='', default='', max_length=40)),
                ('options', models.JSONField(blank=True, db_default={}, default=dict)),
                ('undoes', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='undone_by', to='accounts.deed')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='DeedRow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveIntegerField()),
                ('key', models.BigIntegerField()),
                ('outcome', models.CharField(choices=[('done', 'Done'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=8)),
                ('why', models.CharField(blank=True, max_length=40)),
                ('facts', models.JSONField(blank=True, db_default={}, default=dict)),
                ('at', models.DateTimeField()),
                ('deed', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rows', to='accounts.deed')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ExportPart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('content', models.BinaryField()),
                ('export', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='accounts.accountexport')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='LeaseRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('lease', 'Token handed out'), ('signature', 'Request signed')], max_length=10)),
                ('key_id', models.BigIntegerField(null=True, verbose_name='API key')),
                ('caller', models.CharField(max_length=100)),
                ('address', models.GenericIPAddressField(null=True)),
                ('account_id', models.BigIntegerField(verbose_name='social account')),
                ('token_id', models.BigIntegerField(verbose_name='token')),
                ('generation', models.PositiveIntegerField()),
                ('purpose', models.CharField(max_length=10)),
                ('lease_hash', models.CharField(max_length=32)),
                ('request', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'verbose_name': 'hand-out of a token',
                'verbose_name_plural': 'tokens handed out',
                'indexes': [models.Index(models.F('key_id'), models.F('at'), name='lease_record_by_key'), models.Index(models.F('account_id'), models.F('at'), name='lease_record_by_account'), models.Index(models.F('token_id'), models.F('at'), name='lease_record_by_token')],
            },
        ),
        migrations.CreateModel(
            name='LinkProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(db_index=True, max_length=12)),
                ('channel', models.CharField(choices=tokens.choices.channel_choices, max_length=20)),
                ('kind', models.CharField(choices=[('stopped', 'Stopped at the channel'), ('too_late', 'Took too long'), ('used', 'Used already'), ('bent', 'No proper way back'), ('target_gone', 'The account went to another team'), ('foreign', 'Started by somebody else'), ('silent', 'The channel did not answer'), ('unclear', 'An answer that we do not know'), ('our_app', 'The channel refuses our app'), ('not_set_up', 'The channel is not set up')], max_length=12, verbose_name='what happened')),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField(db_index=True)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'failed link',
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='PendingLink',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('offered', models.JSONField(default=list)),
                ('complete', models.BooleanField(default=True)),
                ('no_longer', models.JSONField(default=list)),
                ('next', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('wanted', models.JSONField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='ReachedAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('native_id', models.CharField(max_length=100)),
                ('role', models.CharField(blank=True, max_length=200)),
                ('can_publish', models.CharField(max_length=8)),
                ('facts', models.JSONField(blank=True, db_default={}, default=dict)),
                ('seen_at', models.DateTimeField()),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reached', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='RefusedWrite',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('api_key', models.PositiveBigIntegerField()),
                ('leased_at', models.DateTimeField()),
                ('reason', models.CharField(max_length=40)),
                ('known', models.BooleanField()),
                ('said', models.CharField(blank=True, max_length=300)),
                ('acted_on', models.BooleanField(default=False)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='refused_writes', to='accounts.account')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=60, verbose_name='name')),
                ('query', models.CharField(max_length=2000)),
                ('created_at', models.DateTimeField()),
                ('owner', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
            ],
            options={
                'permissions': [('save_view', 'Can save views of lists')],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('said', models.JSONField(blank=True, db_default={}, default=dict)),
                ('trace', models.CharField(blank=True, db_default='', max_length=64)),
                ('changed_at', models.DateTimeField(blank=True, null=True)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_links', to=settings.AUTH_USER_MODEL)),
                ('view', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.savedview')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('deadline'), condition=models.Q(('deadline_kind', 'date')), name='account_deadline_soon'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.Case(models.When(paused_at__isnull=False, then=models.Value(4)), models.When(deadline_kind='none', then=models.Value(0)), models.When(deadline_kind='date', then=models.Value(1)), models.When(deadline_kind='unknown', then=models.Value(2)), default=models.Value(3)), models.F('deadline'), name='account_list'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('team'), condition=models.Q(('state', 'deactivated')), name='account_deactivated'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('state'), condition=models.Q(('state__in', ['paused', 'interrupted']), ('paused_at__isnull', False), models.Q(('restriction', ''), _negated=True), ('deadline_kind', 'unknown'), _connector='OR'), name='account_unusual'),
        ),
        migrations.AddIndex(
            model_name='account',
            index=models.Index(models.F('people_count'), condition=models.Q(('people_count__lte', 1)), name='account_without_backup'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('channel', 'native_id'), name='one_row_per_ad_account'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deadline__isnull', False), ('deadline_kind', 'date')), models.Q(models.Q(('deadline_kind', 'date'), _negated=True), ('deadline__isnull', True)), _connector='OR'), name='account_has_a_deadline_iff_kind_is_date'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(models.F('account'), models.OrderBy(models.F('at'), descending=True), name='account_event_line'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['at'], name='account_event_lately'),
        ),
        migrations.AddIndex(
            model_name='accountevent',
            index=models.Index(models.F('at'), condition=models.Q(('kind__in', ['shifted', 'deactivated'])), include=('kind', 'cause', 'account'), name='account_event_start_page'),
        ),
        migrations.AddConstraint(
            model_name='accountexport',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['waiting', 'making'])), fields=('user',), name='one_export_of_a_person_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='accountnotice',
            index=models.Index(models.F('recipient'), condition=models.Q(('closed_at', None), ('message', None)), name='account_notice_waiting'),
        ),
        migrations.AddIndex(
            model_name='accountnotice',
            index=models.Index(models.F('account'), condition=models.Q(('closed_at', None)), name='account_notice_open'),
        ),
        migrations.AddConstraint(
            model_name='accountnotice',
            constraint=models.UniqueConstraint(condition=models.Q(('closed_at', None)), fields=('account', 'token', 'kind', 'recipient'), name='told_once_until_it_is_over', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='accounttoken',
            index=models.Index(models.F('token'), include=('account',), name='pool_by_token'),
        ),
        migrations.AddIndex(
            model_name='accounttoken',
            index=models.Index(models.F('account'), condition=models.Q(('access', 'lost')), name='pool_access_lost'),
        ),
        migrations.AddConstraint(
            model_name='accounttoken',
            constraint=models.UniqueConstraint(fields=('account', 'token'), name='one_pool_entry'),
        ),
        migrations.AddIndex(
            model_name='backuprequest',
            index=models.Index(models.F('asked_at'), condition=models.Q(('state', 'asked')), name='backup_request_open'),
        ),
        migrations.AddConstraint(
            model_name='backuprequest',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'asked')), fields=('account', 'token'), name='asked_once_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='campaign',
            index=models.Index(models.F('id'), condition=models.Q(('ended_at', None)), name='campaign_running'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.UniqueConstraint(condition=models.Q(('once', ''), _negated=True), fields=('made_by', 'once'), name='one_campaign_of_a_page'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ending', '')), models.Q(('ended_at__isnull', False), models.Q(('ending', ''), _negated=True)), _connector='OR'), name='campaign_ends_some_way'),
        ),
        migrations.AddIndex(
            model_name='campaignlogin',
            index=models.Index(models.F('next_at'), condition=models.Q(('next_at__isnull', False)), name='campaign_next'),
        ),
        migrations.AddConstraint(
            model_name='campaignlogin',
            constraint=models.UniqueConstraint(fields=('campaign', 'token'), name='once_in_a_campaign'),
        ),
        migrations.AddConstraint(
            model_name='clientlink',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='client_link_email_is_lower_case'),
        ),
        migrations.AddIndex(
            model_name='backupinvitation',
            index=models.Index(models.F('email'), condition=models.Q(('linked_at', None)), name='backup_invitation_open'),
        ),
        migrations.AddConstraint(
            model_name='backupinvitation',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='backup_invitation_email_is_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='backupinvitation',
            constraint=models.UniqueConstraint(condition=models.Q(('linked_at', None)), fields=('account', 'email'), name='invited_once_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='deed',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['ask_people_of_app', 'offboard']), ('state__in', ['waiting', 'making'])), fields=('kind', 'subject_id'), name='one_deed_of_a_kind_on_a_subject'),
        ),
        migrations.AddConstraint(
            model_name='deed',
            constraint=models.UniqueConstraint(condition=models.Q(('once', ''), _negated=True), fields=('user', 'once'), name='one_deed_of_a_page'),
        ),
        migrations.AddConstraint(
            model_name='deed',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'failed'), _negated=True), fields=('undoes',), name='undone_once'),
        ),
        migrations.AddConstraint(
            model_name='deed',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'ask_due'), ('state__in', ['waiting', 'making'])), fields=('kind', 'subject_id'), name='one_ask_for_what_is_due'),
        ),
        migrations.AddIndex(
            model_name='deedrow',
            index=models.Index(fields=['deed', 'outcome', 'place'], name='deed_rows_by_outcome'),
        ),
        migrations.AddIndex(
            model_name='deedrow',
            index=models.Index(fields=['deed', 'key'], name='deed_row_of_account'),
        ),
        migrations.AddConstraint(
            model_name='deedrow',
            constraint=models.UniqueConstraint(fields=('deed', 'place'), name='one_row_of_a_place'),
        ),
        migrations.AddConstraint(
            model_name='exportpart',
            constraint=models.UniqueConstraint(fields=('export', 'number'), name='one_part_of_a_number'),
        ),
        migrations.AddIndex(
            model_name='reachedaccount',
            index=models.Index(models.F('native_id'), include=('token', 'can_publish'), name='reached_by_whom'),
        ),
        migrations.AddConstraint(
            model_name='reachedaccount',
            constraint=models.UniqueConstraint(fields=('token', 'native_id'), name='one_reading_of_an_ad_account'),
        ),
        migrations.AddIndex(
            model_name='refusedwrite',
            index=models.Index(models.F('api_key'), models.OrderBy(models.F('at'), descending=True), name='refused_write_by_key'),
        ),
        migrations.AddIndex(
            model_name='refusedwrite',
            index=models.Index(models.F('at'), condition=models.Q(('acted_on', True), ('known', False), ('told_at', None)), name='refused_write_untold'),
        ),
        migrations.AddConstraint(
            model_name='refusedwrite',
            constraint=models.UniqueConstraint(fields=('account', 'token', 'api_key', 'leased_at'), name='one_word_per_lease'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('owner', 'name'), name='one_view_of_a_name'),
        ),
        *append_only.protect('accounts_leaserecord'),
        migrations.RunSQL(ACTIVE_TOKEN_IN_POOL, 'alter table accounts_account drop constraint active_token_in_pool'),
    ]
