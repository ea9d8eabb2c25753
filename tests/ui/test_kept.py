"""What is kept of a job is said in the language of whoever reads it."""

from datetime import date

from django.utils import translation

from ui import stored_phrases as kept
from ui.stored_phrases import both, cut, keep, said, word

HISTORY = "words/history.txt"


def in_german(text: str) -> str:
    with translation.override("de"):
        return said(text)


def test_a_phrase_is_said_in_the_language_of_whoever_reads_it() -> None:
    with translation.override("de"):
        revoked = keep(HISTORY, "revoked", note="Lost {laptop}, “old”")

    assert said(revoked) == "Revoked. Lost {laptop}, “old”"
    assert in_german(revoked) == "Widerrufen. Lost {laptop}, “old”"


def test_a_fact_is_a_number_a_word_or_a_phrase_of_its_own() -> None:
    applied = keep(HISTORY, "applied", number=1234)
    invited = keep(
        "words/invitations.txt",
        "log_invited",
        email="a@b.example",
        team="Red",
        role=word("Manager"),
        staff=True,
    )

    snoozed = keep(HISTORY, "snoozed_all", day=kept.day(date(2026, 12, 9)), note="")
    assert "9. Dez" in in_german(snoozed)
    assert (said(applied), in_german(applied)) == (
        "Applied to 1,234 accounts.",
        "Auf 1.234 Konten angewendet.",
    )
    assert in_german(invited) == "a@b.example zu Red eingeladen, Rolle: Management."


def test_what_an_earlier_version_kept_and_what_is_unreadable_stays_as_it_is() -> None:
    cut = keep(HISTORY, "revoked", note="Lost")[:-3]

    assert said("Revoked. Lost laptop") == "Revoked. Lost laptop"
    assert said('[{"changed": {"fields": ["Name"]}}]') == '[{"changed": {"fields": ["Name"]}}]'
    assert said(cut) == cut
    assert said("") == ""


def test_a_column_gets_no_more_than_it_holds_and_stays_readable() -> None:
    said_by_server = "550 5.1.1 “no such user” " * 40
    long = keep("words/delivery.txt", "refused", said=said_by_server)
    several = both(long, keep("words/delivery.txt", "cancelled_by", person="Ada"))

    assert cut(long, 500) == said(long)[:500]
    assert cut(several, 200) == said(several)[:200]
    assert cut(long, 2_000) == long
    assert cut("x" * 600, 500) == "x" * 500
    assert in_german(several).endswith("Abgebrochen durch Ada.")


def test_a_phrase_that_a_later_version_no_longer_has_shows_its_facts() -> None:
    gone = kept.keep(HISTORY, "no_such_block", person="Ada", number=3)

    assert said(gone) == "Ada 3"
