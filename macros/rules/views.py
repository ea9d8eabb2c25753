"""Applying a macro to accounts, and removing it from them: which one."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.jobs.models import APPLY_MACRO, REMOVE_MACRO
from macros.models import Macro
from portal.bulk import Bulk, Chosen, plain_lines
from ui.confirm import ConfirmForm
from users.models import User, person


class ApplyForm(ConfirmForm):
    """Which macro to apply to, or remove from, the accounts of a bulk action."""

    macro = forms.ModelChoiceField(
        label=gettext_lazy("Macro"), queryset=Macro.objects.none(), empty_label=None
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["macro"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Macro.objects.applicable_by(user)
        self.has_choice = field.queryset.exists()


def _form(request: HttpRequest) -> Callable[..., ApplyForm] | None:
    """Return the form with the macros that the viewer may apply; None where there is none."""
    form = partial(ApplyForm, user=person(request), initial={"macro": request.GET.get("macro")})
    return form if form().has_choice else None


def _facts(chosen: Chosen) -> Mapping[str, Any]:
    """Return the ids that *Create Macro* takes along; "" for more than an address names."""
    return {"ids": "" if chosen.unread else ",".join(str(one.pk) for one in chosen.accounts)}


BULKS = tuple(
    Bulk(
        kind,
        plain_lines,
        gettext_lazy("There is no macro for chosen accounts yet."),
        ask_why=False,
        form=_form,
        facts=_facts,
        subject="macro",
    )
    for kind in (APPLY_MACRO, REMOVE_MACRO)
)
