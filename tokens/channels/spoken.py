"""What answers say in words, whatever their code: for all channels. Nothing dies of words.

A code may be general (“invalid parameter”) while the words are plain. Where they speak of too many calls, the answer says nothing else.
The same where they speak of our app, or of trouble of the channel's own, beside a code that ends a log-in or takes an ad account.
Where they refuse a permission, the table's own row for a bad request would leave the account with a log-in that cannot serve it.

Some say that a person may not write, while the log-in works. No channel lists these completely, and where one has a code (Facebook 31 and
415), its table has a row. The words decide only where the table itself found a refusal of the call, a bad request, or nothing: then the
person on this ad account counts as one who may not publish. No token is touched.

| words | source | confidence |
| --- | --- | --- |
| two-factor, two-step, 2FA | Meta's error 415, “Two factor authentication required” | documented at Facebook, by analogy elsewhere |
| authenticate your account, pending action | facebook-python-business-sdk 722 | seen at Facebook |
| verify identity or business | help pages of Meta and TikTok | unproven as words of an API |
| not authorised, allowed or eligible to advertise | help pages of Meta, TikTok and LinkedIn | unproven as words of an API |
"""

import re

from tokens.channels.kinds import Reason

_LIMITED = re.compile(
    r"\brate[ -]?limit|\btoo many\b.{0,20}\b(?:requests|calls)\b|\bthrottl"
    r"|\b(?:requests?|calls?|qps|api|usage) (?:limit|quota)\b.{0,30}\b(?:reached|exceeded|is over|hit)\b"
    r"|\b(?:reach(?:ed|es)|exceed(?:ed|s)|hit|over)\b.{0,30}\b(?:requests?|calls?|qps|api|usage) (?:limit|quota)\b"
)
_NOT_PERMITTED = re.compile(
    r"\b(?:not enough|insufficient|missing|lacks?|lacking|no|without) (?:the )?(?:required |necessary |sufficient )?permissions?\b"
    r"|\bpermissions? (?:denied|missing|required)\b"
    r"|\b(?:do|does|did) not have (?:the |a )?(?:required |sufficient |necessary |any )?(?:permissions?|access|role)\b"
    r"|\bnot (?:permitted|authori[sz]ed|allowed) to (?:access|view|manage|use|operate|read)\b"
    r"|\baccess (?:is |was )?denied\b"
)
# “Try again later” is no such word: it is said of everything.
_IN_TROUBLE = re.compile(
    r"\b(?:internal|system|server) (?:server )?error\b|\bservice (?:is )?(?:temporarily )?unavailable\b"
    r"|\btemporar(?:y|ily) (?:unavailable|error|failure|problem|issue)\b|\bsystem (?:is )?(?:busy|under maintenance)\b"
)
# The rarer ones were seen at Facebook, with 190, 200 and 270. Not “application does not have permission”: Facebook says so of what a person
# did not grant.
_APP_REFUSED = re.compile(
    r"\b(?:app|application|client|developer(?: account)?)\b(?! id)(?:(?!account|user|member)[^.]){0,60}"
    r"\b(?:suspended|blocked|banned|disabled|deactivated|deleted|inactive|not (?:been |yet )*(?:active|approved|allowed|set ?up)"
    r"|development mode)\b|\bapi access (?:blocked|deactivated|disabled)\b|\b(?:non-active apps|apps with development access)\b"
)
_OF_THE_APP = re.compile(r"\b(?:app|application|client|developer)\b")
_ACCOUNT_STOPPED = re.compile(
    r"\b(?:ad ?account|advertiser|organi[sz]ation)\b.{0,40}"
    r"\b(?:suspended|disabled|deactivated|restricted|banned|blocked|disapproved|under review|closed|inactive|not active)\b"
)


def says_limited(message: str) -> bool:
    """Return whether an answer says that there were too many calls: then it says nothing else, whatever its status."""
    return _LIMITED.search(message.lower()) is not None


def says_in_trouble(message: str) -> bool:
    """Return whether an answer says that the channel itself is in trouble: then no code beside it proves an end."""
    return _IN_TROUBLE.search(message.lower()) is not None


def says_app_refused(message: str) -> bool:
    """Return whether an answer says that the channel refuses our app: then it ends no log-in and takes no ad account."""
    return _APP_REFUSED.search(message.lower()) is not None


def says_not_permitted(message: str) -> bool:
    """Return whether an answer says that the person, not our app, may not do this."""
    said = message.lower()
    return _NOT_PERMITTED.search(said) is not None and _OF_THE_APP.search(said) is None


def says_account_stopped(message: str) -> bool:
    """Return whether an answer says that the channel stopped an ad account. A good reading lifts it."""
    return _ACCOUNT_STOPPED.search(message.lower()) is not None


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
