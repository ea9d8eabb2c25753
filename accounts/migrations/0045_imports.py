"""Files of accounts that staff upload, line by line, encrypted until they are imported."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import tokens.vault


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0044_campaigns_and_snoozes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("guessed", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("team", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="users.team")),
                ("user", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.CreateModel(
            name="ImportFileLine",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("standing", models.CharField(choices=[("new", "New"), ("adds", "Adds a log-in"), ("here", "Here already"), ("wrong", "To be fixed")], max_length=5)),
                ("name", models.CharField(blank=True, max_length=300)),
                ("channel", models.CharField(blank=True, max_length=20)),
                ("native_id", models.CharField(blank=True, max_length=100)),
                ("brings_log_in", models.BooleanField(default=False)),
                ("problems", models.JSONField(blank=True, default=list)),
                ("sealed", tokens.vault.SealedField(editable=False, null=True)),
                ("sealed_key", tokens.vault.KeyNameField(of="sealed", blank=True, db_default="", default="", editable=False, max_length=16)),
                ("account", models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="accounts.account")),
                ("file", models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="accounts.importfile")),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("file", "number"), name="one_row_of_a_line")],
                "indexes": [models.Index(condition=models.Q(("sealed__isnull", False)), fields=["sealed_key"], name="import_keys")],
            },
        ),
    ]
