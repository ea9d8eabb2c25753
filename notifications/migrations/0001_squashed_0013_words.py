"""0001 to 0013 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('notifications', '0001_initial'),
        ('notifications', '0002_redundant_indexes'),
        ('notifications', '0003_list_and_payload_indexes'),
        ('notifications', '0004_claimed_by'),
        ('notifications', '0005_claims_are_renewed'),
        ('notifications', '0006_help_texts_that_no_page_shows_are_comments'),
        ('notifications', '0007_test_mail_index'),
        ('notifications', '0008_cancelled_index'),
        ('notifications', '0009_sending_index'),
        ('notifications', '0010_mail_returns'),
        ('notifications', '0011_digests'),
        ('notifications', '0012_digest_indexes'),
        ('notifications', '0013_words'),
    ]

    initial = True

    dependencies = [
        ('users', '0010_squashed_0024_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='BounceMailbox',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('read_at', models.DateTimeField(blank=True, null=True)),
                ('failed_since', models.DateTimeField(blank=True, null=True)),
                ('error', models.CharField(blank=True, db_default='', default='', max_length=300)),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='MailReturn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=64)),
                ('message', models.BigIntegerField(blank=True, null=True)),
                ('recipient', models.EmailField(max_length=254)),
                ('kind', models.CharField(choices=[('hard', 'Came back for good'), ('soft', 'Came back, may pass'), ('complaint', 'Marked as spam')], max_length=10)),
                ('status', models.CharField(blank=True, max_length=12)),
                ('said', models.CharField(blank=True, max_length=300)),
                ('source', models.CharField(choices=[('mailbox', 'Bounce mailbox'), ('service', 'Mail service')], max_length=10)),
                ('at', models.DateTimeField()),
                ('done_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'default_permissions': (),
                'indexes': [models.Index(models.F('id'), condition=models.Q(('done_at', None)), name='return_waits'), models.Index(models.F('recipient'), models.F('at'), name='return_of_address'), models.Index(models.F('message'), condition=models.Q(('message__isnull', False)), name='return_of_message')],
                'constraints': [models.UniqueConstraint(fields=('key',), name='one_row_per_report')],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=30)),
                ('recipient', models.EmailField(max_length=254, verbose_name='recipient')),
                ('dedupe_key', models.CharField(max_length=320)),
                ('payload', models.JSONField(blank=True, default=dict)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('sent', 'Sent'), ('failed', 'Failed'), ('cancelled', 'Cancelled'), ('held', 'Held for a digest')], default='queued', max_length=10, verbose_name='state')),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('lost_claims', models.PositiveSmallIntegerField(default=0)),
                ('failures', models.PositiveSmallIntegerField(default=0)),
                ('claimed_until', models.DateTimeField(blank=True, null=True)),
                ('next_attempt_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('queued_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('message_id', models.CharField(blank=True, max_length=320, verbose_name='Message-ID')),
                ('subject', models.CharField(blank=True, max_length=200)),
                ('text', models.TextField(blank=True)),
                ('html', models.TextField(blank=True)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team')),
                ('claimed_by', models.IntegerField(blank=True, null=True)),
                ('digest', models.BigIntegerField(blank=True, null=True)),
            ],
            options={
                'ordering': ['-created_at', '-id'],
                'permissions': [('retry_message', 'Can send messages again or cancel them')],
                'indexes': [models.Index(models.F('next_attempt_at'), models.F('id'), condition=models.Q(('state__in', ['queued', 'sending'])), name='message_queue'), models.Index(models.F('recipient'), name='message_recipient'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='message_newest'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('state', 'failed')), name='message_failed'), django.contrib.postgres.indexes.GinIndex(fields=['payload'], name='message_payload', opclasses=['jsonb_path_ops']), models.Index(models.F('state'), condition=models.Q(('kind', 'test')), name='message_test'), models.Index(models.OrderBy(models.F('created_at'), descending=True), models.OrderBy(models.F('id'), descending=True), condition=models.Q(('state', 'cancelled')), name='message_cancelled'), models.Index(models.F('recipient'), condition=models.Q(('state', 'sending')), name='message_sending'), models.Index(models.F('recipient'), models.F('sent_at'), condition=models.Q(('state', 'sent')), name='message_sent_lately'), models.Index(models.F('digest'), condition=models.Q(('digest__isnull', False)), name='message_of_digest')],
                'constraints': [models.UniqueConstraint(fields=('dedupe_key',), name='one_message_per_dedupe_key')],
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
            },
        ),
    ]
