"""A new installation holds one enabled macro for all accounts, so that nobody goes dark unwarned."""

from django.db import migrations

NAME = "Warn before any account stops"


def add_default_macro(apps, schema_editor):
    Macro = apps.get_model("macros", "Macro")
    macro = Macro.objects.create(
        name=NAME,
        description="Comes with AdToken. Mails the people who linked an account before it stops.",
        enabled=True,
        scope="all",
    )
    macro.actions.create(kind="pre_deactivation", emails=[], linkers=True, days=[30, 7, 1], watch="account")


class Migration(migrations.Migration):
    dependencies = [("macros", "0001_initial")]

    operations = [migrations.RunPython(add_default_macro, migrations.RunPython.noop)]
