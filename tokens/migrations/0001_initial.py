import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import tokens.choices
import tokens.vault
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('users', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ChannelApp',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=tokens.choices.channel_choices, max_length=20, verbose_name='channel')),
                ('label', models.CharField(blank=True, max_length=100, verbose_name='label')),
                ('client_id', models.CharField(max_length=200, verbose_name='client ID')),
                ('secrets', tokens.vault.SealedField(editable=False, null=True)),
                ('secrets_key', tokens.vault.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='secrets')),
                ('scopes', models.JSONField(blank=True, default=list, help_text="Empty: the channel's usual ones.")),
                ('redirect_base', models.CharField(blank=True, help_text='Empty: BASE_URL.', max_length=200, validators=[django.core.validators.URLValidator(['https', 'http'])], verbose_name='redirect base')),
                ('is_default', models.BooleanField(default=True, help_text='New links use this app.')),
                ('state', models.CharField(choices=[('not_set_up', 'Not set up'), ('live', 'Live'), ('retiring', 'Retiring')], default='not_set_up', max_length=20, verbose_name='state')),
                ('fault', models.CharField(blank=True, help_text='What the channel said when it refused our app.', max_length=300)),
                ('fault_since', models.DateTimeField(blank=True, null=True)),
                ('fault_kind', models.CharField(blank=True, help_text='Which kind of call found it; one of that kind ends it.', max_length=10)),
                ('fault_told_at', models.DateTimeField(blank=True, help_text='When operators were last told.', null=True)),
                ('use_refused_at', models.DateTimeField(blank=True, help_text="When one token's reading blamed the app. Another token's tells whose fault it is.", null=True)),
                ('use_answered_at', models.DateTimeField(blank=True, help_text='When the reading was asked for whose good answer last ended such a suspicion or fault.', null=True)),
                ('version_warning', models.CharField(blank=True, db_default='', help_text="What the channel's answers say of the end of the version of its API that is in use.", max_length=300)),
                ('version_warned_at', models.DateTimeField(blank=True, help_text='When this warning was first seen.', null=True)),
                ('config_id', models.CharField(blank=True, max_length=60, verbose_name='configuration ID')),
                ('daily_budget', models.PositiveIntegerField(blank=True, help_text='Calls a day that the channel allows this app. From 80 % on checks slow down, renewals never. Empty: no budget.', null=True)),
                ('version', models.PositiveIntegerField(default=1, help_text='Grows with every change; caches go by it.', verbose_name='version')),
            ],
            options={
                'verbose_name': 'channel app',
                'verbose_name_plural': 'channel apps',
                'ordering': ['channel', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Handshake',
            fields=[
                ('state_hash', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('channel', models.CharField(choices=tokens.choices.channel_choices, max_length=20)),
                ('began_at', models.DateTimeField()),
                ('taken_at', models.DateTimeField(blank=True, null=True)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('led_to', models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name='Token',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('person', 'Person'), ('system', 'System user')], default='person', max_length=10)),
                ('native_user_id', models.CharField(max_length=191)),
                ('native_user_name', models.CharField(blank=True, max_length=200)),
                ('region', models.CharField(blank=True, db_default='', default='', max_length=20)),
                ('credentials', tokens.vault.SealedField(editable=False, null=True)),
                ('credentials_key', tokens.vault.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='credentials')),
                ('has_refresh_token', models.BooleanField(default=False)),
                ('refresh_refused_at', models.DateTimeField(blank=True, null=True)),
                ('scopes', models.JSONField(blank=True, null=True)),
                ('issued_at', models.DateTimeField(blank=True, null=True)),
                ('access_expires_at', models.DateTimeField(blank=True, null=True)),
                ('refresh_expires_at', models.DateTimeField(blank=True, null=True)),
                ('data_access_expires_at', models.DateTimeField(blank=True, null=True)),
                ('dates_source', models.JSONField(blank=True, default=dict)),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('deadline_kind', models.CharField(choices=[('date', 'Date'), ('never', 'Never'), ('unknown', 'Unknown')], default='unknown', max_length=10)),
                ('deadline_clock', models.CharField(blank=True, choices=[('access', 'Access ends'), ('refresh', 'Renewal ends'), ('data_access', 'Data access'), ('idle', 'Ends unused')], max_length=12)),
                ('cycle', models.PositiveIntegerField(default=1)),
                ('cycle_since', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now)),
                ('cycle_deadline', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('valid', 'Valid'), ('cooling', 'Cooling'), ('dead', 'Dead')], default='valid', max_length=10)),
                ('reason', models.CharField(blank=True, choices=[('expired', 'expired'), ('data_access_expired', 'data_access_expired'), ('refresh_expired', 'refresh_expired'), ('unused', 'unused'), ('password_changed', 'password_changed'), ('authorisation_cancelled', 'authorisation_cancelled'), ('session_invalid', 'session_invalid'), ('answer_lost', 'answer_lost'), ('unknown', 'unknown'), ('security_checkpoint', 'security_checkpoint'), ('suspended', 'suspended'), ('policy_violation', 'policy_violation'), ('scope_missing', 'scope_missing'), ('access_lost', 'access_lost'), ('publishing_lost', 'publishing_lost'), ('two_factor_required', 'two_factor_required'), ('verification_required', 'verification_required'), ('advertising_refused', 'advertising_refused'), ('writing_refused', 'writing_refused'), ('restricted', 'restricted'), ('app_fault', 'app_fault'), ('transient', 'transient'), ('removed', 'removed'), ('doubted', 'doubted')], max_length=40)),
                ('state_since', models.DateTimeField(default=django.utils.timezone.now)),
                ('evidence', models.JSONField(blank=True, default=dict)),
                ('generation', models.PositiveIntegerField(default=1)),
                ('due_at', models.DateTimeField(blank=True, null=True)),
                ('due_for', models.CharField(choices=[('refresh', 'Refresh'), ('probe', 'Probe'), ('accounts', 'Ad accounts')], default='probe', max_length=10)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('claimed_by', models.IntegerField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('last_checked_at', models.DateTimeField(blank=True, null=True)),
                ('last_check_result', models.CharField(blank=True, max_length=40)),
                ('proven_at', models.DateTimeField(blank=True, null=True)),
                ('app_refused_at', models.DateTimeField(blank=True, null=True)),
                ('use_refused_at', models.DateTimeField(blank=True, null=True)),
                ('demoted_at', models.DateTimeField(blank=True, null=True)),
                ('renewed_at', models.DateTimeField(blank=True, null=True)),
                ('renewal_tried_at', models.DateTimeField(blank=True, null=True)),
                ('refresh_wanted_at', models.DateTimeField(blank=True, null=True)),
                ('refresh_wanted', models.JSONField(blank=True, db_default={}, default=dict)),
                ('refresh_began_at', models.DateTimeField(blank=True, null=True)),
                ('refresh_began_by', models.CharField(blank=True, db_default='', default='', max_length=120)),
                ('refresh_unanswered_at', models.DateTimeField(blank=True, null=True)),
                ('doubted_at', models.DateTimeField(blank=True, null=True)),
                ('look_again_at', models.DateTimeField(blank=True, null=True)),
                ('linked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('first_linked_at', models.DateTimeField(blank=True, null=True)),
                ('removed_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'verbose_name': 'token',
                'verbose_name_plural': 'tokens',
                'permissions': [('add_system_user', "Can add system users' tokens"), ('probe_token', 'Can check tokens now'), ('renew_token', 'Can renew tokens now'), ('ask_token', 'Can ask people to re-authenticate'), ('revoke_token', 'Can revoke log-ins at the channel')],
            },
        ),
        migrations.CreateModel(
            name='TokenEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('linked', 'Linked'), ('renewed', 'Renewed'), ('dates', 'Dates changed'), ('not_renewed', 'Renewal refused'), ('answer_lost', 'Answer to a renewal lost'), ('cooled', 'Trouble, being confirmed'), ('recovered', 'Works again'), ('died', 'Stopped'), ('disputed', 'Reported, not confirmed'), ('asked', 'Asked to re-authenticate'), ('revoked', 'Revoked at the channel'), ('removed', 'Removed on purpose')], max_length=12)),
                ('source', models.CharField(blank=True, max_length=20)),
                ('detail', models.JSONField(blank=True, default=dict)),
                ('at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='UnknownAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('fingerprint', models.CharField(max_length=32)),
                ('call', models.CharField(max_length=20, verbose_name='call')),
                ('status', models.PositiveIntegerField(verbose_name='status')),
                ('sample', models.JSONField(default=dict)),
                ('count', models.PositiveIntegerField(default=1, verbose_name='count')),
                ('first_seen_at', models.DateTimeField()),
                ('last_seen_at', models.DateTimeField()),
                ('api_key', models.BigIntegerField(blank=True, null=True)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('verdict', models.CharField(blank=True, max_length=20)),
                ('assigned_at', models.DateTimeField(blank=True, null=True)),
                ('note', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'verbose_name': 'unknown answer',
                'verbose_name_plural': 'unknown answers',
                'ordering': ['-last_seen_at', '-id'],
                'permissions': [('assign_verdict', 'Can say what unknown answers mean')],
            },
        ),
        migrations.CreateModel(
            name='DeletionRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('native_user_id', models.CharField(blank=True, max_length=191)),
                ('code', models.CharField(max_length=40, unique=True)),
                ('request_hash', models.CharField(max_length=64, unique=True)),
                ('state', models.CharField(choices=[('received', 'Received'), ('done', 'Done')], default='received', max_length=10)),
                ('received_at', models.DateTimeField()),
                ('done_at', models.DateTimeField(blank=True, null=True)),
                ('app', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.channelapp')),
            ],
            options={
                'ordering': ['-received_at'],
            },
        ),
        migrations.CreateModel(
            name='Doubt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('log_in', 'The log-in has ended'), ('renewal', 'It is not renewed'), ('access', 'An ad account is out of its reach'), ('restriction', 'An ad account is restricted')], max_length=12)),
                ('about', models.CharField(blank=True, max_length=100)),
                ('reason', models.CharField(max_length=40)),
                ('row', models.CharField(max_length=200)),
                ('evidence', models.JSONField(default=dict)),
                ('source', models.CharField(max_length=20)),
                ('began_at', models.DateTimeField()),
                ('others_work_at', models.DateTimeField(null=True)),
                ('believed_at', models.DateTimeField(null=True)),
                ('true_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('app', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.channelapp')),
            ],
            options={
                'ordering': ['-began_at', '-id'],
                'default_permissions': (),
            },
        ),
        migrations.AddField(
            model_name='doubt',
            name='believed_by',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='handshake',
            name='user',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='token',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tokens', to='tokens.channelapp'),
        ),
        migrations.AddField(
            model_name='token',
            name='consented_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='tokens', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='token',
            name='removed_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='token',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team'),
        ),
        migrations.AddField(
            model_name='doubt',
            name='token',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='doubts', to='tokens.token'),
        ),
        migrations.AddField(
            model_name='channelapp',
            name='use_refused_by',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.token'),
        ),
        migrations.AddField(
            model_name='tokenevent',
            name='actor',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='tokenevent',
            name='token',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='tokens.token'),
        ),
        migrations.AddField(
            model_name='unknownanswer',
            name='app',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='unknown_answers', to='tokens.channelapp'),
        ),
        migrations.AddField(
            model_name='unknownanswer',
            name='assigned_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='unknownanswer',
            name='last_token',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='tokens.token'),
        ),
        migrations.AddIndex(
            model_name='handshake',
            index=models.Index(models.F('began_at'), name='handshake_began'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('deadline'), condition=models.Q(('deadline_kind', 'date'), models.Q(('state', 'dead'), _negated=True)), name='token_deadline_soon'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('due_at'), condition=models.Q(('due_at__isnull', False)), name='token_due'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('app'), models.F('due_at'), condition=models.Q(('due_at__isnull', False)), name='token_due_of_app'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('credentials_key'), models.F('app'), condition=models.Q(('credentials__isnull', False)), name='token_key_in_use'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('refresh_wanted_at'), condition=models.Q(('refresh_wanted_at__isnull', False)), name='token_refresh_wanted'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('refresh_began_at'), condition=models.Q(('refresh_began_at__isnull', False)), name='token_refresh_began'),
        ),
        migrations.AddIndex(
            model_name='token',
            index=models.Index(models.F('removed_at'), condition=models.Q(('credentials__isnull', False), ('reason', 'removed')), name='token_to_revoke'),
        ),
        migrations.AddConstraint(
            model_name='token',
            constraint=models.UniqueConstraint(fields=('app', 'native_user_id'), name='one_token_per_native_user'),
        ),
        migrations.AddConstraint(
            model_name='token',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'valid'), ('reason', '')), models.Q(models.Q(('state', 'valid'), _negated=True), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='token_has_a_reason_iff_not_valid'),
        ),
        migrations.AddConstraint(
            model_name='token',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('deadline__isnull', False), ('deadline_kind', 'date')), models.Q(models.Q(('deadline_kind', 'date'), _negated=True), ('deadline__isnull', True)), _connector='OR'), name='token_has_a_deadline_iff_kind_is_date'),
        ),
        migrations.AddIndex(
            model_name='doubt',
            index=models.Index(models.F('app'), models.F('kind'), condition=models.Q(('ended_at', None), ('true_at', None)), name='doubt_undecided'),
        ),
        migrations.AddIndex(
            model_name='doubt',
            index=models.Index(models.F('app'), models.F('began_at'), name='doubt_of_app'),
        ),
        migrations.AddConstraint(
            model_name='doubt',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('token', 'kind', 'about'), name='one_open_doubt'),
        ),
        migrations.AddConstraint(
            model_name='channelapp',
            constraint=models.UniqueConstraint(fields=('channel', 'client_id'), name='one_row_per_channel_app'),
        ),
        migrations.AddConstraint(
            model_name='channelapp',
            constraint=models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('channel',), name='one_default_app_per_channel'),
        ),
        migrations.AddIndex(
            model_name='tokenevent',
            index=models.Index(models.F('token'), models.OrderBy(models.F('at'), descending=True), name='token_event_line'),
        ),
        migrations.AddIndex(
            model_name='tokenevent',
            index=models.Index(models.F('at'), condition=models.Q(('kind', 'asked')), name='token_event_asked'),
        ),
        migrations.AddConstraint(
            model_name='unknownanswer',
            constraint=models.UniqueConstraint(fields=('app', 'fingerprint'), name='one_row_per_unknown_answer'),
        ),
        migrations.AddConstraint(
            model_name='unknownanswer',
            constraint=models.CheckConstraint(condition=models.Q(('verdict', 'token_dead'), _negated=True), name='no_death_by_a_click'),
        ),
    ]
