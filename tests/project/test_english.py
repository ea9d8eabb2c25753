"""English as a native writes it: phrases that read like a translation, spelling of screens, and words that marketers never read.

A phrase that comes back is reworded; what may stay is an exception with its reason here.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import words
from tests.tools.words import ROOT

CATALOGUE = ROOT / "locale/de/LC_MESSAGES/django.po"
CODE = (*words.APPS, "devtools")
# What is said nowhere: in no text for people, page of the docs, docstring or comment. Each with what to say.
NOWHERE = {
    r"[Tt]ells? whether": "return whether, show whether",
    r"\bany ?more\b": "no longer, now, still",
    r"\bof ours\b": "our own, one of our",
    r"\bh(ang|angs|ung) (on|from)\b": "depend on, belong to",
    r"\bbef[ae]ll\w*": "happen to",
    r"\bheed\w*": "mind, follow",
    r"\bdearest\b": "most expensive",
    r"\bsmall letters\b": "lower case",
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\blook(s|ed)? whether\b": "check whether",
    r"\bst(ands?|ood) (under|beside)\b": "is, follows, carries",
    r"\bst(ands?|ood) in (the|a|an|its?|this|every|each|no|another) (?!way\b|place\b)": "is in",
    r"\b(other|strange|\d+|of|these) signs\b(?! of)": "characters",
    r"\bin one look\b": "at a glance",
    r"\b(hitherto|thereby|thereof|wherefore|whither)\b": "a word of today",
}  # fmt: skip
ON_SCREENS = {
    r"\S {2,}\S": "one space",
    r"\b[Aa]uthoriz|\b[Oo]rganiz|\b[Rr]ecogniz|\bcolor|\bcancel(ed|ing)\b|\bcenter\b|\bCenter\b": "British spelling",
    r"\be?mails?\b(?<=email)|\bemails\b": "e-mail",
    r"\b[Ll]ogins?\b|\b[Ss]ign(ed|ing)?[- ]in\b|\b[Ll]og(ged|ging)? ?on\b|\b[Rr]eauth": "log in (verb), log-in (noun), re-authenticate",
    r"\b(please|must|can|cannot|you|then) log-in\b": "log in is the verb",
    r"\b([Tt]he|[Yy]our|[Aa]|[Tt]his|[Tt]hat|[Ee]ach|[Ee]very|[Aa]nother|[Nn]o|own) log in\b": "log-in is the noun",
}  # fmt: skip
# What channels and standards call it themselves.
THEIR_OWN = re.compile(
    r"Authorize app|Authorization: Bearer|user cancels authorization|[Oo]rganization (admin|role)|every organization|its organization is"
    r"|Login for Business"
    r"|Organizations hold|(Help|Business|Accounts) Center|Sign in & security|<[^>]*>|%\(\w+\)s|\{\w*\}"
)
JARGON = re.compile(r"\b(OAuth|tokens?|scopes?|refresh\w*|prob(e|es|ed|ing)|leases?|pools?)\b")
# Read by developers and operators, never by marketers.
NOT_FOR_MARKETERS = re.compile(r"selfservice/api\.html|mail/(operators|alert|late|api_key|doubts|version)/")
# Of a channel's words: what an operator reads on a console or in a mail, and what the help article says itself.
NOT_THEIR_BLOCKS = re.compile(r"(proves|compare)_\w+|app_fault_\w+|article_timeline")
BLOCK = re.compile(r"{% block (\w+) %}(.*?){% endblock %}", re.DOTALL)


@pytest.mark.parametrize("where", ["texts for people", "docs", "code"])
def test_nothing_reads_like_a_translation(where: str) -> None:
    found = []
    anything = re.compile("|".join(f"(?:{pattern})" for pattern in NOWHERE))
    for path in _files(where):
        text = path.read_text(encoding="utf-8")
        for hit in anything.finditer(text):
            line = text.count("\n", 0, hit.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {hit.group()!r}, say: {_instead(hit.group())}")

    assert not found, "\n".join(found)


def test_screens_and_mails_are_spelt_the_british_way() -> None:
    found = []
    for message in words.in_catalogue(CATALOGUE.read_text(encoding="utf-8")):
        for text in (message.one, message.many):
            bare = THEIR_OWN.sub("#", text.replace("\n", " ").strip())
            found += [f"{text!r}: {say}" for pattern, say in ON_SCREENS.items() if re.search(pattern, bare)]

    assert not found, "\n".join(found)


def test_marketers_read_no_jargon() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {text!r}"
        for path, text in _for_marketers()
        if JARGON.search(THEIR_OWN.sub("#", text))
    ]

    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text", ["It cannot log in any more.", "Tell whether it works.", "A key of ours.", "At least 12 signs", "It stands in the log."]
)  # fmt: skip
def test_a_phrase_that_reads_like_a_translation_is_found(text: str) -> None:
    assert any(re.search(pattern, text) for pattern in NOWHERE)


@pytest.mark.parametrize(
    "text", ["Authorize it.", "Send an email.", "Your login ended.", "You can log-in.", "The log in ended.", "Two  spaces"]
)  # fmt: skip
def test_another_spelling_is_found(text: str) -> None:
    assert any(re.search(pattern, text) for pattern in ON_SCREENS)


def _files(where: str) -> Iterator[Path]:
    if where == "texts for people":
        yield CATALOGUE
    elif where == "docs":
        yield from (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"))
    else:
        for folder in CODE:
            for path in (ROOT / folder).rglob("*.py"):
                if "migrations" not in path.parts and path != Path(__file__):
                    yield path


def test_no_part_of_the_changelog_has_two_entries_of_one_title() -> None:
    parts = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n#")
    titles = [re.findall(r"^- \*\*([^*]+[.?])\*\*", part, re.MULTILINE) for part in parts]

    assert sum(map(len, titles)) > 10
    assert [title for some in titles for title in {*some} if some.count(title) > 1] == []


def _instead(phrase: str) -> str:
    return next(say for pattern, say in NOWHERE.items() if re.search(pattern, phrase + " "))


def _for_marketers() -> Iterator[tuple[Path, str]]:
    """Yield each text that marketers read on pages of their own, in their mails and of their log-ins."""
    folder = ROOT / "templates"
    pages = [*(folder / "selfservice").rglob("*.html"), *(folder / "mail").rglob("words.txt")]
    for path in pages:
        if not NOT_FOR_MARKETERS.search(path.as_posix()):
            yield from ((path, text) for text in _texts(path.read_text(encoding="utf-8")))
    for path in (
        folder / "words" / f"{name}.txt" for name in ("lifetime", "linking", "log_ins", "my_accounts")
    ):
        yield from ((path, text) for text in _texts(path.read_text(encoding="utf-8")))
    for path in (ROOT / "tokens/channels").rglob("words.txt"):
        for name, said in BLOCK.findall(path.read_text(encoding="utf-8")):
            if not NOT_THEIR_BLOCKS.fullmatch(name):
                yield from ((path, text) for text in _texts(said))


def _texts(template: str) -> Iterator[str]:
    for message in words.of_template(template):
        yield from (message.one, message.many)
