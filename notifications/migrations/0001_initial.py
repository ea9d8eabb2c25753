import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('users', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=30)),
                ('recipient', models.EmailField(max_length=254, verbose_name='recipient')),
                ('dedupe_key', models.CharField(max_length=320)),
                ('payload', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('sent', 'Sent'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lost_claims', models.PositiveSmallIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('claimed_by', models.IntegerField(blank=True, null=True)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('waits_since', models.DateTimeField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('message_id', models.CharField(blank=True, max_length=320, verbose_name='Message-ID')),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('text', models.TextField(blank=True)),
                ('html', models.TextField(blank=True)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('team', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team', verbose_name='team')),
            ],
            options={
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
                'ordering': ['-created_at', '-id'],
                'permissions': [('retry_message', 'Can send messages again or cancel them')],
                'indexes': [models.Index(models.F('next_attempt_at'), models.F('id'), condition=models.Q(('state__in', ['queued', 'sending'])), name='message_queue'), models.Index(models.F('recipient'), models.F('sent_at'), name='message_recipient'), models.Index(models.F('team'), models.F('recipient'), name='message_of_team'), models.Index(models.F('waits_since'), condition=models.Q(('waits_since__isnull', False)), name='message_waits_since'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='message_newest'), django.contrib.postgres.indexes.GinIndex(fields=['payload'], name='message_payload', opclasses=['jsonb_path_ops'])],
                'constraints': [models.UniqueConstraint(fields=('dedupe_key',), name='one_message_per_dedupe_key')],
            },
        ),
        migrations.CreateModel(
            name='MailReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64)),
                ('recipient', models.EmailField(max_length=254)),
                ('kind', models.CharField(choices=[('hard', 'Came back for good'), ('soft', 'Came back, may pass'), ('stopped', 'Unsubscribed at the mail service'), ('complaint', 'Marked as spam')], max_length=10)),
                ('said', models.CharField(blank=True, max_length=300)),
                ('at', models.DateTimeField()),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('recipient'), models.F('at'), name='return_of_address')],
                'constraints': [models.UniqueConstraint(fields=('key',), name='one_row_per_report')],
            },
        ),
    ]
