from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("macros", "0024_nobody_who_left_is_on_it")]

    operations = [
        migrations.AddField(
            model_name="macroaction",
            name="created_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
