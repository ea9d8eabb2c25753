import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.utils.timezone
import tokens.choices
import tokens.vault.services
import uuid
from django.conf import settings
from django.db import migrations, models

from infra import append_only

ACTIVE_TOKEN_IN_POOL = """
alter table accounts_account add constraint active_token_in_pool
    foreign key (id, active_token_id) references accounts_accounttoken (account_id, token_id)
    deferrable initially deferred
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('tokens', '0001_initial'),
        ('users', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
                ('people_count', models.PositiveIntegerField(db_default=0, default=0)),
                ('cycle', models.PositiveIntegerField(default=1)),
                ('cycle_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('cycle_deadline', models.DateTimeField(blank=True, null=True)),
                ('active_token', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='active_for', to='tokens.token')),
                ('paused_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='accounts', to='users.team')),
            ],
            options={
                'verbose_name': 'social account',
                'permissions': [('link_account', 'Can add accounts and tokens'), ('switch_active_token', 'Can make a token active'), ('rank_token', 'Can set the order of tokens'), ('unlink_token', 'Can unlink tokens from accounts'), ('pause_account', 'Can pause accounts'), ('resume_account', 'Can resume accounts'), ('import_account', 'Can import accounts'), ('move_account', 'Can move accounts to another team'), ('add_backup', 'Can add backups')],
                'indexes': [models.Index(models.F('deadline'), condition=models.Q(('deadline_kind', 'date')), name='account_deadline_soon'), models.Index(models.F('team'), condition=models.Q(('state', 'deactivated')), name='account_deactivated')],
            },
        ),
        migrations.CreateModel(
            name='AccountEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('linked', 'Linked'), ('unlinked', 'Unlinked'), ('shifted', 'Shifted'), ('connected', 'Reactivated'), ('interrupted', 'Interrupted'), ('deactivated', 'Deactivated'), ('paused', 'Paused'), ('resumed', 'Resumed'), ('switched', 'Made active by staff'), ('ranked', 'Order changed'), ('access', 'Access changed'), ('restricted', 'Restricted by the channel'), ('unrestricted', 'Restriction lifted'), ('asked', 'Asked to re-authenticate'), ('imported', 'Imported'), ('not_mine', 'Said not to be theirs'), ('moved', 'Moved to another team'), ('backup_asked', 'Asked for a backup'), ('declined', 'Declined to back it up'), ('macro_applied', 'Macro applied'), ('macro_removed', 'Macro removed'), ('credential', 'Credential made'), ('acknowledged', 'Somebody is on it'), ('snoozed', 'Warnings snoozed'), ('unsnoozed', 'Warnings no longer snoozed')], max_length=14)),
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
                'indexes': [models.Index(models.F('account'), models.OrderBy(models.F('at'), descending=True), name='account_event_line'), django.contrib.postgres.indexes.BrinIndex(autosummarize=True, fields=['at'], name='account_event_lately'), models.Index(models.F('at'), condition=models.Q(('kind__in', ['shifted', 'deactivated'])), include=('kind', 'cause', 'account'), name='account_event_start_page')],
            },
        ),
        migrations.CreateModel(
            name='AccountNews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('due_at', models.DateTimeField(db_index=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
            ],
            options={
                'default_permissions': (),
            },
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
                ('doubt', models.CharField(blank=True, choices=[('doubted', 'In doubt'), ('stopped', 'In doubt, not served')], db_default='', max_length=8)),
                ('write_refused_at', models.DateTimeField(blank=True, null=True)),
                ('write_refusal', models.CharField(blank=True, db_default='', max_length=40)),
                ('added_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pool', to='accounts.account')),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='pool_entries', to='tokens.token')),
            ],
            options={
                'indexes': [models.Index(models.F('token'), include=('account',), name='pool_by_token'), models.Index(models.F('account'), condition=models.Q(('access', 'lost')), name='pool_access_lost')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(max_length=16, unique=True)),
                ('sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('accounts:read', 'Read accounts'), ('tokens:lease', 'Lease, sign and report tokens'), ('gate:use', 'Use the gate: publish without holding a token'), ('asks:write', 'Ask people, and make client links'), ('accounts:write', 'Pause, resume and check accounts'), ('macros:write', 'Read and apply macros'), ('records:read', 'Read what was handed out to whom'), ('people:offboard', 'Offboard people of its teams'), ('people:provision', 'Provision people of all teams (SCIM)')], max_length=20), default=list, size=None, verbose_name='scopes')),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=tokens.choices.channel_choices, max_length=20), blank=True, default=list, size=None)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('maker_left_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
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
            name='Ask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('what', models.CharField(choices=[('renew', 'Re-authenticate'), ('link', 'Link accounts'), ('back_up', 'Back up accounts')], default='renew', max_length=8, verbose_name='kind')),
                ('name', models.CharField(blank=True, max_length=150, verbose_name='name')),
                ('note', models.CharField(blank=True, max_length=300)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at')),
                ('ends_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ending', models.CharField(blank=True, choices=[('all_done', 'Nobody is left to wait for'), ('stopped', 'Stopped'), ('last_day', 'Its last day is over'), ('maker_left', 'Whoever began it may no longer ask')], max_length=10)),
                ('once', models.CharField(blank=True, max_length=40)),
                ('email', models.EmailField(blank=True, max_length=254)),
                ('key', models.CharField(blank=True, editable=False, max_length=32, null=True, unique=True)),
                ('channels', models.JSONField(blank=True, default=list)),
                ('used', models.JSONField(blank=True, default=dict)),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('return_url', models.CharField(blank=True, max_length=500)),
                ('api_key', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.apikey')),
                ('contact', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('invitation', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.invitation')),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('stopped_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
            ],
            options={
                'verbose_name': 'request',
                'verbose_name_plural': 'requests',
                'default_permissions': ('view',),
                'indexes': [models.Index(models.F('id'), condition=models.Q(('ended_at', None)), name='ask_running'), models.Index(models.F('email'), condition=models.Q(('ended_at', None), ('what', 'link')), name='ask_of_email')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('once', ''), _negated=True), fields=('made_by', 'once'), name='one_ask_of_a_page'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at', None), ('ending', '')), models.Q(('ended_at__isnull', False), models.Q(('ending', ''), _negated=True)), _connector='OR'), name='ask_ends_some_way'), models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='ask_email_is_lower_case')],
            },
        ),
        migrations.CreateModel(
            name='AskLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(blank=True, max_length=20)),
                ('native_id', models.CharField(blank=True, max_length=100)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('was_dead', models.BooleanField(db_default=False)),
                ('stage', models.CharField(choices=[('waiting', 'To be asked'), ('sent', 'Sent'), ('opened', 'Opened'), ('at_channel', 'At the channel'), ('done', 'Done'), ('failed', 'Failed'), ('not_askable', 'Cannot be asked'), ('left', 'Not done'), ('declined', 'Declined')], default='waiting', max_length=11)),
                ('why', models.CharField(blank=True, max_length=20)),
                ('mails', models.PositiveSmallIntegerField(default=0)),
                ('next_at', models.DateTimeField(blank=True, null=True)),
                ('asked_at', models.DateTimeField(blank=True, null=True)),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('opened_at', models.DateTimeField(blank=True, null=True)),
                ('at_channel_at', models.DateTimeField(blank=True, null=True)),
                ('trouble', models.CharField(blank=True, max_length=20)),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ask_lines', to='accounts.account')),
                ('ask', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='accounts.ask')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('next_at'), condition=models.Q(('next_at__isnull', False)), name='ask_line_next')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('native_id', '')), fields=('ask', 'token'), name='once_in_an_ask'), models.UniqueConstraint(condition=models.Q(('stage', 'waiting')), fields=('account', 'token'), name='asked_once_at_a_time'), models.CheckConstraint(condition=models.Q(('token__isnull', False), models.Q(('native_id', ''), _negated=True), _connector='OR'), name='ask_line_is_about_something')],
            },
        ),
        migrations.CreateModel(
            name='CalendarLink',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sha256', models.CharField(editable=False, max_length=64, unique=True)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_links', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ImportFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('guessed', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='ImportFileLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('standing', models.CharField(choices=[('new', 'New'), ('adds', 'Adds a log-in'), ('here', 'Here already'), ('wrong', 'To be fixed')], max_length=5)),
                ('name', models.CharField(blank=True, max_length=300)),
                ('channel', models.CharField(blank=True, max_length=20)),
                ('native_id', models.CharField(blank=True, max_length=100)),
                ('brings_log_in', models.BooleanField(default=False)),
                ('problems', models.JSONField(blank=True, default=list)),
                ('sealed', tokens.vault.services.SealedField(editable=False, null=True)),
                ('sealed_key', tokens.vault.services.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='sealed')),
                ('account', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.account')),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='accounts.importfile')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(condition=models.Q(('sealed__isnull', False)), fields=['sealed_key'], name='import_keys')],
                'constraints': [models.UniqueConstraint(fields=('file', 'number'), name='one_row_of_a_line')],
            },
        ),
        migrations.CreateModel(
            name='Job',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=30)),
                ('subject_id', models.BigIntegerField(default=0)),
                ('keys', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None)),
                ('note', models.CharField(blank=True, max_length=300)),
                ('options', models.JSONField(blank=True, default=dict)),
                ('once', models.CharField(blank=True, default='', max_length=40)),
                ('total', models.PositiveIntegerField()),
                ('done', models.PositiveIntegerField(default=0)),
                ('acted', models.PositiveIntegerField(default=0)),
                ('skipped', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('making', 'Being made'), ('ready', 'Ready'), ('failed', 'Failed')], default='waiting', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(condition=models.Q(('kind', 'offboard'), ('state__in', ['waiting', 'making'])), fields=('kind', 'subject_id'), name='one_job_of_a_kind_on_a_subject'), models.UniqueConstraint(condition=models.Q(('once', ''), _negated=True), fields=('user', 'once'), name='one_job_of_a_page')],
            },
        ),
        migrations.CreateModel(
            name='JobItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('place', models.PositiveIntegerField()),
                ('key', models.BigIntegerField()),
                ('outcome', models.CharField(choices=[('done', 'Done'), ('skipped', 'Skipped'), ('failed', 'Failed')], max_length=8)),
                ('why', models.CharField(blank=True, max_length=40)),
                ('facts', models.JSONField(blank=True, default=dict)),
                ('at', models.DateTimeField()),
                ('job', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='accounts.job')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(fields=['job', 'outcome', 'place'], name='job_items_by_outcome')],
                'constraints': [models.UniqueConstraint(fields=('job', 'place'), name='one_item_of_a_place')],
            },
        ),
        migrations.CreateModel(
            name='LeaseRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('lease', 'Token handed out'), ('signature', 'Request signed'), ('request', 'Requests sent through the gate')], max_length=10)),
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
                'indexes': [models.Index(models.F('account_id'), models.F('id'), name='lease_record_by_account')],
            },
        ),
        migrations.CreateModel(
            name='LinkProblem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(db_index=True, max_length=12, verbose_name='code')),
                ('channel', models.CharField(choices=tokens.choices.channel_choices, max_length=20, verbose_name='channel')),
                ('kind', models.CharField(choices=[('stopped', 'Stopped at the channel'), ('too_late', 'Took too long'), ('used', 'Used already'), ('bent', 'No proper way back'), ('target_gone', 'The account went to another team'), ('foreign', 'Started by somebody else'), ('silent', 'The channel did not answer'), ('unclear', 'An answer that we do not know'), ('our_app', 'The channel refuses our app'), ('not_set_up', 'The channel is not set up')], max_length=12, verbose_name='what happened')),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField(db_index=True)),
                ('client_link', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='accounts.ask')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'failed link',
                'ordering': ['-at', '-id'],
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
            name='PendingLink',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('offered', models.JSONField(default=list)),
                ('complete', models.BooleanField(default=True)),
                ('no_longer', models.JSONField(default=list)),
                ('next', models.CharField(blank=True, max_length=300)),
                ('wanted', models.JSONField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
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
                ('seen_at', models.DateTimeField()),
                ('token', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reached', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('native_id'), include=('token', 'can_publish'), name='reached_by_whom')],
                'constraints': [models.UniqueConstraint(fields=('token', 'native_id'), name='one_reading_of_an_ad_account')],
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
            options={
                'indexes': [models.Index(models.F('api_key'), models.OrderBy(models.F('at'), descending=True), name='refused_write_by_key'), models.Index(models.F('at'), condition=models.Q(('acted_on', True), ('known', False), ('told_at', None)), name='refused_write_untold')],
                'constraints': [models.UniqueConstraint(fields=('account', 'token', 'api_key', 'leased_at'), name='one_word_per_lease')],
            },
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.UniqueConstraint(fields=('channel', 'native_id'), name='one_row_per_ad_account'),
        ),
        migrations.AddConstraint(
            model_name='account',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deadline__isnull', False), ('deadline_kind', 'date')), models.Q(models.Q(('deadline_kind', 'date'), _negated=True), ('deadline__isnull', True)), _connector='OR'), name='account_has_a_deadline_iff_kind_is_date'),
        ),
        migrations.AddConstraint(
            model_name='accounttoken',
            constraint=models.UniqueConstraint(fields=('account', 'token'), name='one_pool_entry'),
        ),
        *append_only.protect('accounts_leaserecord'),
        migrations.RunSQL(ACTIVE_TOKEN_IN_POOL, 'alter table accounts_account drop constraint active_token_in_pool'),
    ]
