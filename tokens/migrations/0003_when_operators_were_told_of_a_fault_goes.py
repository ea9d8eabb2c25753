from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tokens", "0002_who_believed_and_which_log_in_go")]

    # The version before still writes the column, so the next one drops it.
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("channelapp", "fault_told_at")]
        ),
    ]
