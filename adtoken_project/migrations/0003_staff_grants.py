import django.db.models.deletion
from django.db import migrations, models

# What `migrate` gave the group Staff until it began to remember that.
VIEWS = {
    'users': 'user team membership invitation',
    'tokens': 'channelapp token tokenevent unknownanswer deletionrequest',
    'notifications': 'message',
    'accounts': 'account accounttoken accountevent pendinglink apikey',
    'macros': 'macro macroaction macroaccount evaluation notice',
    'adtoken_project': 'heartbeat',
}
DEEDS = {
    'accounts': 'link_account switch_active_token rank_token unlink_token pause_account resume_account import_account',
    'tokens': 'probe_token renew_token ask_token',
    'macros': 'add_macro change_macro delete_macro add_macroaction change_macroaction delete_macroaction '
              'add_macroaccount change_macroaccount delete_macroaccount apply_macro evaluate_macro',
    'notifications': 'retry_message',
    'users': 'invite_user',
}


def remember(apps, schema_editor):
    """Where there is a group Staff already, note what it was given when it was made. A new installation has none yet."""
    if not apps.get_model('auth', 'Group').objects.filter(name='Staff', permissions__isnull=False).exists():
        return
    given = {(app, f'view_{model}') for app, models in VIEWS.items() for model in models.split()}
    given |= {(app, deed) for app, deeds in DEEDS.items() for deed in deeds.split()}
    ours = apps.get_model('auth', 'Permission').objects.filter(content_type__app_label__in=VIEWS)
    found = ours.values_list('pk', 'content_type__app_label', 'codename')
    grants = apps.get_model('adtoken_project', 'StaffGrant').objects
    grants.bulk_create(
        [grants.model(permission_id=pk) for pk, app, codename in found if (app, codename) in given],
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):

    dependencies = [
        ('adtoken_project', '0002_background_process'),
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='StaffGrant',
            fields=[
                ('permission', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='auth.permission')),
            ],
            options={
                'default_permissions': (),
            },
        ),
        migrations.RunPython(remember, migrations.RunPython.noop),
    ]
