"""0001 to 0009 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import users.models
from django.conf import settings
from django.db import migrations, models

from users import append_only


def make_default_team(apps, schema_editor):
    """Every account has a team from the first day."""
    apps.get_model('users', 'Team').objects.create(is_default=True, name='General')


class Migration(migrations.Migration):

    replaces = [
        ('users', '0001_initial'),
        ('users', '0002_default_team'),
        ('users', '0003_theme_and_invitation_rules'),
        ('users', '0004_redundant_indexes'),
        ('users', '0005_append_only_tables'),
        ('users', '0006_sessions'),
        ('users', '0007_login_record'),
        ('users', '0008_team_leads'),
        ('users', '0009_teams'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        append_only.install(),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail')),
                ('name', models.CharField(blank=True, help_text='As colleagues see it.', max_length=150)),
                ('time_zone', models.CharField(blank=True, help_text="Empty: the project's time zone.", max_length=64)),
                ('is_staff', models.BooleanField(default=False, help_text='May open the admin portal.', verbose_name='staff')),
                ('is_active', models.BooleanField(default=True, help_text='Switch off instead of deleting.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now)),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'permissions': [('invite_user', 'Can invite people by mail')],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True)),
                ('is_default', models.BooleanField(default=False, help_text='Takes what names no team.')),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_default', True)), fields=('is_default',), name='one_default_team')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('member', 'Member'), ('manager', 'Manager')], default='member', max_length=10)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='users.team')),
            ],
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('name', models.CharField(blank=True, max_length=150)),
                ('is_staff', models.BooleanField(default=False)),
                ('key', models.CharField(default=users.models.new_invitation_key, editable=False, max_length=32, unique=True)),
                ('number', models.PositiveIntegerField(default=1, help_text='How often it was mailed.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('invited_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='invitations', to='users.team')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddField(
            model_name='user',
            name='teams',
            field=models.ManyToManyField(related_name='users', through='users.Membership', to='users.team'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('team', 'user'), name='one_membership_per_team'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='user_email_is_lower_case'),
        ),
        migrations.AddField(
            model_name='user',
            name='theme',
            field=models.CharField(choices=[('auto', 'As the device says'), ('light', 'Light'), ('dark', 'Dark')], default='auto', help_text='Light or dark pages.', max_length=5),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='invitation_email_is_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('email', 'team'), name='one_pending_invitation_per_team'),
        ),
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
        migrations.CreateModel(
            name='LoginRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('kind', models.CharField(choices=[('log_in', 'Log-in'), ('log_out', 'Log-out'), ('password', 'Password'), ('factor', 'Second factor'), ('change', 'Change'), ('linking', 'Way back from a channel')], max_length=10)),
                ('succeeded', models.BooleanField()),
                ('email', models.CharField(blank=True, help_text="The address that was typed, or the person's at that time.", max_length=254)),
                ('address', models.GenericIPAddressField(null=True)),
                ('browser', models.CharField(blank=True, max_length=200)),
                ('detail', models.CharField(blank=True, max_length=200)),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', '-id'], name='loginrecord_of_person')],
            },
        ),
        migrations.AlterField(
            model_name='membership',
            name='role',
            field=models.CharField(choices=[('member', 'Member'), ('manager', 'Team lead')], default='member', help_text="A team lead is told about the team's accounts where nobody else can be.", max_length=10),
        ),
        migrations.AddField(
            model_name='membership',
            name='last_linked_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='When the person last linked a new account for this team.', null=True),
        ),
        migrations.AddField(
            model_name='team',
            name='members_only',
            field=models.BooleanField(db_default=False, default=False, help_text="Log-ins of people outside the team carry none of its accounts. A publishing job gets a person's whole log-in, so this keeps theirs out of this team's jobs.", verbose_name='own people only'),
        ),
        *append_only.protect('users_loginrecord'),
        migrations.RunPython(make_default_team, migrations.RunPython.noop),
    ]
