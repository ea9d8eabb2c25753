"""Answers that say that a person may not write, at every channel: by code where there is one, else by their words."""

from typing import Any

import pytest

from tokens.channels import registry
from tokens.channels.kinds import Answer, Reason, Verdict
from tokens.channels.spoken import reason_by_words

# A refusal of a call as each channel words it, with a place for the message.
REFUSED: dict[str, tuple[int, Any]] = {
    "facebook": (400, lambda said: {"error": {"code": 200, "message": "Permissions error", "error_user_msg": said}}),
    "linkedin": (403, lambda said: {"status": 403, "code": "ACCESS_DENIED", "serviceErrorCode": 100, "message": said}),
    "pinterest": (403, lambda said: {"code": 29, "message": said}),
    "snapchat": (403, lambda said: {"request_status": "ERROR", "error_code": "E3002", "debug_message": said}),
    "tiktok": (200, lambda said: {"code": 40002, "message": said}),
    "x": (403, lambda said: {"errors": [{"code": "ACTION_NOT_PERMITTED_HERE", "message": said}]}),
}  # fmt: skip
SAID = {
    "Two-factor authentication is required to manage ads.": Reason.TWO_FACTOR_REQUIRED,
    "Please turn on 2-step verification first.": Reason.TWO_FACTOR_REQUIRED,
    "You won't be able to create or modify ads until you've authenticated your account in Ads Manager.": Reason.VERIFICATION_REQUIRED,
    "Business verification is required before you can publish.": Reason.VERIFICATION_REQUIRED,
    "You are not authorized to advertise.": Reason.ADVERTISING_REFUSED,
    "This user isn\u2019t allowed to create ads.": Reason.ADVERTISING_REFUSED,
    "You may not create campaigns for this advertiser.": Reason.ADVERTISING_REFUSED,
}


@pytest.mark.parametrize("channel", registry.CHANNELS)
def test_a_refusal_that_says_that_the_person_may_not_write_is_of_the_person_here(channel: str) -> None:
    status, body = REFUSED[channel]

    for said, reason in SAID.items():
        found = registry.get(channel).classify(Answer("api", status, body=body(said)))
        assert (found.verdict, found.reason, found.unknown) == (Verdict.ACCESS_LOST, reason, ""), said


@pytest.mark.parametrize(
    "said",
    [
        "Invalid parameter: two fields are missing.",
        "Please factor in the budget.",
        "The campaign is not able to run.",
        "You do not own this ad account.",
        "User request limit reached.",
        "The advertiser does not grant you permission.",
    ],
)
def test_other_words_say_nothing_of_writing(said: str) -> None:
    assert reason_by_words(said) is None


def test_neither_limits_nor_dead_log_ins_are_judged_by_words() -> None:
    facebook = registry.get("facebook")
    two_factor = "two-factor authentication required"

    dead = facebook.classify(Answer("api", 400, body={"error": {"code": 190, "error_subcode": 460, "message": two_factor}}))  # fmt: skip
    limited = facebook.classify(Answer("api", 400, body={"error": {"code": 17, "message": two_factor}}))
    asked = facebook.classify(Answer("introspect", 400, body={"error": {"code": 100, "message": two_factor}}))

    assert (dead.verdict, limited.verdict) == (Verdict.TOKEN_DEAD, Verdict.RATE_LIMITED)
    assert asked.reason != Reason.TWO_FACTOR_REQUIRED
