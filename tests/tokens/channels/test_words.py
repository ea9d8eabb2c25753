"""The words of channels: whoever edits a words.txt touches no Python, so a slip of the pen is found here."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.channel_words import CHANNELS, edited
from tests.tools.marked import in_brackets
from tokens.channels import registry, words
from tokens.channels.kinds import Reason
from tokens.token import reasons

FILES = {"": CHANNELS / "words.txt", **{key: CHANNELS / key / "words.txt" for key in registry.CHANNELS}}
LIFETIME = ("lifetime_summary", "lifetime_clocks", "person_deadline", "lifetime_ends")
FACTS = {"channel", "person", "Person", "account", "days", "button"}
PLAIN = {"channel", "days"}  # what a phrase for pills, tables and buttons is given
BLOCK = re.compile(r"{% block (\w+) %}(.*?){% endblock %}", re.DOTALL)
OF_REASONS = {
    f"{reason}_{kind}"
    for reason in (*Reason, *reasons.OURS, "ended")
    for kind in ("short", "what", "you", "ahead", "who", "action", "steps")
}
OF_CHANNELS = {
    *LIFETIME,
    "lifetime_note",
    "last_step",
    "article_timeline",
    "causes",
    "version_note",
}
OF_CHECKS = {
    f"{kind}_{step}"
    for kind in ("proves", "compare")
    for step in ("app", "identity", "inspect", "list", "account", "renew")
}


def blocks(key: str) -> dict[str, str]:
    return dict(BLOCK.findall(FILES[key].read_text(encoding="utf-8")))


@pytest.mark.parametrize("key", FILES)
def test_a_phrase_is_given_every_fact_that_it_names(key: str) -> None:
    strange = {
        name: found
        for name, said in blocks(key).items()
        if (
            found := set(re.findall(r"{{ (\w+) }}", said))
            - (PLAIN if name.endswith(("_short", "_action")) else FACTS)
        )
    }

    assert strange == {}


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_a_channel_overrides_nothing_that_nobody_reads(key: str) -> None:
    known = blocks("").keys() | OF_REASONS | OF_CHANNELS | OF_CHECKS

    assert blocks(key).keys() <= known


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_a_channel_has_its_own_words_and_says_what_has_to_be_said(key: str) -> None:
    reasons_of = [f"{reason}_steps" for reason in Reason if reason != Reason.TRANSIENT]

    assert FILES[key].is_file()
    for name in (*LIFETIME, "last_step", "reconnect", *reasons_of):
        assert words.listed(key, name, channel=key, buttons=True, button="Re-authenticate"), name
    assert registry.get(key).last_step.startswith("Press ")


@pytest.mark.parametrize("key", FILES)
def test_phrases_that_are_put_in_elsewhere_are_there(key: str) -> None:
    text = FILES[key].read_text(encoding="utf-8")
    there = blocks("").keys() | blocks(key).keys() | {"last_step"}

    assert set(re.findall(r'{% block_of "(\w+)" %}', text)) <= there


def test_an_edited_phrase_is_read_wherever_it_is_put_in(tmp_path: Path) -> None:
    with edited("x", tmp_path, last_step='{% translate "Press Go on." %}'):
        steps = reasons.explain("x", Reason.EXPIRED).steps

    assert steps == ("Press Re-authenticate and log in at X.", "Press Go on.")


def test_the_steps_of_the_page_that_leads_there_have_the_same_stages_in_every_language() -> None:
    english = _staged()

    with in_brackets():
        other = _staged()

    assert english != other
    assert {one: {name: len(steps) for name, steps in parts.items()} for one, parts in other.items()} == {
        one: {name: len(steps) for name, steps in parts.items()} for one, parts in english.items()
    }
    for parts in english.values():
        assert not re.search("press re-authenticate", str({**parts, "go": ()}), re.IGNORECASE)


def _staged() -> dict[tuple[str, Reason], Mapping[str, tuple[str, ...]]]:
    return {
        (key, reason): reasons.explain(key, reason, you=True).steps_by_stage("Continue to it")
        for key in registry.CHANNELS
        for reason in Reason
    }


@pytest.mark.parametrize("key", registry.CHANNELS)
def test_who_has_no_buttons_of_staff_is_not_told_to_press_one(key: str) -> None:
    for reason in Reason:
        explanation = reasons.explain(key, reason)

        assert not re.search("check now", " ".join(explanation.own_steps), re.IGNORECASE)
        assert len(explanation.own_steps) == len(explanation.steps)
