"""0001 to 0005 in one, for a new database (docs/decisions/0091). What only rows from before needed is in those alone."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [
        ('adtoken_project', '0001_initial'),
        ('adtoken_project', '0002_background_process'),
        ('adtoken_project', '0003_staff_grants'),
        ('adtoken_project', '0004_clocks_of_hosts'),
        ('adtoken_project', '0005_help_texts_that_no_page_shows_are_comments'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=20, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='StaffGrant',
            fields=[
                ('permission', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='auth.permission')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BackgroundProcess',
            fields=[
                ('name', models.CharField(max_length=200, primary_key=True, serialize=False)),
                ('host', models.CharField(max_length=120)),
                ('parts', models.JSONField(db_default=[], default=list)),
                ('started_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('seen_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('ahead', models.FloatField(db_default=0, default=0)),
            ],
        ),
    ]
