"""Forms of people in the admin portal."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext, gettext_lazy

from accounts.leaving import views as leaving
from ui.form_version import Versioned
from users.invitations import services as invitations
from users.login.forms import language_choices, time_zone_choices
from users.models import Invitation, Membership, Team, User
from users.people.models import Role
from users.people.services import role_choices

if TYPE_CHECKING:
    InvitationModelForm = forms.ModelForm[Invitation]
    PersonModelForm = forms.ModelForm[User]
    TeamModelForm = forms.ModelForm[Team]
else:  # Django's class takes no type arguments at run time
    InvitationModelForm = forms.ModelForm
    PersonModelForm = forms.ModelForm
    TeamModelForm = forms.ModelForm


ROLES = gettext_lazy(
    "Marketers link their own log-ins and have no portal. Managers work in it for their teams. Auditors look at everything, "
    "in all teams, and change nothing. Administrators may do everything."
)


class MembershipForm(forms.ModelForm):  # type: ignore[type-arg]  # the theme's inlines know no types
    """One row of people or teams. The theme's table has no label for a field, so each says what it is."""

    class Meta:
        labels: ClassVar = {
            "user": gettext_lazy("Person"),
            "team": gettext_lazy("Team"),
            "role": gettext_lazy("Role"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = self.instance.pk is not None
        for name, field in self.fields.items():
            field.widget.attrs["aria-label"] = (
                f"{field.label}: {self.instance if stored else gettext('new row')}"
            )
            if name != "role" and stored:
                field.disabled = True
                self.shown = str(getattr(self.instance, name))  # in the place of the field


class PersonForm(Versioned, PersonModelForm):
    """A person, without the password: its hash is nobody's business."""

    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=language_choices, required=False)
    time_zone = forms.ChoiceField(label=gettext_lazy("Time zone"), choices=time_zone_choices, required=False)

    class Meta:
        model = User
        exclude = ["password"]  # the admin's fieldsets name the fields

    def beside(self) -> list[Any]:
        """Return the teams of the person."""
        return list(Membership.objects.filter(user=self.instance).order_by("pk").values_list("team", "role"))

    def clean_is_active(self) -> bool:
        """Refuse to switch off on whom something depends: that is offboarding. Raises ValidationError."""
        stays = bool(self.cleaned_data["is_active"])
        if not stays and "is_active" in self.changed_data and self.instance.pk:
            first = leaving.why_to_offboard_first(self.instance)
            if first:
                raise ValidationError(first)
        return stays

    def clean_email(self) -> str:
        """Return the e-mail in lower case, as the login is kept, so that a second spelling is found to be taken."""
        return str(self.cleaned_data["email"]).lower()


class RoleForm(PersonForm):
    """A person with the role, for whoever gives rights."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=role_choices, help_text=ROLES)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.initial = self.instance.chosen_role
        if not field.initial:
            field.required, field.choices = False, [("", "–"), *role_choices()]


class TeamForm(Versioned, TeamModelForm):
    """A team; who is in it is beside it."""

    class Meta:
        model = Team
        fields = ["name", "members_only", "ask_backups"]

    def beside(self) -> list[Any]:
        """Return who is in it, and leads it."""
        return list(Membership.objects.filter(team=self.instance).order_by("pk").values_list("user", "role"))


class InviteForm(InvitationModelForm):
    """Whom to invite. The admin sets `invited_by` on the class that it makes for the request."""

    invited_by: User

    class Meta:
        model = Invitation
        fields = ["email", "name", "team", "role"]
        help_texts = {"role": ROLES}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "team" not in self.fields:  # the page of one that was sent, which only shows
            return
        if "role" in self.fields:
            self.fields["role"].required = False  # nothing chosen is the narrowest
        teams = self.invited_by.teams_managed
        self.fields["team"].queryset = teams  # type: ignore[attr-defined]  # a field of choices by model
        if teams.count() == 1:
            self.fields["team"].initial = teams.get()

    def clean_email(self) -> str:
        """Return the e-mail in lower case."""
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any]:
        """Ask the service whether the person can be invited, so that its reason is shown in the form. Raises ValidationError with it."""
        data = super().clean() or self.cleaned_data
        data["role"] = Role(data.get("role") or Role.MARKETER)
        if not self.errors:
            try:
                invitations.check_new(
                    email=data["email"], team=data["team"], role=data["role"], invited_by=self.invited_by
                )
            except invitations.InvitationError as error:
                raise ValidationError(str(error)) from error
        return data
