"""The shape of every confirm page: the question, before and after, the danger, why, and a button that repeats the verb."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse


class ConfirmForm(forms.Form):
    """Why, kept in the time-line; and the account's name where a deed makes it dark."""

    note = forms.CharField(label="Why?", max_length=300, required=False)
    typed = forms.CharField(required=False)

    def __init__(self, *args: Any, must_type: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.must_type = must_type
        if must_type:
            self.fields["typed"].label = f"Type “{must_type}” to go on"
            self.fields["typed"].widget.attrs["autocomplete"] = "off"
        else:
            del self.fields["typed"]

    def clean_typed(self) -> str:
        """Refuse anything but the account's name."""
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.must_type.strip():
            raise forms.ValidationError("This is not the name.")
        return typed


@dataclass(frozen=True)
class Page:
    """What a confirm page says. GET shows it, POST acts."""

    question: str
    lead: str
    button: str
    facts: Sequence[tuple[str, str]] = ()
    warning: str = ""  # only if there is a real danger
    warning_text: str = ""
    danger: bool = False
    must_type: str = ""  # the account's name, where the deed makes it dark
    refused: str = ""  # why the deed cannot be done now: no button then
    ask_why: bool = True
    seen: str = ""  # what the page was made from, so that nothing happens twice
    people: Sequence[tuple[str, str, str]] = ()  # bulk: who or what, which accounts, what happens
    columns: tuple[str, str, str] = ("", "", "")
    again: str = ""  # bulk: label of the tick that includes what is skipped


def show(
    request: HttpRequest,
    page: Page,
    *,
    context: dict[str, object],
    back: str,
    form: ConfirmForm | None = None,
) -> HttpResponse:
    """Answer with the page; after a wrong POST `form` holds what was typed and its errors."""
    return TemplateResponse(
        request,
        "portal/confirm.html",
        {
            **context,
            "title": page.question,
            "plain_title": True,
            "page": page,
            "crumb": page.button,
            "back": back,
            "form": form or ConfirmForm(must_type=page.must_type),
        },
    )
