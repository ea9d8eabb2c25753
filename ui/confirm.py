"""Pages that ask before something is done: the question, before and after, the danger, why, and a button that repeats the verb.

The words are in each page's own template, which extends `ui/confirm.html`: blocks `question`, `lead`, `facts`, `lines`, `warning`,
`warning_more`, `fields`, `button`, and for the messages afterwards `done`, `aside` (a warning beside it) and `late` (somebody was faster).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from ui.errors import Refusal
from ui.form_version import Versioned
from ui.text import plain

SHOWN = 100  # lines on a page


class Late(Refusal):
    """Somebody was faster. What that means here, the block `late` of the page's template says."""


class ConfirmForm(Versioned, forms.Form):
    """Why, kept in the time-line; and the account's name where an action makes it dark."""

    note = forms.CharField(label=gettext_lazy("Why?"), max_length=300, required=False)
    typed = forms.CharField(required=False)

    def __init__(self, *args: Any, must_type: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.must_type = plain(must_type) or gettext("yes")  # a name that is not seen: a word is as good
        if must_type:
            label = gettext("Type “%(name)s” to go on") % {"name": self.must_type}
            self.fields["typed"].label = label
            self.fields["typed"].widget.attrs["autocomplete"] = "off"
        else:
            del self.fields["typed"]

    def clean_typed(self) -> str:
        """Refuse anything but the name as the page shows it, which can be copied; capitals make no difference."""
        typed = str(self.cleaned_data["typed"])
        if plain(typed).casefold() != self.must_type.casefold():
            raise forms.ValidationError(gettext("This is not the name."))
        return typed


@dataclass(frozen=True)
class ConfirmLine:
    """One of many that a page is about: who or which, what it is now, and what happens to it."""

    who: str
    what: str = ""
    then: str = ""  # where it is not the same for all
    skipped: str = ""  # why nothing happens to it
    but: str = ""  # what is left out of it, and why


@dataclass(frozen=True)
class Page:
    """What a page that asks is made of. GET shows it, POST acts."""

    template: str
    back: str  # the address that it leads back to
    facts: Mapping[str, Any] = field(default_factory=dict)  # what the template's blocks name
    late: bool = False  # somebody was faster: the block `late` says so, and there is no button
    refused: str = ""  # another reason why it cannot be done now
    seen: str = ""  # what the page was made from, so that nothing happens twice
    must_type: str = ""  # the account's name, where the action makes it dark
    ask_why: bool = True
    warns: bool = False  # there is a real danger: the blocks `warning` and `warning_more` name it
    danger: bool = False
    lines: Sequence[ConfirmLine] = ()
    unread: int = 0  # lines that there are beside these
    most: int = SHOWN  # lines that it shows
    form: Callable[..., ConfirmForm] = ConfirmForm

    @property
    def shown(self) -> Sequence[ConfirmLine]:
        """Return the lines that the page shows."""
        return self.lines[: self.most]

    @property
    def unshown(self) -> int:
        """Return how many more there are."""
        return max(0, len(self.lines) - self.most) + self.unread


@dataclass(frozen=True)
class Said:
    """What the person sent with the button."""

    note: str
    seen: str
    cleaned: Mapping[str, Any]  # all fields of the page's form


@dataclass(frozen=True)
class Done:
    """What became of it: facts for the block `done`, which is said as a warning unless it is `good`."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    good: bool = True
    failures: Sequence[str] = ()  # said before it, as errors
    nothing: bool = False  # nothing was done, so that only failures are said
    after: str = ""  # the address that it leads to, if that is not the page's `back`


Do = Callable[[Said], Done | None]
Frame = Callable[[HttpRequest], Mapping[str, Any]]


def answer(request: HttpRequest, page: Page, do: Do, *, frame: Frame) -> HttpResponse:
    """Show the page (GET, and a POST with a wrong field), or act once and lead back with what was done (POST).

    `do` may raise Refusal, whose words are said then; what a page from before may still do, it decides. `frame` makes what all pages of the
    portal show: its "base" names their template, its "layout" another one in place of ui/confirm_page.html. 405 for other methods.
    """
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    posted = request.method == "POST"
    form = page.form(request.POST if posted else None, must_type=page.must_type)
    if not posted or not form.is_valid():
        return show(request, page, form, frame)
    said = Said(
        note=form.cleaned_data.get("note", ""),
        seen=request.POST.get("seen", ""),
        cleaned=form.cleaned_data,
    )
    try:
        done = do(said) or Done()
    except Refusal as refusal:
        messages.error(request, words(page, "late") if isinstance(refusal, Late) else str(refusal))
        return HttpResponseRedirect(page.back)
    _tell(request, page, done)
    return HttpResponseRedirect(done.after or page.back)


def words(page: Page, block: str, **facts: Any) -> SafeString:
    """Return the text of one block of the page's template, in one line."""
    context = {**page.facts, **facts, "page": page, "layout": "ui/confirm_words.html", "words": block}
    return SafeString(" ".join(render_to_string(page.template, context).split()))  # rendered by us


def show(request: HttpRequest, page: Page, form: ConfirmForm, frame: Frame) -> HttpResponse:
    """Show the page that asks, with its form."""
    context = {
        "layout": "ui/confirm_page.html",
        **frame(request),
        **page.facts,
        "title": words(page, "question"),
        "button": words(page, "button"),
        "page": page,
        "form": form,
    }
    return TemplateResponse(request, page.template, {**context, "crumb": context["button"]})


def _tell(request: HttpRequest, page: Page, done: Done) -> None:
    for failure in done.failures:
        messages.error(request, failure)
    if aside := words(page, "aside", **done.facts):
        messages.warning(request, aside)
    if not done.nothing:
        say = messages.success if done.good else messages.warning
        say(request, words(page, "done", **done.facts))
