import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tokens', '0030_channels_by_registry'),
        ('users', '0017_help_texts_that_no_page_shows_are_comments'),
    ]

    operations = [
        migrations.AlterField(
            model_name='deletionrequest',
            name='native_user_id',
            field=models.CharField(blank=True, max_length=191),
        ),
        migrations.AlterField(
            model_name='deletionrequest',
            name='request_hash',
            field=models.CharField(max_length=64, unique=True),
        ),
        migrations.AlterField(
            model_name='handshake',
            name='led_to',
            field=models.CharField(blank=True, max_length=300),
        ),
        migrations.AlterField(
            model_name='handshake',
            name='state_hash',
            field=models.CharField(max_length=64, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='handshake',
            name='taken_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='incident',
            name='told_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='app_refused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='claimed_by',
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='cycle_deadline',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='cycle_since',
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name='token',
            name='dates_source',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='token',
            name='demoted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='evidence',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AlterField(
            model_name='token',
            name='first_linked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='generation',
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AlterField(
            model_name='token',
            name='linked_at',
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.AlterField(
            model_name='token',
            name='proven_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_began_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_began_by',
            field=models.CharField(blank=True, db_default='', default='', max_length=120),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_refused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_unanswered_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_wanted',
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AlterField(
            model_name='token',
            name='refresh_wanted_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='removed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='renewed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='scopes',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='token',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='users.team'),
        ),
        migrations.AlterField(
            model_name='token',
            name='use_refused_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='tokendeath',
            name='ask_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='tokendeath',
            name='ended_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='tokendeath',
            name='evidence',
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name='tokendeath',
            name='refusals',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='tokendeath',
            name='row',
            field=models.CharField(max_length=200),
        ),
        migrations.AlterField(
            model_name='tokenevent',
            name='source',
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AlterField(
            model_name='unknownanswer',
            name='api_key',
            field=models.BigIntegerField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='unknownanswer',
            name='sample',
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name='unknownanswer',
            name='told_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='unknownanswer',
            name='verdict',
            field=models.CharField(blank=True, max_length=20),
        ),
    ]
