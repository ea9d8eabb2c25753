import tokens.vault.services
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import tokens.choices
from django.conf import settings
from django.db import migrations, models


def add_default_macro(apps, schema_editor):
    """A new installation holds one enabled macro for all accounts, so that nobody goes dark unwarned."""
    macro = apps.get_model('macros', 'Macro').objects.create(
        name='Warn before any account stops',
        description='Comes with AdToken. Mails the people who linked an account before it stops, and when it has.',
        enabled=True,
        scope='all',
    )
    macro.actions.create(kind='pre_deactivation', emails=[], notify_consenters=True, days=[30, 7, 1], watch='account')
    macro.actions.create(kind='deactivated', emails=[], notify_consenters=True)
    macro.actions.create(kind='escalated', emails=[], notify_consenters=False, after=3)


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('notifications', '0001_initial'),
        ('tokens', '0001_initial'),
        ('users', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_date', models.DateField()),
                ('trigger', models.CharField(choices=[('schedule', 'Schedule'), ('hand', 'By hand')], default='schedule', max_length=10)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('notice_count', models.PositiveIntegerField(default=0)),
                ('message_count', models.PositiveIntegerField(default=0)),
                ('dropped_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-started_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('trigger', 'schedule')), fields=('on_date',), name='one_scheduled_evaluation_per_day')],
            },
        ),
        migrations.CreateModel(
            name='Acknowledgement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cycle', models.PositiveIntegerField()),
                ('days', models.PositiveSmallIntegerField()),
                ('email', models.EmailField(max_length=254)),
                ('at', models.DateTimeField()),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='acknowledgements', to='accounts.account')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('account', 'token', 'cycle'), name='one_acknowledgement_of_a_cycle', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('days__gte', 1)), name='acknowledged_ahead')],
            },
        ),
        migrations.CreateModel(
            name='Macro',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='macro name')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('enabled', models.BooleanField(default=True, verbose_name='on')),
                ('scope', models.CharField(choices=[('chosen', 'Chosen accounts'), ('channels', 'All accounts of some channels, also those added later'), ('all', 'All accounts, also those added later')], default='chosen', max_length=10, verbose_name='apply on account')),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=tokens.choices.channel_choices, max_length=20), blank=True, default=list, size=None)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, help_text='Empty: all teams.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='macros', to='users.team')),
            ],
            options={
                'verbose_name': 'macro',
                'verbose_name_plural': 'macros',
                'ordering': ['name'],
                'permissions': [('apply_macro', 'Can apply macros to accounts'), ('evaluate_macro', 'Can evaluate macros now')],
            },
        ),
        migrations.CreateModel(
            name='MacroAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='macro_applications', to='accounts.account')),
                ('macro', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='applications', to='macros.macro')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('macro', 'account'), name='one_application_per_account')],
            },
        ),
        migrations.CreateModel(
            name='MacroAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('pre_deactivation', 'Set Pre-Deactivation Notification'), ('deactivated', 'an account is deactivated'), ('shifted', 'another log-in takes over an account'), ('recovered', 'an account works again'), ('restricted', 'the channel restricts an account'), ('few_people', 'too few people keep an account connected'), ('escalated', 'nothing happened after the first warning')], default='pre_deactivation', max_length=20, verbose_name='action')),
                ('emails', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, default=list, size=None, verbose_name='e-mail addresses')),
                ('notify_consenters', models.BooleanField(db_column='linkers', default=True, verbose_name='also mail the person who linked the token')),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)]), blank=True, default=list, size=None, verbose_name='days in advance')),
                ('watch', models.CharField(choices=[('account', 'the account is about to stop'), ('token', 'any token is about to stop')], default='account', max_length=10, verbose_name='warn when')),
                ('people', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('within', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('after', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('created_at', models.DateTimeField(editable=False, null=True)),
                ('macro', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='actions', to='macros.macro')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('macro', 'kind'), name='one_action_of_a_kind'), models.CheckConstraint(condition=models.Q(('notify_consenters', True), models.Q(('emails', []), _negated=True), ('kind', 'escalated'), _connector='OR'), name='action_tells_somebody'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'pre_deactivation'), _negated=True), models.Q(('days', []), _negated=True), _connector='OR'), name='warning_has_days')],
            },
        ),
        migrations.CreateModel(
            name='Mute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(blank=True, default='', max_length=254, verbose_name='e-mail')),
                ('until', models.DateField(blank=True, null=True, verbose_name='until')),
                ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='reason')),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('look_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mutes', to='accounts.account')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('macro', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='mutes', to='macros.macro')),
            ],
            options={
                'verbose_name': 'snoozed address',
                'verbose_name_plural': 'snoozed addresses',
                'ordering': ['until', 'pk'],
                'permissions': [('snooze_account', 'Can snooze warnings of accounts, and say who is on it')],
                'default_permissions': ('view',),
                'indexes': [models.Index(models.F('look_at'), condition=models.Q(('look_at__isnull', False)), name='mute_to_look_at')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('account', 'macro', 'email'), name='one_mute_at_a_time', nulls_distinct=False), models.CheckConstraint(condition=models.Q(('macro__isnull', False), ('until__isnull', False), _connector='OR'), name='only_one_macro_mutes_for_good'), models.CheckConstraint(condition=models.Q(('account__isnull', False), models.Q(('macro', None), models.Q(('email', ''), _negated=True)), _connector='OR'), name='mute_of_all_accounts_names_an_address')],
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('macro_name', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('was_of', models.BigIntegerField(blank=True, null=True)),
                ('cycle', models.PositiveIntegerField()),
                ('threshold', models.PositiveSmallIntegerField()),
                ('recipient', models.EmailField(max_length=254)),
                ('via', models.CharField(blank=True, choices=[('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')], db_default='', default='', max_length=10)),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('mailed', 'Mailed'), ('dropped', 'Dropped'), ('failed', 'Failed'), ('cancelled', 'Cancelled by staff')], default='waiting', max_length=10)),
                ('outcome_reason', models.CharField(blank=True, max_length=200)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='accounts.account')),
                ('action', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='macros.macroaction')),
                ('evaluation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='found', to='macros.evaluation')),
                ('message', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='notifications.message')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'indexes': [models.Index(models.F('action'), models.F('id'), condition=models.Q(('outcome', 'mailed')), name='notice_last_mailed'), models.Index(models.F('was_of'), models.F('id'), condition=models.Q(('was_of__isnull', False)), name='notice_was_of')],
                'constraints': [models.UniqueConstraint(condition=models.Q(models.Q(('outcome', 'dropped'), _negated=True), ('action__isnull', False)), fields=('action', 'account', 'token', 'cycle', 'threshold', 'recipient'), name='one_notice_per_cycle_and_threshold', nulls_distinct=False)],
            },
        ),
        migrations.CreateModel(
            name='Shortage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('people', models.PositiveSmallIntegerField()),
                ('began_at', models.DateTimeField()),
                ('over_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('action', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='macros.macroaction')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('action'), models.F('account'), models.F('began_at'), name='shortage_lately')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('over_at', None)), fields=('action', 'account'), name='one_shortage_at_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Told',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('log_in', 'A log-in stopped'), ('access', 'A log-in can no longer be used for it'), ('deactivated', 'Deactivated'), ('restricted', 'Restricted by the channel'), ('shifted', 'Another log-in took over'), ('few_people', 'Too few people'), ('recovered', 'Works again'), ('unsteady', 'Goes on and off')], max_length=12)),
                ('event', models.BigIntegerField()),
                ('recipient', models.EmailField(max_length=254)),
                ('via', models.CharField(blank=True, choices=[('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')], default='', max_length=10)),
                ('macro_name', models.CharField(blank=True, default='', max_length=100)),
                ('was_of', models.BigIntegerField(blank=True, null=True)),
                ('dark', models.BooleanField(default=False)),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('mailed', 'Mailed'), ('dropped', 'Dropped'), ('failed', 'Failed'), ('cancelled', 'Cancelled by staff')], default='waiting', max_length=10)),
                ('outcome_reason', models.CharField(blank=True, max_length=200)),
                ('over_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='told', to='accounts.account')),
                ('action', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='told', to='macros.macroaction')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='told', to='notifications.message')),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
                ('token', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
            options={
                'db_table': 'macros_told',
                'default_permissions': (),
                'indexes': [models.Index(models.F('account'), models.F('at'), name='told_of_account'), models.Index(models.F('action'), models.F('id'), name='told_by_action'), models.Index(models.F('was_of'), models.F('id'), condition=models.Q(('was_of__isnull', False)), name='told_was_of')],
            },
        ),
        migrations.AddField(
            model_name='macro',
            name='accounts',
            field=models.ManyToManyField(related_name='macros', through='macros.MacroAccount', to='accounts.account'),
        ),
        migrations.AddConstraint(
            model_name='told',
            constraint=models.UniqueConstraint(condition=models.Q(('outcome', 'dropped'), _negated=True), fields=('account', 'kind', 'token', 'event', 'recipient'), name='told_once', nulls_distinct=False),
        ),
        migrations.RunPython(add_default_macro, migrations.RunPython.noop),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('webhook', 'Webhook'), ('slack', 'Slack'), ('teams', 'Microsoft Teams'), ('pagerduty', 'PagerDuty')], default='webhook', max_length=10, verbose_name='kind')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), default=list, size=None)),
                ('address', tokens.vault.services.SealedField(editable=False)),
                ('address_key', tokens.vault.services.KeyNameField(blank=True, db_default='', default='', editable=False, max_length=16, of='address')),
                ('host', models.CharField(max_length=255, verbose_name='host')),
                ('secret_number', models.PositiveSmallIntegerField(default=1)),
                ('secret_changed_at', models.DateTimeField(blank=True, null=True)),
                ('created_at', models.DateTimeField()),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('pause_until', models.DateTimeField(blank=True, null=True)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('off_at', models.DateTimeField(blank=True, null=True)),
                ('off_why', models.CharField(blank=True, max_length=200)),
                ('made_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks', 'default_permissions': ('add', 'view'),
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=100, unique=True)),
                ('type', models.CharField(choices=[('account.pre_expiry', 'An account stops in some days'), ('account.deactivated', 'An account stopped'), ('account.shifted', 'Another log-in took over'), ('account.recovered', 'An account works again'), ('account.restricted', 'The channel restricted an account'), ('account.acknowledged', 'Somebody is on it'), ('account.redundancy_low', 'Too few people keep an account connected'), ('login.ended', 'A log-in stopped'), ('login.renewed', 'A log-in works again'), ('ask.opened', 'People were asked for something'), ('ask.done', 'What people were asked for is over'), ('incident.opened', 'A channel refuses AdToken, or is doubted'), ('incident.closed', 'The channel takes AdToken again'), ('version.ending', "A version of a channel's API ends")], max_length=30)),
                ('channel', models.CharField(max_length=20)),
                ('data', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
                ('created_at', models.DateTimeField(db_index=True)),
                ('account', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
            ],
            options={
                'ordering': ['pk'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('tries', models.JSONField(default=list)),
                ('next_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='macros.endpoint')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='macros.event')),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('next_at'), condition=models.Q(('next_at__isnull', False)), name='delivery_due')],
                'constraints': [models.UniqueConstraint(fields=('endpoint', 'event'), name='one_delivery_of_an_event')],
            },
        ),
    ]
