"""The form of a macro: name, accounts and one action on one page. Errors speak the guide's words; what was typed stays."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy

from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction
from macros.mutes import services
from macros.preview.services import WORDS, Draft, draft_of
from macros.rules.fields import ADDRESS, CHIPS, AccountsField, AccountsPicker, DaysField, EmailsField
from tokens.channels import declarations
from ui.form_version import Versioned
from ui.phrases import phrase
from users.models import User

if TYPE_CHECKING:
    MacroModelForm = forms.ModelForm[Macro]
else:  # Django's class takes no type arguments at run time
    MacroModelForm = forms.ModelForm


MOST_EXCLUDED = 200  # accounts: each run reads them all
FEW = 2  # people: fewer are too few, unless the form says otherwise
TICKS = (
    (MacroAction.Kind.DEACTIVATED, gettext_lazy("Deactivated")),
    (MacroAction.Kind.SHIFTED, gettext_lazy("Shifted")),
    (MacroAction.Kind.RECOVERED, gettext_lazy("Works again")),
    (MacroAction.Kind.RESTRICTED, gettext_lazy("Restricted")),
)
# Fields that the page folds, in order.
MORE = ("team", "excluded", "watch", "people", "escalate_to", "after")


class MacroForm(Versioned, MacroModelForm):
    """One macro with its warning ahead and what it tells at once. `user` decides which teams and accounts can be chosen."""

    kind = forms.ChoiceField(
        label=gettext_lazy("Action"),
        choices=[(MacroAction.Kind.PRE_DEACTIVATION, MacroAction.Kind.PRE_DEACTIVATION.label)],
    )
    emails = EmailsField(
        label=gettext_lazy("E-mail addresses"), required=False, help_text=gettext_lazy("Several: separate them by commas."),
        widget=forms.Textarea(attrs={"rows": 2, "inputmode": "email", "autocomplete": "off"} | CHIPS | {"data-each": ADDRESS}),
    )  # fmt: skip
    days = DaysField(
        label=gettext_lazy("Days in advance"), required=False, initial=[30, 7, 1],
        help_text=gettext_lazy("Only the nearest one is mailed. A missed day is caught up. Empty: it only tells at once."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"} | CHIPS | {"data-each": r"\d{1,3}"}),
    )  # fmt: skip
    notify_consenters = forms.BooleanField(
        label=gettext_lazy("Also mail the person who linked the token"), required=False, initial=True
    )
    watch = forms.ChoiceField(
        label=gettext_lazy("Warn when"), choices=MacroAction.Watch.choices, initial=MacroAction.Watch.ACCOUNT, widget=forms.RadioSelect,
        help_text=gettext_lazy("The account: quiet while a backup token covers it. Recommended."),
    )  # fmt: skip
    at_once = forms.MultipleChoiceField(
        label=gettext_lazy("Also tell them"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Within about a minute; what nobody need act on, with their next mail, after two days at most. "
            "What goes off and on twice in a day is told in the evening."
        ),
    )  # fmt: skip
    people = forms.IntegerField(
        label=gettext_lazy("Too few people: fewer than"), required=False, min_value=2, max_value=20, initial=FEW,
        help_text=gettext_lazy("2: tells when one person is left. Once, and again only after it recovered."),
    )  # fmt: skip
    escalate_to = EmailsField(
        label=gettext_lazy("If nobody acts, tell these addresses"), required=False,
        help_text=gettext_lazy("Empty: the leads of the account’s team."),
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"} | CHIPS | {"data-each": ADDRESS}),
    )  # fmt: skip
    after = forms.IntegerField(
        label=gettext_lazy("So many days after the first warning"), required=False, min_value=1, max_value=90, initial=3,
        help_text=gettext_lazy("Empty: nobody else is told."),
    )  # fmt: skip
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        choices=declarations.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    accounts = AccountsField(label=gettext_lazy("Accounts"), queryset=Account.objects.none(), required=False)
    excluded = AccountsField(
        label=gettext_lazy("But not these"), queryset=Account.objects.none(), required=False,
        help_text=gettext_lazy("Left out, whatever it is applied to."),
    )  # fmt: skip

    class Meta:
        model = Macro
        fields = ["name", "description", "enabled", "scope", "channels", "team"]
        labels = {"team": gettext_lazy("Team"), "channels": gettext_lazy("Channels")}
        widgets = {"scope": forms.RadioSelect, "description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, user: User, saving: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.is_saved = saving
        self.applied: list[int] = []  # chosen accounts that the person sees, as they are stored
        self.action = self.instance.warning_action if self.instance.pk else None
        self._set_choices()
        stored = draft_of(self.instance) if self.instance.pk else None
        if stored is not None:
            for name in ("emails", "notify_consenters", "escalate_to", "after", "days", "watch"):
                self.fields[name].initial = getattr(stored, name)
            few = [MacroAction.Kind.FEW_PEOPLE] if stored.people else []
            self.fields["at_once"].initial = [*stored.at_once, *few]
            self.fields["people"].initial = stored.people or FEW
        ticks = self.fields["at_once"]
        assert isinstance(ticks, forms.MultipleChoiceField)
        fewer = phrase(WORDS, "few", people=self.fields["people"].initial)
        ticks.choices = [*TICKS, (MacroAction.Kind.FEW_PEOPLE, capfirst(fewer))]

    @property
    def more(self) -> list[forms.BoundField]:
        """Return the fields that the page folds."""
        return [self[name] for name in MORE]

    @property
    def more_is_wrong(self) -> bool:
        """Return whether one of them needs a change, and so is to be seen."""
        return any(one.errors for one in self.more)

    def _set_choices(self) -> None:
        visible = Account.objects.visible_to(self.user)
        accounts = self._picker("accounts", visible)
        excluded = self._picker("excluded", visible)
        if self.instance.pk:
            chosen = visible.filter(macro_applications__macro=self.instance)
            accounts.initial = self.applied = list(chosen.values_list("pk", flat=True))
        if left_out_ids := self.instance.excluded if self.instance.pk else []:
            left_out = visible.filter(pk__in=left_out_ids)
            excluded.initial = list(left_out.values_list("pk", flat=True))
        team = self.fields["team"]
        assert isinstance(team, forms.ModelChoiceField)
        team.queryset = self.user.teams_joined
        team.empty_label = gettext("All teams")
        if not self.user.is_in_all_teams:
            team.required, team.empty_label = True, None
            team.initial = team.queryset.first()
        team.help_text = gettext("The macro sees this team's accounts only.")

    def _picker(self, name: str, visible: QuerySet[Account]) -> "forms.ModelMultipleChoiceField[Account]":
        """Have a field offer the accounts that the person sees. Returns it."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelMultipleChoiceField)
        field.queryset = visible.only("channel", "native_id", "name", "team")  # there may be thousands
        applied_to = Macro._meta.get_field("accounts")  # noqa: SLF001  # Django's documented API
        field.widget = AccountsPicker(applied_to, admin.site)
        field.widget.choices = field.choices  # the widget was put in after the field was made
        return field

    def clean(self) -> dict[str, Any]:
        """Check what only fields together can say."""
        data = super().clean() or {}
        few = MacroAction.Kind.FEW_PEOPLE in data.get("at_once", [])
        data["at_once"] = [kind for kind in data.get("at_once", []) if kind != MacroAction.Kind.FEW_PEOPLE]
        data["people"] = (data.get("people") or FEW) if few else None
        self._clean_days(data)
        if "emails" in data and not data["emails"] and not data.get("notify_consenters"):
            self.add_error("emails", gettext("Add at least one address, or tick the box below."))
        if data.get("escalate_to") and not data.get("after") and "after" not in self.errors:
            self.add_error("after", gettext("Say after how many days."))
        if data.get("scope") == Macro.AppliesTo.CHANNELS and not data.get("channels"):
            self.add_error("channels", gettext("Tick at least one channel."))
        if len(data.get("excluded") or []) > MOST_EXCLUDED:
            words = gettext("At most %(number)s: choose the accounts that it is for instead.")
            self.add_error("excluded", words % {"number": MOST_EXCLUDED})
        team = data.get("team")
        foreign = [a.name for a in data.get("accounts") or [] if team is not None and a.team_id != team.pk]
        if foreign and data.get("scope") == Macro.AppliesTo.CHOSEN:
            self.add_error(
                "accounts",
                gettext("%(account)s belongs to another team than the macro.") % {"account": foreign[0]},
            )
        return data

    def _clean_days(self, data: dict[str, Any]) -> None:
        """Check that it warns on some days, or tells something at once."""
        if data.get("days") or "days" in self.errors:
            return
        if not (data.get("at_once") or data.get("people") or "people" in self.errors):
            self.add_error("days", gettext("Tick what is told at once, or warn ahead."))
        if MacroAction.Kind.DEACTIVATED in data.get("at_once", []):
            return
        if data.get("after") and not data.get("escalate_to"):
            data["after"] = None  # as a new form has it: there is no first warning
        elif data.get("after"):
            self.add_error(
                "after", gettext("There is no first warning: tick that an account is deactivated.")
            )

    def draft(self) -> Draft:
        """Return the macro as the valid form describes it."""
        return self._draft

    @cached_property
    def _draft(self) -> Draft:
        data = self.cleaned_data
        return Draft(
            days=data["days"],
            emails=data["emails"],
            notify_consenters=data["notify_consenters"],
            watch=data["watch"] if data["days"] else MacroAction.Watch.ACCOUNT,
            scope=data["scope"],
            channels=data["channels"],
            accounts=[account.pk for account in data["accounts"]] + self.unseen_accounts(),
            team_id=data["team"].pk if data["team"] else None,
            action_id=self.action.pk if self.action else 0,
            at_once=data["at_once"],
            excluded=self._excluded(),
            macro_id=self.instance.pk or 0,
            people=data["people"],
            escalate_to=data["escalate_to"],
            after=data["after"],
            enabled=data["enabled"],
        )

    def _excluded(self) -> list[int]:
        """Return what it leaves out: what is chosen, and what others left out and this person does not see."""
        chosen = [account.pk for account in self.cleaned_data["excluded"]]
        left_out = self.instance.excluded if self.instance.pk else []
        seen = Account.objects.visible_to(self.user).filter(pk__in=left_out)
        return chosen + sorted(set(left_out) - set(seen.values_list("pk", flat=True)))

    def unseen_accounts(self) -> list[int]:
        """Return accounts that others applied the macro to and this person does not see: they stay."""
        if not self.instance.pk:
            return []
        seen = Account.objects.visible_to(self.user).values("pk")
        applied = MacroAccount.objects.filter(macro=self.instance).exclude(account__in=seen)
        return list(applied.values_list("account_id", flat=True))

    def save_rest(self, macro: Macro, *, added_at: datetime | None) -> None:
        """Write the actions and the chosen accounts of a saved macro. `added_at`: of actions that are new to it; None: it is new itself."""
        data = self.cleaned_data
        if data["days"]:
            action = self.action or MacroAction(macro=macro, created_at=added_at)
            for name in ("kind", "emails", "notify_consenters", "days", "watch"):
                setattr(action, name, data[name])
            action.save()
        elif self.action is not None:
            self.action.delete()
        services.leave_out(
            macro=macro, account_ids=self._excluded(), by=self.user, now=added_at or timezone.now()
        )
        self._save_others(macro, added_at)
        chosen, before = (set(one) for one in ([account.pk for account in data["accounts"]], self.applied))
        macro.accounts.remove(*before - chosen)
        macro.accounts.add(*chosen - before)

    def _save_others(self, macro: Macro, added_at: datetime | None) -> None:
        """Write what else it tells: to whom the warning goes, and when nothing happened to others. What was told stays."""
        data = self.cleaned_data
        to = {"emails": data["emails"], "notify_consenters": data["notify_consenters"]}
        wanted: dict[str, dict[str, Any]] = dict.fromkeys(data["at_once"], to)
        if data["people"]:
            wanted[MacroAction.Kind.FEW_PEOPLE] = {**to, "people": data["people"]}
        if data["after"]:
            wanted[MacroAction.Kind.ESCALATED] = {
                "emails": data["escalate_to"],
                "notify_consenters": False,
                "after": data["after"],
            }
        told = MacroAction.objects.filter(macro=macro).exclude(kind=MacroAction.Kind.PRE_DEACTIVATION)
        told.exclude(kind__in=wanted).delete()
        for kind, values in wanted.items():
            new = {**values, "created_at": added_at}
            MacroAction.objects.update_or_create(macro=macro, kind=kind, defaults=values, create_defaults=new)
