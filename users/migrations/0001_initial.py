import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import users.models
import uuid
from django.conf import settings
from django.db import migrations, models

from infra import append_only


def make_default_team(apps, schema_editor):
    """Every account has a team from the first day."""
    apps.get_model('users', 'Team').objects.create(is_default=True, name='General')


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        append_only.install(),
        migrations.CreateModel(
            name='LimitCount',
            fields=[
                ('key', models.CharField(max_length=250, primary_key=True, serialize=False)),
                ('value', models.JSONField()),
                ('ends_at', models.FloatField(db_index=True)),
            ],
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
            name='RefusedAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('why', models.CharField(choices=[('refused', 'Refused by the mail server'), ('bounced', 'Mail comes back'), ('stopped', 'Unsubscribed at the mail service'), ('complained', 'Marked as spam')], db_default='refused', default='refused', max_length=10)),
                ('said', models.CharField(blank=True, max_length=300)),
                ('since', models.DateTimeField()),
                ('refused_at', models.DateTimeField()),
                ('told_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'parked address',
                'verbose_name_plural': 'parked addresses',
                'permissions': [('release_address', 'Can release parked addresses')],
                'default_permissions': ('view',),
                'constraints': [models.UniqueConstraint(fields=('email',), name='one_row_per_refused_address')],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('is_default', models.BooleanField(default=False, help_text='Takes what names no team.', verbose_name='is default')),
                ('members_only', models.BooleanField(db_default=False, default=False, help_text="Log-ins of people outside the team carry none of its accounts. A publishing job gets a person's whole log-in, so this keeps theirs out of this team's jobs.", verbose_name='own people only')),
                ('ask_backups', models.BooleanField(db_default=False, default=False, help_text='Ask people before their log-ins back up further accounts of this team.', verbose_name='ask before backups')),
            ],
            options={
                'verbose_name': 'team',
                'verbose_name_plural': 'teams',
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_team')],
            },
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail')),
                ('name', models.CharField(blank=True, help_text='As colleagues see it.', max_length=150, verbose_name='name')),
                ('time_zone', models.CharField(blank=True, help_text="Empty: the project's time zone.", max_length=64)),
                ('language', models.CharField(blank=True, db_default='', help_text='Empty: as the browser asks for it.', max_length=10, verbose_name='language')),
                ('theme', models.CharField(choices=[('auto', 'As the device says'), ('light', 'Light'), ('dark', 'Dark')], default='auto', help_text='Light or dark pages.', max_length=5, verbose_name='theme')),
                ('is_staff', models.BooleanField(default=False, help_text='May open the admin portal.', verbose_name='staff')),
                ('is_contact', models.BooleanField(db_default=False, default=False, editable=False, verbose_name='contact')),
                ('is_active', models.BooleanField(default=True, help_text='Switch off instead of deleting.', verbose_name='active')),
                ('role_from_groups', models.BooleanField(db_default=False, default=False, editable=False)),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now)),
                ('scim', models.JSONField(editable=False, null=True)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'permissions': [('invite_user', 'Can invite people by mail'), ('end_sessions', 'Can log people out everywhere'), ('offboard_user', 'Can offboard people: switch them off and end their log-ins'), ('see_all_teams', 'Can see what belongs to any team')],
            },
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
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('member', 'Member'), ('manager', 'Team lead')], default='member', help_text="A team lead is told about the team's accounts where nobody else can be.", max_length=10)),
                ('from_groups', models.BooleanField(db_default=False, default=False, editable=False)),
                ('last_linked_at', models.DateTimeField(blank=True, editable=False, help_text='When the person last linked a new account for this team.', null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='users.team')),
            ],
            options={
                'verbose_name': 'membership',
                'verbose_name_plural': 'memberships',
                'constraints': [models.UniqueConstraint(fields=('team', 'user'), name='one_membership_per_team')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('name', models.CharField(blank=True, max_length=150, verbose_name='name')),
                ('role', models.CharField(choices=[('marketer', 'Marketer'), ('manager', 'Manager'), ('auditor', 'Auditor'), ('administrator', 'Administrator')], db_default='marketer', default='marketer', max_length=15, verbose_name='role')),
                ('key', models.CharField(default=users.models.new_invitation_key, editable=False, max_length=32, unique=True)),
                ('number', models.PositiveIntegerField(default=1, help_text='How often it was mailed.', verbose_name='number')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='created at')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('accepted_at', models.DateTimeField(blank=True, null=True, verbose_name='accepted at')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
                ('for_asks', models.BooleanField(editable=False, null=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='invited by')),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='users.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'ordering': ['-created_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='invitation_email_is_lower_case'), models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('email', 'team'), name='one_pending_invitation_per_team')],
            },
        ),
        migrations.CreateModel(
            name='AddressEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('kind', models.CharField(choices=[('parked', 'Parked'), ('released', 'Released by staff'), ('confirmed', 'Confirmed by its reader'), ('snoozed', 'All warnings snoozed'), ('resumed', 'Warnings are mailed again')], max_length=10)),
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
        migrations.CreateModel(
            name='LoginRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('log_in', 'Log-in'), ('log_out', 'Log-out'), ('password', 'Password'), ('factor', 'Second factor'), ('change', 'Change'), ('linking', 'Way back from a channel')], max_length=10, verbose_name='kind')),
                ('succeeded', models.BooleanField(verbose_name='succeeded')),
                ('email', models.CharField(blank=True, help_text="The address that was typed, or the person's at that time.", max_length=254)),
                ('address', models.GenericIPAddressField(null=True, verbose_name='address')),
                ('browser', models.CharField(blank=True, max_length=200, verbose_name='browser')),
                ('detail', models.CharField(blank=True, max_length=200, verbose_name='detail')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'log-in',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', '-id'], name='loginrecord_of_person')],
            },
        ),
        migrations.AddField(
            model_name='user',
            name='teams',
            field=models.ManyToManyField(related_name='users', through='users.Membership', to='users.team'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='user_email_is_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('is_contact', False), models.Q(('is_staff', False), ('is_superuser', False), ('password__startswith', '!')), _connector='OR'), name='contact_has_no_way_in'),
        ),
        *append_only.protect('users_loginrecord'),
        migrations.RunPython(make_default_team, migrations.RunPython.noop),
    ]
