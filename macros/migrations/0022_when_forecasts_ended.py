from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('macros', '0021_snoozed_by_the_link_of_a_mail'),
    ]

    operations = [
        migrations.AddField(
            model_name='forecast',
            name='ended_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
