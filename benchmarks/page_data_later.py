"""What a large installation has beside accounts, log-ins and mails: asks, client links, jobs.

As in `page_data`, what a row says follows from its number, and each person is known by its own: person n is `p<n>@example.com`.
"""

from accounts.models import (
    Ask,
    AskLine,
    Job,
    JobItem,
)
from benchmarks.data import TEAMS, insert
from macros.models import Acknowledgement, Mute
from notifications.models import MailReturn
from users.models import AddressEvent, RefusedAddress, User

ASKS = 40
LARGEST = 5_000  # log-ins of the first ask, the most that one may have
USUAL = 300  # of the others
MOST = 2_000  # client links, parked addresses, silences
ASKED = 500  # accounts for which one person is asked to be a backup
_PERSON = "1 + mod({number}, {people})"
_TEAM = f"(select id from users_team where name = 'Team ' || mod({{number}}, {TEAMS}))"


def fill(*, accounts: int, people: int, boss: User) -> None:
    """Write it, in the caller's transaction, for an installation of so many accounts and people."""
    _asks(accounts * 5 // 2, boss)
    _links(accounts, people)
    _mails(min(accounts // 10, MOST), people)
    _backups(accounts, people, boss)
    _jobs(accounts, boss)


def _numbers(last: int) -> str:
    return f"generate_series(1, {last}) n"


def _ago(number: str, unit: str) -> str:
    return f"now() - ({number}) * interval '1 {unit}'"


def _asks(tokens: int, boss: User) -> None:
    """One of as many log-ins as there may be, and many of some hundred; every second one is over."""
    ask = {
        "name": "'Ask ' || n", "made_by": str(boss.pk), "created_at": _ago("n", "day"),
        "ends_at": f"{_ago('n', 'day')} + interval '60 days'",
        "ended_at": f"case when mod(n, 2) = 0 then {_ago('n - 1', 'day')} end",
        "ending": "case when mod(n, 2) = 0 then 'all_done' else '' end",
    }  # fmt: skip
    insert(Ask, ask, _numbers(ASKS))
    stage = "(array['sent', 'sent', 'sent', 'opened', 'at_channel', 'done', 'done', 'failed', 'not_askable', 'waiting'])[1 + mod(n, 10)]"
    row = {
        "ask": "c", "token": f"1 + mod(n * 37 + c * 1000, {tokens})", "stage": stage,
        "why": "case mod(n, 10) when 7 then 'mail_failed' when 8 then 'not_linked' else '' end", "mails": "1 + mod(n, 3)",
        "sent_at": _ago("c", "day"), "asked_at": _ago("c", "day"),
        "done_at": f"case when mod(n, 10) in (5, 6) then {_ago('1', 'hour')} end",
    }  # fmt: skip
    largest, usual = min(LARGEST, tokens - 1), min(USUAL, tokens - 1)
    insert(AskLine, row, f"{_numbers(largest)}, generate_series(1, 1) c")
    insert(AskLine, row, f"{_numbers(usual)}, generate_series(2, {ASKS}) c")


def _links(accounts: int, people: int) -> None:
    """Links for clients, some of them used; the first one for two hundred ad accounts."""
    link = {
        "key": "md5(n::text)", "team": _TEAM.format(number="n"), "channels": """'["facebook"]'""", "what": "'link'",
        "email": "'client' || n || '@example.com'",
        "made_by": f"case when mod(n, 20) = 1 then 1 else {_PERSON.format(number='n', people=people)} end",
        "created_at": _ago("n", "hour"), "ends_at": f"{_ago('n', 'hour')} + interval '7 days'",
        "used": f"case n when 1 then (select jsonb_build_object('facebook', jsonb_agg(k)) from generate_series(1, {min(200, accounts)}) k) "
                "else '{}' end",
        "ended_at": f"case when n = 1 or mod(n, 3) = 0 then {_ago('n', 'minute')} end",
        "ending": "case when n = 1 or mod(n, 3) = 0 then 'all_done' else '' end",
    }  # fmt: skip
    insert(Ask, link, _numbers(min(accounts // 10, MOST)))
    first = "(select min(id) from accounts_ask where what = 'link')"
    insert(AskLine, {"ask": first, "channel": "'facebook'", "native_id": "n::text"}, _numbers(200))


def _mails(number: int, people: int) -> None:
    """Addresses that mail does not reach, with what came back; accounts of which somebody wants no mail."""
    address = "case when mod(n, 10) = 0 then 'p' || n * 2 else 'client' || n end || '@example.com'"
    why = "(array['refused', 'bounced', 'complained'])[1 + mod(n, 3)]"
    said = "'550 5.1.1 No such user'"
    parked = {
        "email": address,
        "why": why,
        "said": said,
        "since": _ago("n", "hour"),
        "refused_at": _ago("n", "hour"),
    }
    insert(RefusedAddress, parked, _numbers(number))
    came_back = {
        "key": "md5(n || ' ' || k)", "recipient": address, "kind": "'hard'", "said": said,
        "at": _ago("n + k", "hour"),
    }  # fmt: skip
    insert(MailReturn, came_back, f"{_numbers(number)}, generate_series(1, 3) k")
    event = {"email": address, "kind": "'parked'", "why": why, "said": said, "at": _ago("n + k", "hour")}
    insert(AddressEvent, event, f"{_numbers(number)}, generate_series(1, 3) k")
    person = f"'p' || {_PERSON.format(number='n', people=people)} || '@example.com'"
    mute = {
        "account": "n * 3", "email": f"case when mod(n, 10) = 0 then '' else {person} end", "until": "current_date + 1 + mod(n, 20)",
        "started_at": _ago("n", "minute"),
    }  # fmt: skip
    insert(Mute, mute, _numbers(number))
    on_it = {"account": "n * 5", "cycle": "1", "days": "7", "email": person, "at": _ago("n", "minute")}
    insert(Acknowledgement, on_it, _numbers(number))


def _backups(accounts: int, people: int, boss: User) -> None:
    """One person is asked for hundreds of accounts, and many were invited for one each."""
    ask = {
        "what": "'back_up'", "email": "'asked@example.com'", "made_by": str(boss.pk), "created_at": _ago("1", "day"),
        "ends_at": "now() + interval '13 days'", "channels": "'[]'", "used": "'{}'",
    }  # fmt: skip
    insert(Ask, ask, _numbers(1))
    line = {
        "ask": "(select id from accounts_ask where what = 'back_up')",
        "account": "n * 6 + 1",
        "token": "1",
        "channel": "'facebook'",
        "native_id": "n::text",
    }
    insert(AskLine, line, _numbers(min(ASKED, accounts // 6 - 1)))
    invited = {
        "what": "'link'", "email": "'invited' || n || '@example.com'", "team": _TEAM.format(number="n"),
        "made_by": _PERSON.format(number="n", people=people), "created_at": _ago("n", "hour"),
        "ends_at": f"{_ago('n', 'hour')} + interval '30 days'", "channels": "'[]'", "used": "'{}'",
    }  # fmt: skip
    insert(Ask, invited, _numbers(accounts // 10))
    number = "(select id from accounts_ask where email = 'invited' || n || '@example.com')"
    line = {"ask": number, "account": "n * 9", "channel": "'facebook'", "native_id": "n::text"}
    insert(AskLine, line, _numbers(accounts // 10))


def _jobs(accounts: int, boss: User) -> None:
    """What a worker did to all accounts, to the people of an app, to a leaver."""
    whole = {"user": boss, "total": accounts, "done": accounts, "state": Job.State.READY}
    acted = {"acted": accounts * 8 // 10, "skipped": accounts // 10, "failed": accounts // 10}
    job = Job.objects.create(kind="pause", subject_id=0, **whole, **acted)
    row = {
        "job": str(job.pk), "place": "n", "key": "n", "at": "now()", "facts": "'{}'",
        "outcome": "case mod(n, 10) when 0 then 'skipped' when 1 then 'failed' else 'done' end",
    }  # fmt: skip
    insert(JobItem, row, _numbers(accounts))
    Job.objects.create(kind="offboard", subject_id=1, **whole)
