import django.db.models.deletion
from django.db import migrations, models

# Django would make the foreign keys anew, which reads the whole tables. Going back, what has no team went with it then.
_FORTH = "alter table macros_{0} alter column team_id drop not null"
_BACK = """
delete from macros_{0} where team_id is null;
set constraints all immediate;
alter table macros_{0} alter column team_id set not null"""


def _outlives(name):
    field = models.ForeignKey(
        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to="users.team"
    )
    return migrations.SeparateDatabaseAndState(
        [migrations.RunSQL(_FORTH.format(name), _BACK.format(name))],
        [migrations.AlterField(model_name=name, name="team", field=field)],
    )


class Migration(migrations.Migration):
    dependencies = [("macros", "0027_what_a_macro_told_before_an_edit")]

    operations = [_outlives("notice"), _outlives("newsnotice")]
