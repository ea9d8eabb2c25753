from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('macros', '0001_initial'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='macro',
            options={'ordering': ['name'], 'permissions': [('apply_macro', 'Can apply macros to accounts')], 'verbose_name': 'macro', 'verbose_name_plural': 'macros'},
        ),
    ]
