from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('adtoken_project', '0004_clocks_of_hosts'),
    ]

    operations = [
        migrations.AlterField(
            model_name='backgroundprocess',
            name='ahead',
            field=models.FloatField(db_default=0, default=0),
        ),
        migrations.AlterField(
            model_name='backgroundprocess',
            name='name',
            field=models.CharField(max_length=200, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            model_name='backgroundprocess',
            name='parts',
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
