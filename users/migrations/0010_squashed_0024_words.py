"""0010 to 0024 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('users', '0010_factors_bound_to_their_person'),
        ('users', '0011_refused_address'),
        ('users', '0012_installation'),
        ('users', '0013_security_keys_bound_to_their_person'),
        ('users', '0014_retention'),
        ('users', '0015_limit_counts'),
        ('users', '0016_name_keys_of_second_factors'),
        ('users', '0017_help_texts_that_no_page_shows_are_comments'),
        ('users', '0018_roles'),
        ('users', '0019_asking_before_backups'),
        ('users', '0020_offboarding'),
        ('users', '0021_parked_addresses'),
        ('users', '0022_language'),
        ('users', '0023_contacts_and_client_links'),
        ('users', '0024_words'),
    ]

    dependencies = [
        ('mfa', '0003_authenticator_type_uniq'),
        ('users', '0001_squashed_0009_teams'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='loginrecord',
            options={'ordering': ['-id'], 'verbose_name': 'log-in'},
        ),
        migrations.CreateModel(
            name='RetentionPeriod',
            fields=[
                ('kind', models.CharField(editable=False, max_length=20, primary_key=True, serialize=False)),
                ('days', models.PositiveIntegerField(blank=True, help_text='Empty: the usual number of days.', null=True, verbose_name='days kept')),
                ('progress', models.JSONField(db_default={}, default=dict, editable=False, help_text='Table: the last id that the night looked at.')),
                ('removed', models.PositiveBigIntegerField(db_default=0, default=0, editable=False, help_text='Rows that the last night removed or emptied.')),
                ('done_at', models.DateTimeField(editable=False, help_text='When a night last got to the end.', null=True)),
            ],
            options={
                'verbose_name': 'retention period',
                'ordering': ['kind'],
            },
        ),
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('number', models.UUIDField(default=uuid.uuid4)),
                ('address', models.CharField(max_length=64)),
                ('keys', models.JSONField(default=list)),
                ('database', models.CharField(max_length=60)),
                ('bound_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('held_at', models.DateTimeField(blank=True, null=True)),
                ('held_because', models.CharField(blank=True, max_length=300)),
                ('round_began_at', models.DateTimeField(blank=True, null=True)),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('released_as', models.CharField(blank=True, choices=[('same', 'The same installation'), ('copy', 'A copy')], max_length=10)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='one_installation')],
            },
        ),
        migrations.CreateModel(
            name='LimitCount',
            fields=[
                ('key', models.CharField(max_length=250, primary_key=True, serialize=False)),
                ('value', models.JSONField()),
                ('ends_at', models.FloatField(db_index=True)),
            ],
        ),
        migrations.AddField(
            model_name='invitation',
            name='role',
            field=models.CharField(choices=[('marketer', 'Marketer'), ('manager', 'Manager'), ('auditor', 'Auditor'), ('administrator', 'Administrator')], db_default='marketer', default='marketer', max_length=15),
        ),
        migrations.AddField(
            model_name='team',
            name='ask_backups',
            field=models.BooleanField(db_default=False, default=False, help_text='Ask people before their log-ins back up further accounts of this team.', verbose_name='ask before backups'),
        ),
        migrations.AlterModelOptions(
            name='user',
            options={'permissions': [('invite_user', 'Can invite people by mail'), ('end_sessions', 'Can log people out everywhere'), ('offboard_user', 'Can offboard people: switch them off and end their log-ins'), ('see_all_teams', 'Can see what belongs to any team')]},
        ),
        migrations.CreateModel(
            name='RefusedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('said', models.CharField(blank=True, max_length=300)),
                ('since', models.DateTimeField()),
                ('refused_at', models.DateTimeField()),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('why', models.CharField(choices=[('refused', 'Refused by the mail server'), ('again', 'Refused again after a week'), ('bounced', 'Mail comes back'), ('returned', 'Mail came back several times'), ('complained', 'Marked as spam')], db_default='refused', default='refused', max_length=10)),
            ],
            options={
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('email',), name='one_row_per_refused_address')],
                'permissions': [('release_address', 'Can release parked addresses')],
                'verbose_name': 'parked address',
                'verbose_name_plural': 'parked addresses',
            },
        ),
        migrations.CreateModel(
            name='AddressEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('kind', models.CharField(choices=[('parked', 'Parked'), ('released', 'Released by staff'), ('confirmed', 'Confirmed by its reader'), ('taken', 'Its mail server took a mail again'), ('lapsed', 'Tried again after a week')], max_length=10)),
                ('why', models.CharField(blank=True, db_default='', default='', max_length=10)),
                ('said', models.CharField(blank=True, db_default='', default='', max_length=300)),
                ('at', models.DateTimeField()),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-at', '-id'],
                'default_permissions': (),
                'indexes': [models.Index(models.F('email'), models.F('at'), name='event_of_address')],
            },
        ),
        migrations.AddField(
            model_name='user',
            name='language',
            field=models.CharField(blank=True, db_default='', help_text='Empty: as the browser asks for it.', max_length=10),
        ),
        migrations.AddField(
            model_name='user',
            name='is_contact',
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name='contact'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_contact', False), models.Q(('is_staff', False), ('is_superuser', False), ('password__startswith', '!')), _connector='OR'), name='contact_has_no_way_in'),
        ),
        migrations.AlterModelOptions(
            name='invitation',
            options={'ordering': ['-created_at'], 'verbose_name': 'invitation', 'verbose_name_plural': 'invitations'},
        ),
        migrations.AlterModelOptions(
            name='membership',
            options={'verbose_name': 'membership', 'verbose_name_plural': 'memberships'},
        ),
        migrations.AlterModelOptions(
            name='team',
            options={'ordering': ['name'], 'verbose_name': 'team', 'verbose_name_plural': 'teams'},
        ),
        migrations.AlterModelOptions(
            name='user',
            options={'permissions': [('invite_user', 'Can invite people by mail'), ('end_sessions', 'Can log people out everywhere'), ('offboard_user', 'Can offboard people: switch them off and end their log-ins'), ('see_all_teams', 'Can see what belongs to any team')], 'verbose_name': 'user', 'verbose_name_plural': 'users'},
        ),
        migrations.AlterField(
            model_name='invitation',
            name='accepted_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='accepted at'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='created_at',
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='expires_at',
            field=models.DateTimeField(verbose_name='expires at'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='invited_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='invited by'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='number',
            field=models.PositiveIntegerField(default=1, help_text='How often it was mailed.', verbose_name='number'),
        ),
        migrations.AlterField(
            model_name='invitation',
            name='revoked_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='revoked at'),
        ),
        migrations.AlterField(
            model_name='loginrecord',
            name='browser',
            field=models.CharField(blank=True, max_length=200, verbose_name='browser'),
        ),
        migrations.AlterField(
            model_name='loginrecord',
            name='detail',
            field=models.CharField(blank=True, max_length=200, verbose_name='detail'),
        ),
        migrations.AlterField(
            model_name='loginrecord',
            name='kind',
            field=models.CharField(choices=[('log_in', 'Log-in'), ('log_out', 'Log-out'), ('password', 'Password'), ('factor', 'Second factor'), ('change', 'Change'), ('linking', 'Way back from a channel')], max_length=10, verbose_name='kind'),
        ),
        migrations.AlterField(
            model_name='loginrecord',
            name='succeeded',
            field=models.BooleanField(verbose_name='succeeded'),
        ),
        migrations.AlterField(
            model_name='team',
            name='is_default',
            field=models.BooleanField(default=False, help_text='Takes what names no team.', verbose_name='is default'),
        ),
        migrations.AlterField(
            model_name='user',
            name='language',
            field=models.CharField(blank=True, db_default='', help_text='Empty: as the browser asks for it.', max_length=10, verbose_name='language'),
        ),
        migrations.AlterField(
            model_name='user',
            name='theme',
            field=models.CharField(choices=[('auto', 'As the device says'), ('light', 'Light'), ('dark', 'Dark')], default='auto', help_text='Light or dark pages.', max_length=5, verbose_name='theme'),
        ),
    ]
