"""The words of reasons."""

import re

import pytest

from tokens.channels import registry
from tokens.channels.kinds import Reason
from tokens.token import reasons

JARGON = re.compile(r"(?i)\b(oauth|scopes?|tokens?|refresh\w*|probe|payload|grants?|pool|lease)\b")


@pytest.mark.parametrize("channel", registry.CHANNELS)
@pytest.mark.parametrize("you", [False, True])
def test_every_reason_is_worded_without_jargon_and_without_gaps(channel: str, you: bool) -> None:
    for reason in (*Reason, "paused", "unlinked"):
        explanation = reasons.explain(channel, reason, person="Ada Okafor", account="Sable", you=you)

        said = [
            explanation.short,
            explanation.what,
            explanation.who,
            explanation.first_action,
            *explanation.steps,
            *explanation.causes,
        ]
        texts = [
            text.replace("OAuth Apps", "") for text in said
        ]  # the name of a menu at Snapchat, for operators
        assert explanation.short
        assert explanation.what
        assert explanation.who
        assert not you or "Check now" not in " ".join(explanation.steps)
        assert explanation.steps or reason in {Reason.TRANSIENT, "paused", "unlinked"}
        assert all(len(step) < 160 for step in explanation.steps)
        assert not [
            text for text in texts if JARGON.search(text) or "{" in text or "!" in text or "  " in text
        ]
        assert all(
            text[0].isupper() and text.endswith((".", "?"))
            for text in (explanation.what, *explanation.steps, *explanation.causes)
        )


@pytest.mark.parametrize("reason", [*Reason])
def test_the_person_is_spoken_to_and_named_to_others(reason: Reason) -> None:
    others = reasons.explain("facebook", reason, person="Ada Okafor", account="Sable")
    you = reasons.explain("facebook", reason, person="Ada Okafor", account="Sable", you=True)

    assert "Ada" not in f"{you.what} {you.who}"
    assert not re.search(r"(?i)\byou", others.what)


def test_a_password_change_at_facebook_accuses_nobody_of_what_facebook_may_have_done() -> None:
    explanation = reasons.explain("facebook", Reason.PASSWORD_CHANGED, person="Ada Okafor")

    assert explanation.short == "Password changed or session ended"
    assert explanation.what == (
        "Ada Okafor changed the Facebook password, or Facebook ended the session for security reasons."
        " It does not say which."
    )
    assert explanation.who == "Ada Okafor"
    assert explanation.first_action == "Re-authenticate"
    assert explanation.steps[0] == "Log in at www.facebook.com, with the new password if there is one."


def test_a_lost_role_asks_an_admin_and_nobody_to_re_authenticate() -> None:
    explanation = reasons.explain("x", Reason.ACCESS_LOST, person="Ben", account="Harbor Coffee DE")

    assert explanation.what == "Ben no longer has a role in Harbor Coffee DE. The log-in itself is fine."
    assert explanation.who == "an admin of Harbor Coffee DE at X; nobody needs to re-authenticate"
    assert explanation.steps[-1] == "Nobody needs to re-authenticate. Press Check now."


def test_days_are_the_channels_own_and_never_invented() -> None:
    facebook = reasons.explain("facebook", Reason.EXPIRED)
    x = reasons.explain("x", Reason.EXPIRED)

    assert facebook.short == "60 days are over"
    assert not re.search(r"\d", f"{x.short} {x.what}")


def test_what_x_does_not_prove_is_worded_as_may() -> None:
    explanation = reasons.explain("x", Reason.AUTHORISATION_CANCELLED, person="Ada")

    assert explanation.what == "X no longer accepts the authorisation. Ada may have removed AdToken there."


def test_causes_from_the_article_stand_only_where_rules_are_the_likely_cause() -> None:
    suspended = reasons.explain("x", Reason.SUSPENDED, person="Ada")
    expired = reasons.explain("x", Reason.EXPIRED, person="Ada")

    assert any("broken into" in cause for cause in suspended.causes)
    assert all("may" in cause for cause in suspended.causes)
    assert expired.causes == ()


def test_a_reason_that_nobody_knows_is_unknown_and_none_is_silent() -> None:
    assert reasons.explain("facebook", "dates").short == "Reason unknown"
    none = reasons.explain("facebook", "")
    assert (none.short, none.what, none.who, none.steps, none.causes, none.first_action) == (
        "",
        "",
        "",
        (),
        (),
        "",
    )
    assert (none.by_consent, none.waits_for) == (False, "")
    assert reasons.explain("facebook", "unlinked", account="Sable").short == "Log-in unlinked"


def test_without_a_name_the_sentence_still_stands() -> None:
    explanation = reasons.explain("facebook", Reason.PASSWORD_CHANGED)

    assert explanation.what.startswith("The person who linked it changed the Facebook password")


def test_a_date_that_is_still_to_come_is_not_told_as_over() -> None:
    for channel in registry.CHANNELS:
        for reason in (Reason.EXPIRED, Reason.REFRESH_EXPIRED, Reason.DATA_ACCESS_EXPIRED):
            ahead = reasons.explain(channel, reason, ahead=True).what

            assert not re.search(r"it is over|was not renewed|could not be renewed", ahead)
    assert reasons.explain("linkedin", Reason.REFRESH_EXPIRED).what.endswith("that time is over.")


def test_the_end_of_data_access_is_told_apart_from_the_60_days() -> None:
    data_access = reasons.explain("facebook", Reason.DATA_ACCESS_EXPIRED, you=True)

    assert data_access.short == "90 days of data access are over"
    assert "60" not in data_access.what
    assert "90" not in reasons.explain("facebook", Reason.EXPIRED).what
    assert data_access.steps == reasons.explain("facebook", Reason.EXPIRED).steps
