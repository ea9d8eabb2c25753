import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from users import append_only


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0006_sessions'),
    ]

    operations = [
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
        *append_only.protect('users_loginrecord'),
    ]
