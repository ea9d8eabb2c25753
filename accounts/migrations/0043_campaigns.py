"""Re-auth campaigns: log-ins whose people are asked together to renew them."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0042_words"),
        ('tokens', '0038_facts_index'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
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
    ]
