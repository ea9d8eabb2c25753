import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

NAMES = [('', 'The person, or an address that was entered'), ('team_lead', 'Team lead: nobody else could be told'), ('operator', 'Operator: nobody else could be told, and the team has no lead')]

# The version before has room for one action in a macro.
_UNDO = [
    'set constraints all immediate',
    "update macros_notice set action_id = null where action_id in (select id from macros_macroaction where kind <> 'pre_deactivation')",
    'delete from macros_newsnotice',
    "delete from macros_macroaction where kind <> 'pre_deactivation'",
]


class Migration(migrations.Migration):
    """A macro may have several actions, of several kinds. Those that there are stay as they are."""

    dependencies = [
        ('accounts', '0029_fresh_events'),
        ('macros', '0011_notify_consenters'),
        ('users', '0008_team_leads'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='macroaction',
            constraint=models.UniqueConstraint(fields=('macro', 'kind'), name='one_action_of_a_kind'),
        ),
        migrations.RemoveConstraint(model_name='macroaction', name='one_action_per_macro'),
        migrations.RemoveConstraint(model_name='macroaction', name='action_has_days'),
        migrations.AddConstraint(
            model_name='macroaction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'pre_deactivation'), _negated=True), models.Q(('days', []), _negated=True), _connector='OR'), name='warning_has_days'),
        ),
        migrations.AlterField(
            model_name='macroaction',
            name='kind',
            field=models.CharField(choices=[('pre_deactivation', 'Set Pre-Deactivation Notification'), ('deactivated', 'an account is deactivated'), ('shifted', 'another log-in takes over an account'), ('recovered', 'an account works again'), ('restricted', 'the channel restricts an account')], default='pre_deactivation', max_length=20, verbose_name='action'),
        ),
        migrations.AlterField(
            model_name='macroaction',
            name='days',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)]), blank=True, default=list, size=None, verbose_name='days in advance'),
        ),
        migrations.AlterField(
            model_name='evaluation',
            name='trigger',
            field=models.CharField(choices=[('schedule', 'Schedule'), ('hand', 'By hand'), ('event', 'At once')], default='schedule', max_length=10),
        ),
        migrations.CreateModel(
            name='DelayedEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.BigIntegerField(unique=True)),
                ('due_at', models.DateTimeField(db_index=True)),
            ],
            options={'default_permissions': ()},
        ),
        migrations.CreateModel(
            name='NewsNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('macro_name', models.CharField(blank=True, db_default='', default='', max_length=100)),
                ('event', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('shifted', 'Another log-in took over'), ('recovered', 'Works again'), ('restricted', 'Restricted by the channel')], max_length=12)),
                ('recipient', models.EmailField(max_length=254)),
                ('via', models.CharField(blank=True, choices=NAMES, db_default='', default='', max_length=10)),
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
                'indexes': [
                    models.Index(models.F('evaluation'), models.F('recipient'), models.F('team'), name='news_of_mail'),
                    models.Index(models.F('account'), models.F('action'), models.F('at'), name='news_lately'),
                    models.Index(models.F('action'), models.F('id'), name='news_of_action'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(models.Q(('outcome', 'dropped'), _negated=True), ('action__isnull', False)), fields=('action', 'event', 'recipient'), name='one_notice_per_event'),
                ],
            },
        ),
        migrations.RunSQL(sql=migrations.RunSQL.noop, reverse_sql=_UNDO),
    ]
