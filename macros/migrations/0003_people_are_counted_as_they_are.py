from django.db import migrations


class Migration(migrations.Migration):
    """The version before still reads and writes `within`, the days that "too few people" looked ahead, so the next one drops the column."""

    dependencies = [("macros", "0002_no_right_to_evaluate")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField("macroaction", "within")],
        ),
    ]
