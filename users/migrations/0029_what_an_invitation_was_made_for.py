from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0028_single_keys'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitation',
            name='for_asks',
            field=models.BooleanField(editable=False, null=True),
        ),
    ]
