import uuid
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('users', '0016_name_keys_of_second_factors'),
    ]

    operations = [
        migrations.AlterField(
            model_name='installation',
            name='address',
            field=models.CharField(max_length=64),
        ),
        migrations.AlterField(
            model_name='installation',
            name='database',
            field=models.CharField(max_length=60),
        ),
        migrations.AlterField(
            model_name='installation',
            name='held_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='installation',
            name='keys',
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name='installation',
            name='number',
            field=models.UUIDField(default=uuid.uuid4),
        ),
        migrations.AlterField(
            model_name='installation',
            name='round_began_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='limitcount',
            name='ends_at',
            field=models.FloatField(db_index=True),
        ),
        migrations.AlterField(
            model_name='limitcount',
            name='value',
            field=models.JSONField(),
        ),
        migrations.AlterField(
            model_name='refusedaddress',
            name='refused_at',
            field=models.DateTimeField(),
        ),
        migrations.AlterField(
            model_name='refusedaddress',
            name='said',
            field=models.CharField(blank=True, max_length=300),
        ),
    ]
