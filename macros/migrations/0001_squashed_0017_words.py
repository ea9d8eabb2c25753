"""0001 to 0017 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import tokens.choices
from django.conf import settings
from django.db import migrations, models


NAME = 'Warn before any account stops'


def add_default_macro(apps, schema_editor):
    """A new installation holds one enabled macro for all accounts, so that nobody goes dark unwarned."""
    macro = apps.get_model('macros', 'Macro').objects.create(
        name=NAME,
        description='Comes with AdToken. Mails the people who linked an account before it stops, and when it has.',
        enabled=True,
        scope='all',
    )
    macro.actions.create(kind='pre_deactivation', emails=[], notify_consenters=True, days=[30, 7, 1], watch='account')
    macro.actions.create(kind='deactivated', emails=[], notify_consenters=True)


class Migration(migrations.Migration):

    replaces = [
        ('macros', '0001_initial'),
        ('macros', '0002_default_macro'),
        ('macros', '0003_redundant_indexes'),
        ('macros', '0004_keep_what_was_told'),
        ('macros', '0005_one_action_each'),
        ('macros', '0006_one_mail_per_person'),
        ('macros', '0007_opt_out'),
        ('macros', '0008_last_mailed_index'),
        ('macros', '0009_channels_by_registry'),
        ('macros', '0010_help_texts_that_no_page_shows_are_comments'),
        ('macros', '0011_notify_consenters'),
        ('macros', '0012_told_at_once'),
        ('macros', '0013_owner'),
        ('macros', '0014_silences'),
        ('macros', '0015_people_and_escalation'),
        ('macros', '0016_weekly_digest'),
        ('macros', '0017_words'),
    ]

    initial = True

    dependencies = [
        ('accounts', '0001_squashed_0043_campaigns'),
        ('tokens', '0001_squashed_0040_words'),
        ('users', '0010_squashed_0024_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='DelayedEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.BigIntegerField(unique=True)),
                ('due_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Evaluation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_date', models.DateField()),
                ('trigger', models.CharField(choices=[('schedule', 'Schedule'), ('hand', 'By hand'), ('event', 'At once')], default='schedule', max_length=10)),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('notice_count', models.PositiveIntegerField(default=0)),
                ('message_count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'ordering': ['-started_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('trigger', 'schedule')), fields=('on_date',), name='one_scheduled_evaluation_per_day')],
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
                ('excluded', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), blank=True, db_default=[], default=list, size=None)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, help_text='Empty: all teams.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='macros', to='users.team')),
            ],
            options={
                'ordering': ['name'],
                'permissions': [('apply_macro', 'Can apply macros to accounts'), ('evaluate_macro', 'Can evaluate macros now')],
                'verbose_name': 'macro',
                'verbose_name_plural': 'macros',
            },
        ),
        migrations.CreateModel(
            name='MacroAccount',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='macro_applications', to='accounts.account')),
                ('macro', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='applications', to='macros.macro')),
            ],
        ),
        migrations.AddField(
            model_name='macro',
            name='accounts',
            field=models.ManyToManyField(related_name='macros', through='macros.MacroAccount', to='accounts.account'),
        ),
        migrations.CreateModel(
            name='MacroAction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('pre_deactivation', 'Set Pre-Deactivation Notification'), ('deactivated', 'an account is deactivated'), ('shifted', 'another log-in takes over an account'), ('recovered', 'an account works again'), ('restricted', 'the channel restricts an account'), ('few_people', 'too few people could carry an account'), ('escalated', 'nothing happened after the first warning')], default='pre_deactivation', max_length=20, verbose_name='action')),
                ('emails', django.contrib.postgres.fields.ArrayField(base_field=models.EmailField(max_length=254), blank=True, default=list, size=None, verbose_name='e-mail addresses')),
                ('days', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)]), blank=True, default=list, size=None, verbose_name='days in advance')),
                ('watch', models.CharField(choices=[('account', 'the account is about to stop'), ('token', 'any token is about to stop')], default='account', max_length=10, verbose_name='warn when')),
                ('notify_consenters', models.BooleanField(db_column='linkers', default=True, verbose_name='also mail the person who linked the token')),
                ('after', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('people', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('within', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('macro', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='actions', to='macros.macro')),
            ],
        ),
        migrations.CreateModel(
            name='NewsNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('macro_name', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('event', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('shifted', 'Another log-in took over'), ('recovered', 'Works again'), ('restricted', 'Restricted by the channel'), ('few_people', 'Too few people')], max_length=12)),
                ('recipient', models.EmailField(max_length=254)),
                ('via', models.CharField(blank=True, choices=[('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')], db_default='', default='', max_length=10)),
                ('at', models.DateTimeField()),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('mailed', 'Mailed'), ('dropped', 'Dropped'), ('failed', 'Failed'), ('cancelled', 'Cancelled by staff')], default='waiting', max_length=10)),
                ('outcome_reason', models.CharField(blank=True, max_length=200)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.account')),
                ('action', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='news', to='macros.macroaction')),
                ('evaluation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='news', to='macros.evaluation')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cycle', models.PositiveIntegerField()),
                ('threshold', models.PositiveSmallIntegerField()),
                ('recipient', models.EmailField(max_length=254)),
                ('deadline', models.DateTimeField(blank=True, null=True)),
                ('outcome', models.CharField(choices=[('waiting', 'Waiting'), ('mailed', 'Mailed'), ('dropped', 'Dropped'), ('failed', 'Failed'), ('cancelled', 'Cancelled by staff')], default='waiting', max_length=10)),
                ('outcome_reason', models.CharField(blank=True, max_length=200)),
                ('macro_name', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('via', models.CharField(blank=True, choices=[('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')], db_default='', default='', max_length=10)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='notices', to='accounts.account')),
                ('action', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='macros.macroaction')),
                ('evaluation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='found', to='macros.evaluation')),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
                ('token', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='tokens.token')),
            ],
        ),
        migrations.CreateModel(
            name='OptOut',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('macro', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='opt_outs', to='macros.macro')),
            ],
            options={
                'ordering': ['-started_at'],
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
            },
        ),
        migrations.CreateModel(
            name='Silence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(blank=True, default='', max_length=254, verbose_name='e-mail')),
                ('until', models.DateField(blank=True, null=True, verbose_name='until')),
                ('reason', models.CharField(blank=True, default='', max_length=200, verbose_name='reason')),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='accounts.account')),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('macro', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='macros.macro')),
            ],
            options={
                'ordering': ['until', 'pk'],
                'permissions': [('snooze_account', 'Can snooze warnings of accounts, and say who is on it')],
                'default_permissions': (),
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
            name='DigestSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('always', models.BooleanField(db_default=False, default=False)),
                ('started_at', models.DateTimeField()),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('team', 'user'), name='one_digest_of_a_team', nulls_distinct=False)],
            },
        ),
        migrations.AddConstraint(
            model_name='macroaccount',
            constraint=models.UniqueConstraint(fields=('macro', 'account'), name='one_application_per_account'),
        ),
        migrations.AddConstraint(
            model_name='macroaction',
            constraint=models.CheckConstraint(condition=models.Q(('notify_consenters', True), models.Q(('emails', []), _negated=True), _connector='OR'), name='action_tells_somebody'),
        ),
        migrations.AddConstraint(
            model_name='macroaction',
            constraint=models.UniqueConstraint(fields=('macro', 'kind'), name='one_action_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='macroaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'pre_deactivation'), _negated=True), models.Q(('days', []), _negated=True), _connector='OR'), name='warning_has_days'),
        ),
        migrations.AddIndex(
            model_name='newsnotice',
            index=models.Index(models.F('evaluation'), models.F('recipient'), models.F('team'), name='news_of_mail'),
        ),
        migrations.AddIndex(
            model_name='newsnotice',
            index=models.Index(models.F('account'), models.F('action'), models.F('at'), name='news_lately'),
        ),
        migrations.AddIndex(
            model_name='newsnotice',
            index=models.Index(models.F('action'), models.F('id'), name='news_of_action'),
        ),
        migrations.AddConstraint(
            model_name='newsnotice',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('outcome', 'dropped'), _negated=True), ('action__isnull', False)), fields=('action', 'event', 'recipient'), name='one_notice_per_event'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(models.F('evaluation'), models.F('recipient'), models.F('team'), name='notice_of_mail'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(models.F('action'), models.F('id'), condition=models.Q(('outcome', 'mailed')), name='notice_last_mailed'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('outcome', 'dropped'), _negated=True), ('action__isnull', False)), fields=('action', 'account', 'token', 'cycle', 'threshold', 'recipient'), name='one_notice_per_cycle_and_threshold', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='optout',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('macro', 'email'), name='one_opt_out_at_a_time'),
        ),
        migrations.AddIndex(
            model_name='shortage',
            index=models.Index(models.F('action'), models.F('account'), models.F('began_at'), name='shortage_lately'),
        ),
        migrations.AddConstraint(
            model_name='shortage',
            constraint=models.UniqueConstraint(condition=models.Q(('over_at', None)), fields=('action', 'account'), name='one_shortage_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('account', 'macro', 'email'), name='one_silence_at_a_time', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('macro', None), ('until__isnull', False)), models.Q(('macro__isnull', False), models.Q(('email', ''), _negated=True)), _connector='OR'), name='silence_ends_or_is_of_a_macro'),
        ),
        migrations.RunPython(add_default_macro, migrations.RunPython.noop),
    ]
