import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_squashed_0043_campaigns'),
        ('macros', '0019_forecast'),
    ]

    operations = [
        migrations.AlterField(
            model_name='silence',
            name='account',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='silences', to='accounts.account'),
        ),
        migrations.AddConstraint(
            model_name='silence',
            constraint=models.CheckConstraint(
                condition=Q(('account__isnull', False), Q(('macro', None), Q(('email', ''), _negated=True)), _connector='OR'),
                name='silence_of_all_accounts_names_an_address',
            ),
        ),
    ]
