"""A macro has one action: what has more of them becomes several macros, each of which mails as before."""

from django.db import migrations
from django.db.models import Count


def part(apps, schema_editor):
    Macro = apps.get_model("macros", "Macro")
    for macro in Macro.objects.annotate(count=Count("actions")).filter(count__gt=1):
        for number, action in enumerate(macro.actions.order_by("pk")[1:], start=2):
            _move(apps, macro, action, number)


def _move(apps, macro, action, number):
    Macro = apps.get_model("macros", "Macro")
    MacroAccount = apps.get_model("macros", "MacroAccount")
    accounts = macro.applications.values_list("account_id", flat=True)
    copy = Macro.objects.get(pk=macro.pk)
    copy.pk, copy.name = None, _free_name(Macro, macro.name, number)
    copy.save()
    MacroAccount.objects.bulk_create([MacroAccount(macro=copy, account_id=pk) for pk in accounts])
    action.macro = copy
    action.save(update_fields=["macro"])


def _free_name(Macro, name, number):
    while Macro.objects.filter(name=(found := f"{name[:90]} ({number})")).exists():
        number += 1
    return found


class Migration(migrations.Migration):
    dependencies = [("macros", "0004_keep_what_was_told")]

    operations = [migrations.RunPython(part, migrations.RunPython.noop)]
