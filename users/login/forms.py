"""Forms of the users app, for people and for the admin portal."""

import zoneinfo
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import SetPasswordMixin
from django.core.validators import RegexValidator
from django.utils.translation import gettext, gettext_lazy

from ui.text import plain
from users.models import User

if TYPE_CHECKING:
    UserModelForm = forms.ModelForm[User]
    PasswordFields = SetPasswordMixin[User]
else:  # Django's classes take no type arguments at run time
    UserModelForm = forms.ModelForm
    PasswordFields = SetPasswordMixin

no_markup = RegexValidator("[<>]", gettext_lazy("A name has no < and no > in it."), inverse_match=True)


def time_zone_choices() -> list[tuple[str, str]]:
    """Return all zones by name, the project's own first, as the empty choice."""
    zones = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    return [
        ("", gettext("As the project (%(zone)s)") % {"zone": settings.TIME_ZONE}),
        *((zone, zone.replace("_", " ")) for zone in zones),
    ]


def language_choices() -> list[tuple[str, str]]:
    """Return what is offered, each by its own name; first the empty choice."""
    return [("", gettext("As the browser asks for it")), *settings.LANGUAGES]


class ProfileForm(UserModelForm):
    """What a person may change about themselves. The e-mail is the login; administrators change it."""

    class Meta:
        model = User
        fields = ["name", "language", "time_zone", "theme"]
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}
        labels = {
            "name": gettext_lazy("Your name"),
            "language": gettext_lazy("Language"),
            "time_zone": gettext_lazy("Time zone"),
            "theme": gettext_lazy("Appearance"),
        }
        help_texts = {
            "time_zone": gettext_lazy("Pages and mails show times in this zone."),
            "theme": "",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = True
        self.fields["name"].validators.append(no_markup)
        self.fields["language"] = forms.ChoiceField(
            label=gettext_lazy("Language"),
            choices=language_choices(),
            required=False,
            help_text=gettext("Of pages and mails."),
        )
        self.fields["time_zone"] = forms.ChoiceField(
            label=gettext_lazy("Time zone"),
            choices=time_zone_choices(),
            required=False,
            help_text=self.fields["time_zone"].help_text,
        )

    def clean_name(self) -> str:
        """Return what others can see of the name: the page writes columns, and goes round `User.save`. Raises ValidationError for none."""
        if not (name := plain(self.cleaned_data["name"])):
            raise forms.ValidationError(self.fields["name"].error_messages["required"], code="required")
        return name


class AcceptForm(PasswordFields, forms.Form):
    """Name and password of an invited person; `user` is the unsaved person that the password must not resemble."""

    name = forms.CharField(
        label=gettext_lazy("Your name"), max_length=150, help_text=gettext_lazy("As colleagues see it."), validators=[no_markup],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )  # fmt: skip
    password1, password2 = PasswordFields.create_password_fields(
        gettext_lazy("Password"), gettext_lazy("Password, once more")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.fields["password1"].help_text = gettext("At least 12 characters. Nobody at AdToken can read it.")
        self.fields["password2"].help_text = ""

    def clean(self) -> dict[str, Any]:
        """Check that both passwords agree and are hard to guess."""
        self.validate_passwords("password1", "password2")
        self.user.name = self.cleaned_data.get("name", "")
        self.validate_password_for_user(self.user, "password2")
        return super().clean() or self.cleaned_data
