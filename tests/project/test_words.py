"""No sentence for people is outside the catalogues: in Python by where it goes, in templates by the node around it.

`python -m tests.tools.words` lists what is. What may be, with its reason, is in EXCEPTIONS there.
"""

import re

from tests.tools import words

CATALOGUE = words.ROOT / "locale/de/LC_MESSAGES/django.po"


def test_no_words_are_outside_the_catalogues() -> None:
    found = words.outside()

    assert not found, "\n".join(
        [
            *(f"{name}:{one.line}: {one.text.strip()[:100]!r}" for name in found for one in found[name]),
            "Let gettext have the words: gettext_lazy in Python, {% translate %} in templates, or a phrase (ui/phrases.py).",
        ]
    )


def test_scripts_take_their_words_from_the_page() -> None:
    """Else they would be English in every language."""
    writes = re.compile(r"(?:textContent|innerText|title) = [\"`'](?=.).*")
    scripts = {path.name: path.read_text(encoding="utf-8") for path in words.ROOT.glob("ui/static/*/*.js")}

    assert {name: found for name, text in scripts.items() if (found := writes.findall(text))} == {}
    assert {"admin.js", "site.js"} <= scripts.keys()


def test_every_exception_is_needed() -> None:
    unneeded = [
        (file, begins)
        for file, begins in words.EXCEPTIONS
        if not any(
            one.text.startswith(begins)
            for one in words.in_python((words.ROOT / file).read_text(encoding="utf-8"))
        )
    ]

    assert unneeded == []


def test_the_catalogue_holds_every_message_and_no_other() -> None:
    wanted, there = words.messages(), words.in_catalogue(CATALOGUE.read_text(encoding="utf-8"))

    assert there == wanted, "\n".join(
        [
            "locale/de is not what code and templates say; `make words` writes it anew:",
            *(f"+ {one}" for one in sorted(wanted - there)),
            *(f"- {one}" for one in sorted(there - wanted)),
        ]
    )
