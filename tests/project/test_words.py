"""No sentence for people is outside the catalogues: in Python by where it goes, in templates by the node around it.

`python -m tests.tools.words` lists what is. What may be, with its reason, is in EXCEPTIONS there.
"""

import re

import pytest

from tests.tools import words
from tests.tools.words import Found, Message

CATALOGUE = words.ROOT / "locale/de/LC_MESSAGES/django.po"
SENTENCE = '"The account is paused now."'


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


@pytest.mark.parametrize(
    "code",
    [
        f"messages.success(request, {SENTENCE})",
        f"raise ActionRefused({SENTENCE})",
        f"HEADING = {SENTENCE}",
        'text = f"{account} is paused by {person} now"',
        f"field = CharField(help_text={SENTENCE})",
        f"@admin.display(description={SENTENCE})\ndef cell(): ...",
        f"def canonical_id(text):\n    raise ValueError({SENTENCE})",
        f"def page():\n    return render({SENTENCE} if paused else '')",
    ],
)
def test_a_sentence_for_people_in_python_is_found(code: str) -> None:
    assert len(words.in_python(code)) == 1


@pytest.mark.parametrize(
    "code",
    [
        SENTENCE,
        f"def pause():\n    {SENTENCE}",
        f"gettext({SENTENCE})",
        'ngettext("one account is paused now", "{count} accounts are paused now", count).format(count=count)',
        f"logger.warning({SENTENCE}, account)",
        f"self.stdout.write({SENTENCE})",
        f"raise RuntimeError({SENTENCE})",
        f"raise malformed(answer, {SENTENCE})",
        f"classification = Classification(Verdict.OUR_BUG, row={SENTENCE})",
        f"assert done, {SENTENCE}",
        f"if body == {SENTENCE}: pass",
        f"Gauge('paused', documentation={SENTENCE})",
        f"router.get('/', description={SENTENCE})",
        f"class Meta:\n    permissions = [('pause', {SENTENCE})]",
        'cursor.execute("take the first of all rows that are there")',
        'QUERY = "select the_name from the_table where it is paused"',
        'css = "at-btn at-btn-primary"',
        """POLICY = "sandbox allow-popups; default-src 'none'; img-src data:; frame-ancestors 'self'\"""",
        'answer["Content-Disposition"] = f"attachment; filename=social-accounts-of-{day}.csv"',
        f"raise ChannelApp.DoesNotExist({SENTENCE})",
        f"return Answer(call, 0, body={SENTENCE})",
    ],
)
def test_what_goes_to_a_log_a_console_sql_or_a_developer_is_not_for_people(code: str) -> None:
    assert words.in_python(code) == []


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Paused</p>", ["Paused"]),
        ('<a title="Paused" href="{{ url }}">{{ name }}</a>', ["Paused"]),
        ('<button aria-label="Close" class="at-btn">×</button>', ["Close"]),
        ('<input type="submit" value="Save"><input type="text" value="Save">', ["Save"]),
        ("{% if x %}\n  {{ number }} accounts{% endif %}", ["accounts"]),
        ("{% include 'a.html' with text=\"nothing to do here\" %}", ["nothing to do here"]),
        ('<p>{% translate "Paused" %}</p>', []),
        ("{% blocktranslate %}{{ a }} is paused.{% endblocktranslate %}", []),
        ("{% say paused %}{{ a }} is paused.{% endsay %}", []),
        ("{% comment %}Nobody reads this.{% endcomment %}{# nor this #}", []),
        ('<td data-label="{{ label }}">{{ value }} · <code>GET /paused</code></td>', []),
        ("<style>.paused { color: red }</style><script>let paused</script>", []),
        ("{% block page_class %}narrow{% endblock %}{% block title %}Paused{% endblock %}", ["Paused"]),
        ('<li{% if on %} class="chosen"{% endif %} title="Paused">Closed</li>', ["Closed", "Paused"]),
        (
            "<{% if url %}a href='{{ url }}'{% else %}button{% endif %} class='at-btn'>Pause</button>",
            ["Pause"],
        ),
        ('<span class="at-end material-symbols-outlined">pause</span> Paused', ["Paused"]),
        ('{% component "button.html" with class="w-full lg:w-auto at-end" %}{% endcomponent %}', []),
        ("AdToken &middot; ada@example.com https://example.com/paused", []),
    ],
)
def test_words_in_templates_are_found_by_text_and_by_what_attributes_say(
    template: str, found: list[str]
) -> None:
    texts = [one.text.replace("\x00", "").strip() for one in words.in_template(template, html=True)]

    assert texts == found


def test_words_are_told_by_their_line_also_in_plain_text() -> None:
    template = "{% translate 'Hello' %}\n{% if x %}\n\nPaused\n{% endif %}"

    assert words.in_template(template, html=False) == [Found(4, "Paused")]


def test_the_catalogue_holds_every_message_and_no_other() -> None:
    wanted, there = words.messages(), words.in_catalogue(CATALOGUE.read_text(encoding="utf-8"))

    assert there == wanted, "\n".join(
        [
            "locale/de is not what code and templates say; `make words` writes it anew:",
            *(f"+ {one}" for one in sorted(wanted - there)),
            *(f"- {one}" for one in sorted(there - wanted)),
        ]
    )


def test_messages_are_read_as_gettext_reads_them() -> None:
    python = """
_("one"); gettext_lazy("two " "parts"); ngettext("{n} row", "{n} rows", n); pgettext("verb", "Open"); gettext(name)
"""
    template = """
{% translate "three" %}{% translate "Open" context "noun" %}{{ _("four") }}
{% blocktranslate count n=rows|length %}{{ n }} line of {{ all }}{% plural %}{{ n }} lines of {{ all }}{% endblocktranslate %}
{% blocktranslate trimmed %}
  It's "five"
{% endblocktranslate %}
{% say six count n=rows|length %}
  {{ n }} row
  goes
{% plural %}
  {{ n }} rows go
{% endsay %}
"""

    assert words.of_python(python) == {
        Message("", "one", ""),
        Message("", "two parts", ""),
        Message("", "{n} row", "{n} rows"),
        Message("verb", "Open", ""),
    }
    assert words.of_template(template) == {
        Message("", "three", ""),
        Message("noun", "Open", ""),
        Message("", "four", ""),
        Message("", "%(n)s line of %(all)s", "%(n)s lines of %(all)s"),
        Message("", 'It\'s "five"', ""),
        Message("", "%(n)s row goes", "%(n)s rows go"),
    }


def test_a_catalogue_is_read_with_contexts_plurals_and_long_texts() -> None:
    text = (
        'msgid ""\nmsgstr ""\n"Language: de\\n"\n\n#, python-format\nmsgctxt "verb"\nmsgid "Open"\nmsgstr ""\n\n'
        'msgid ""\n"A long "\n"\\"text\\""\nmsgid_plural "Long texts"\nmsgstr[0] ""\nmsgstr[1] ""\n\n#~ msgid "gone"\n#~ msgstr ""\n'
    )

    assert words.in_catalogue(text) == {
        Message("verb", "Open", ""),
        Message("", 'A long "text"', "Long texts"),
    }
