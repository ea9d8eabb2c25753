import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('macros', '0017_words'),
        ('users', '0024_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DigestAddress',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('started_at', models.DateTimeField()),
                ('added_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
            ],
            options={
                'permissions': [('set_digest_addresses', 'Can say who else gets the weekly digest of a team')],
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=('team', 'email'), name='one_digest_of_an_address')],
            },
        ),
        migrations.CreateModel(
            name='DigestStop',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254)),
                ('at', models.DateTimeField()),
                ('team', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='users.team')),
            ],
            options={
                'default_permissions': (),
                'constraints': [models.UniqueConstraint(fields=['team', 'email'], name='one_stop_of_a_digest')],
            },
        ),
    ]
