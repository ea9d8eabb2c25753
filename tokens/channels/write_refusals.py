"""Answers that say in words that a person may not write, while the log-in works: for all channels.

No channel lists these completely, and where one has a code (Facebook 31 and 415), its table has a row. The words decide only where the
table itself found a refusal of the call, a bad request, or nothing: then the person on this ad account counts as one who may not publish.
No token is touched.

| words | source | confidence |
| --- | --- | --- |
| two-factor, two-step, 2FA | Meta's error 415, “Two factor authentication required” | documented at Facebook, by analogy elsewhere |
| authenticate your account, pending action | facebook-python-business-sdk 722 | seen at Facebook |
| verify identity or business | help pages of Meta and TikTok | unproven as words of an API |
| not authorised, allowed or eligible to advertise | help pages of Meta, TikTok and LinkedIn | unproven as words of an API |
"""

import re

from tokens.channels.kinds import Reason

_TWO_FACTOR = re.compile(r"\b(?:two|2|multi)[ -]?(?:factor|step|fac)\b|\b2fac?\b|\bmfa\b")
_VERIFY = re.compile(
    r"\bauthenticat(?:e|ed|ing) your account\b|\btake a pending action\b"
    r"|\b(?:verify|confirm|verified|confirmed)\b.{0,20}\b(?:your|the) (?:identity|business|account)\b"
    r"|\b(?:identity|business|advertiser|account) verification\b.{0,40}\b(?:require|complete|pending|need|must|not)"
    r"|\bcomplete\b.{0,30}\bverification\b"
)
_AD_WORK = r"(?:advertise|(?:create|edit|manage|run|publish|modify|place)\b.{0,20}\b(?:ads?|adverts?|advertisements?|campaigns?))"
_NOT_ALLOWED = re.compile(
    rf"\b(?:not|isn't|aren't) (?:currently )?(?:authori[sz]ed|allowed|permitted|eligible|approved|able) to {_AD_WORK}\b"
    rf"|\b(?:cannot|can't|can not|may not|won't be able to) {_AD_WORK}\b"
    r"|\badvertis(?:er|ing)\b.{0,30}\b(?:review (?:is )?pending|in review|not (?:yet )?(?:reviewed|approved))\b"
    r"|\b(?:restricted|blocked|banned) from advertising\b|\badvertising access\b.{0,20}\b(?:restricted|removed|revoked|disabled)\b"
)


def reason_by_words(message: str) -> Reason | None:
    """Return why a person may not write, where the words of an answer say so; None where they do not."""
    said = message.lower().replace("\u2019", "'")
    if _VERIFY.search(said):
        return Reason.VERIFICATION_REQUIRED
    if _TWO_FACTOR.search(said):
        return Reason.TWO_FACTOR_REQUIRED
    return Reason.ADVERTISING_REFUSED if _NOT_ALLOWED.search(said) else None
