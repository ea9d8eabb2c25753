import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import tokens.choices
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0021_facts_of_pool_entries"),
        ('notifications', '0006_help_texts_that_no_page_shows_are_comments'),
        ('users', '0017_help_texts_that_no_page_shows_are_comments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='account',
            name='cycle_deadline',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='account',
            name='cycle_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name='account',
            name='native_status',
            field=models.CharField(blank=True, max_length=60),
        ),
        migrations.AlterField(
            model_name='account',
            name='people_count',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='account',
            name='restriction',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='account',
            name='since',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name='accountevent',
            name='source',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AlterField(
            model_name='accountnotice',
            name='dark',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='accountnotice',
            name='ending',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='ended_notices', to='notifications.message'),
        ),
        migrations.AlterField(
            model_name='accountnotice',
            name='message',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='account_notices', to='notifications.message'),
        ),
        migrations.AlterField(
            model_name='accountnotice',
            name='own',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='accounttoken',
            name='rank',
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='accounttoken',
            name='role',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name='accounttoken',
            name='write_refusal',
            field=models.CharField(blank=True, db_default='', max_length=40),
        ),
        migrations.AlterField(
            model_name='accounttoken',
            name='write_refused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='channels',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=tokens.choices.channel_choices, max_length=20), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='expires_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='maker_left_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='teams',
            field=models.ManyToManyField(related_name='api_keys', to='users.team'),
        ),
        migrations.AlterField(
            model_name='channelsweep',
            name='checked',
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='leaserecord',
            name='address',
            field=models.GenericIPAddressField(null=True),
        ),
        migrations.AlterField(
            model_name='leaserecord',
            name='caller',
            field=models.CharField(max_length=100),
        ),
        migrations.AlterField(
            model_name='leaserecord',
            name='key_id',
            field=models.BigIntegerField(null=True, verbose_name='API key'),
        ),
        migrations.AlterField(
            model_name='leaserecord',
            name='lease_hash',
            field=models.CharField(max_length=32),
        ),
        migrations.AlterField(
            model_name='leaserecord',
            name='request',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AlterField(
            model_name='linkproblem',
            name='code',
            field=models.CharField(db_index=True, max_length=12),
        ),
        migrations.AlterField(
            model_name='linkproblem',
            name='detail',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='pendinglink',
            name='no_longer',
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name='pendinglink',
            name='offered',
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='acted_on',
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='api_key',
            field=models.PositiveBigIntegerField(),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='known',
            field=models.BooleanField(),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='leased_at',
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='said',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='refusedwrite',
            name='told_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
