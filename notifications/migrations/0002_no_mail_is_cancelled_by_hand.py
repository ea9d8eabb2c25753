from django.db import migrations

# `migrate` makes permissions that are missing, and renames none.
NAME = "update auth_permission set name = '{}' where codename = 'retry_message'"


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="message",
            options={
                "ordering": ["-created_at", "-id"],
                "permissions": [("retry_message", "Can send messages again")],
                "verbose_name": "message",
                "verbose_name_plural": "messages",
            },
        ),
        migrations.RunSQL(
            NAME.format("Can send messages again"), NAME.format("Can send messages again or cancel them")
        ),
    ]
