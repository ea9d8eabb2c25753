"""A large installation for the pages: six channels, ten teams, rows in every list that staff see. Written by INSERT ... SELECT.

What a row says follows from its number, so every run has the same data.
"""

from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection, transaction

from accounts.models import (
    Account,
    AccountEvent,
    AccountToken,
    ApiKey,
    LeaseRecord,
    LinkProblem,
    ReachedAccount,
)
from benchmarks import data, page_data_later
from benchmarks.data import insert
from macros.models import Evaluation, Macro, MacroAccount, MacroAction, Notice
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import ChannelApp, Doubt, Token, TokenEvent, UnknownAnswer
from tokens.vault import services as vault
from users.models import Invitation, LoginRecord, Membership, Team, User
from users.people.models import STAFF_GROUP

BOSS, STAFF, MEMBER, MATE = "boss@example.com", "staff@example.com", "p1@example.com", "p11@example.com"
LEAST = 60  # accounts, so that every kind of row is there
EVENTS = 500  # of the first account, more than its page shows at first
OWN = 24  # log-ins of MEMBER
REACH = 10_000  # accounts that MEMBER's first log-in, an agency's, serves, where its channel has so many
MACROS = 200
OTHERS = 20  # log-ins of the channel that reach an account, beside those that carry it
CHOSEN = 4_000  # accounts that the third macro is applied to
_EMPTIED = (
    "tokens_channelapp", "accounts_account", "accounts_apikey", "accounts_linkproblem", "users_user", "macros_macro", "macros_evaluation",
    "notifications_message", "django_admin_log", "users_refusedaddress", "notifications_mailreturn",
)  # fmt: skip
_APP = "(select id from tokens_channelapp where channel = {channel})"
_PERSON = "1 + mod({number}, {people})"
_TEAM = f"(select id from users_team where name = 'Team ' || mod({{number}}, {data.TEAMS}))"


def fill(*, accounts: int, now: datetime) -> None:
    """Empty the tables and write `accounts` accounts, 2.5 log-ins and 10 messages for each, and what the other lists show.

    Every account is settled. The records that nobody may delete (`infra.append_only`) are added to.
    """
    people = max(accounts // 20, 20)
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(_EMPTIED)} restart identity cascade")
    with transaction.atomic():
        _people(people)
        _log_ins(accounts * 5 // 2, people)
        _accounts(accounts)
    _analyse()
    data.settle_all(accounts=accounts, now=now, cause="imported")
    with transaction.atomic():
        _reach()
    with transaction.atomic():
        _history(accounts)
        _macros(accounts, people)
        _records(accounts, people)
        _troubles(accounts, people)
        _messages(accounts * 10, people)
    with transaction.atomic():
        boss = User.objects.get(email=BOSS)
        page_data_later.fill(accounts=accounts, people=people, boss=boss)
    _analyse()


def _analyse() -> None:
    """Give the planner what autovacuum would have given it in time."""
    with connection.cursor() as cursor:
        cursor.execute("vacuum analyze")


def _numbers(last: int) -> str:
    return f"generate_series(1, {last}) n"


def _ago(number: str, unit: str) -> str:
    return f"now() - ({number}) * interval '1 {unit}'"


def _channel(number: str) -> str:
    names = ", ".join(f"'{key}'" for key in declarations.channel_keys())
    return f"(array[{names}])[1 + mod({number}, {len(declarations.channel_keys())})]"


def _people(people: int) -> None:
    """Person n is in team n, and every seventh in another one, too. Beside them two of staff: one sees everything."""
    for number in range(data.TEAMS):
        Team.objects.get_or_create(name=f"Team {number}")
    insert(
        User,
        {"email": "'p' || n || '@example.com'", "name": "'Person ' || n", "password": "'!'"},
        _numbers(people),
    )
    role = "case when n <= 10 then 'manager' else 'member' end"
    in_team = {"team": _TEAM.format(number="n"), "user": "n", "role": role}
    insert(Membership, in_team, _numbers(people))
    in_other = in_team | {"team": _TEAM.format(number="n + 3")}
    insert(Membership, in_other, f"{_numbers(people)} where mod(n, 7) = 0")
    User.objects.create_superuser(BOSS, name="Boss")
    staff = User.objects.create_user(STAFF, name="Staff", is_staff=True)
    staff.groups.add(Group.objects.get(name=STAFF_GROUP))
    Membership.objects.create(user=staff, team=Team.objects.get(name="Team 1"))


def _log_ins(number: int, people: int) -> None:
    """Log-in n is of channel n; of ten eight have a date, one never ends, one's end is not known. Some died, whole pools of them."""
    for channel in declarations.channel_keys():
        app = ChannelApp(channel=channel, client_id="benchmark", state=ChannelApp.State.LIVE, is_default=True)
        app.set_secrets(["s" * 32])
        app.save()
    sealed = vault.seal(app.token_owner("1"), {"access_token": "t" * data.TOKEN_LETTERS})
    ends = "case when mod(n, 10) > 1 then now() + (1 + mod(n * 7919::bigint, 8900) / 100.0) * interval '1 day' end"
    what = "case when mod(n / 6, 100) < 4 then {} when mod(n, 97) = 5 then {} else {} end"
    columns = {
        "app": _APP.format(channel=_channel("n")), "native_user_id": "(10^15)::bigint + n", "native_user_name": "'Native ' || n",
        "consented_by": f"case when n <= {OWN} then 1 else {_PERSON.format(number='n * 31', people=people)} end",
        "credentials": f"'\\x{bytes(sealed.ciphertext).hex()}'", "credentials_key": f"'{sealed.key}'",
        "access_expires_at": ends, "deadline": ends,
        "deadline_kind": "case mod(n, 10) when 0 then 'unknown' when 1 then 'never' else 'date' end",
        "deadline_clock": "case when mod(n, 10) > 1 then 'access' else '' end",
        "state": what.format("'dead'", "'cooling'", "'valid'"), "reason": what.format("'password_changed'", "'transient'", "''"),
        "state_since": _ago("mod(n, 60)", "day"), "scopes": """'["ads_management", "ads_read"]'""", "last_check_result": "'ok'",
        "last_checked_at": _ago("mod(n, 300)", "minute"), "last_used_at": _ago("mod(n, 500)", "minute"),
        "first_linked_at": _ago("90", "day"),
    }  # fmt: skip
    insert(Token, columns, _numbers(number))


def _accounts(accounts: int) -> None:
    """Account n is of channel n and team n; one, two or three log-ins carry it, and some the agency's, too."""
    columns = {
        "channel": _channel("n"), "native_id": f"({data.FIRST_NATIVE_ID} + n)::text", "team": _TEAM.format(number="n"),
        "name": "(array['Lumen', 'Sable', 'Orchard', 'Nordwind', 'Quarry', 'Tide', 'Vetch'])[1 + mod(n, 7)] || ' Shoes ' || n",
        "restriction": "case when mod(n, 100) = 3 then 'Payment is overdue' else '' end",
        "paused_at": f"case when mod(n, 50) = 9 then {_ago('3', 'day')} end",
    }  # fmt: skip
    insert(Account, columns, _numbers(accounts))
    size = "case when mod(n, 20) = 4 then 1 else 2 + mod(n, 2) end"
    log_in = "mod(n, 6) + (n / 6 * 5 / 2 + k) * 6"
    pool = {"account": "n", "token": log_in, "can_publish": "'yes'"}
    source = f"{_numbers(accounts)}, generate_series(0, {size} - 1) k"
    insert(AccountToken, pool, f"{source} where {log_in} between 1 and {accounts * 5 // 2}")
    agency = pool | {"token": "1"}
    insert(AccountToken, agency, f"{_numbers(accounts)} where mod(n, 6) = 1 and n > 1 limit {REACH}")


def _reach() -> None:
    """Each log-in reaches the accounts that it carries, and those of other people besides; a third of the latter, those of its own team."""
    columns = {
        "token": "p.token_id",
        "native_id": "a.native_id",
        "role": "'Admin'",
        "can_publish": "'yes'",
        "seen_at": "now()",
    }
    pools = "accounts_accounttoken p join accounts_account a on a.id = p.account_id"
    insert(ReachedAccount, columns, pools)
    # Log-in k is of the channel of account n where both leave the same over 6.
    other = "mod(a.id, 6) + 6 * (1 + mod(a.id * 7919::bigint + k * 104729, (select count(*) / 6 - 1 from tokens_token)))"
    insert(
        ReachedAccount,
        columns | {"token": "found.id"},
        f"""
        (select distinct a.native_id, t.id from accounts_account a, generate_series(1, {OTHERS}) k, tokens_token t
         where t.id = {other} and a.id <= (select count(*) from accounts_account)
         except select r.native_id, r.token_id from accounts_reachedaccount r) found (native_id, id)
        join accounts_account a on a.native_id = found.native_id""",
    )


def _history(accounts: int) -> None:
    """Four events of each account and two of each log-in; many of the first account."""
    shift = {
        "account": "n", "kind": "'shifted'", "token": "(select active_token_id from accounts_account where id = n)",
        "cause": "'password_changed'", "source": "'sweep'", "at": _ago("mod(n + k * 7, 365)", "day"),
    }  # fmt: skip
    insert(AccountEvent, shift, f"{_numbers(accounts)}, generate_series(1, 4) k")
    insert(AccountEvent, shift, f"{_numbers(1)}, generate_series(1, {EVENTS}) k")
    renewal = {
        "token": "n",
        "kind": "'renewed'",
        "source": "'sweep'",
        "at": _ago("mod(n + k * 30, 90)", "day"),
    }
    insert(TokenEvent, renewal, f"{_numbers(accounts * 5 // 2)}, generate_series(1, 2) k")


def _macros(accounts: int, people: int) -> None:
    """Macros of all accounts, of channels and of chosen accounts, two on each; three notices of each account on twelve days."""
    columns = {
        "name": "'Macro ' || n", "scope": "case when n = 1 then 'all' when n = 2 then 'channels' else 'chosen' end",
        "channels": "case when n = 2 then array['facebook', 'x'] else '{}' end",
        "team": f"case when mod(n, 4) = 0 then {_TEAM.format(number='n')} end",
    }  # fmt: skip
    insert(Macro, columns, _numbers(MACROS))
    action = {
        "macro": "n", "emails": "array['agency' || mod(n, 40) || '@example.com']",
        "watch": "case when mod(n, 10) = 0 then 'token' else 'account' end",
        "days": "case when mod(n, 4) = 0 then array[7] else array[30, 7, 1] end",
    }  # fmt: skip
    insert(MacroAction, action, _numbers(MACROS))
    applied = {"macro": "m", "account": "n"}
    two = f"{_numbers(accounts)}, generate_series(4, {MACROS}) m where mod(n, 98) = mod(m, 98)"
    insert(MacroAccount, applied, two)
    insert(MacroAccount, applied | {"macro": "3"}, _numbers(min(accounts, CHOSEN)))
    insert(Evaluation, {"on_date": "current_date - n", "started_at": _ago("13 - n", "day")}, _numbers(12))
    notice = {
        "evaluation": "k", "action": f"1 + mod(n + k, {MACROS})", "account": "n", "cycle": "1 + k", "threshold": "7", "outcome": "'mailed'",
        "team": "(select team_id from accounts_account where id = n)",
        "recipient": f"'p' || {_PERSON.format(number='n', people=people)} || '@example.com'",
    }  # fmt: skip
    insert(Notice, notice, f"{_numbers(accounts)}, generate_series(1, 12) k where mod(n + k, 4) = 0")


def _records(accounts: int, people: int) -> None:
    """What was handed out, log-ins of people, what staff did, and keys."""
    person = _PERSON.format(number="n", people=people)
    lease = {
        "at": _ago("n", "second"), "kind": "'lease'", "key_id": "1 + mod(n, 50)", "caller": "'Publisher'",
        "account_id": f"1 + mod(n, {accounts})",
        "token_id": f"1 + mod(n, {accounts * 5 // 2})", "generation": "1", "purpose": "'publish'", "lease_hash": "left(md5(n::text), 32)",
    }  # fmt: skip
    insert(LeaseRecord, lease, _numbers(accounts * 5))
    door = {
        "at": _ago(f"({accounts * 2} - n)", "minute"), "kind": "'log_in'", "succeeded": "mod(n, 20) > 0", "user": person,
        "email": f"'p' || {person} || '@example.com'", "address": "'203.0.113.9'",
    }  # fmt: skip
    insert(LoginRecord, door, _numbers(accounts * 2))
    done = {
        "user": "(select id from users_user where is_superuser)", "object_id": f"({person})::text", "object_repr": "'Person ' || n",
        "content_type": "(select id from django_content_type where model = 'user' and app_label = 'users')", "action_flag": "2",
        "change_message": "'Changed'", "action_time": _ago("n", "minute"),
    }  # fmt: skip
    insert(LogEntry, done, _numbers(accounts))
    key = {
        "name": "'Key ' || n", "prefix": "'k' || n", "sha256": "md5(n::text)", "scopes": "array['tokens:lease']", "created_by": person,
    }  # fmt: skip
    insert(ApiKey, key, _numbers(MACROS))


def _troubles(accounts: int, people: int) -> None:
    """Failed links, open invitations, answers that nobody knows, and doubts that are over."""
    person, app = _PERSON.format(number="n", people=people), _APP.format(channel=_channel("n"))
    failed = {
        "code": "'LNK-' || n",
        "user": person,
        "channel": _channel("n"),
        "kind": "'stopped'",
        "at": _ago("n", "minute"),
    }
    insert(LinkProblem, failed, _numbers(accounts // 10))
    invitation = {
        "email": "'new' || n || '@example.com'", "team": _TEAM.format(number="n"), "key": "md5(n::text)", "invited_by": person,
        "expires_at": "now() + interval '3 days'",
    }  # fmt: skip
    insert(Invitation, invitation, _numbers(accounts // 50))
    answer = {
        "app": app, "fingerprint": "md5(n::text)", "call": "'read'", "status": "400", "sample": """'{"error": 1}'""",
        "first_seen_at": _ago("n", "hour"), "last_seen_at": _ago("n", "minute"),
    }  # fmt: skip
    insert(UnknownAnswer, answer, _numbers(300))
    doubt = {
        "token": "n", "app": "(select app_id from tokens_token where id = n)", "kind": "'log_in'", "reason": "'password_changed'",
        "row": "'190'", "source": "'sweep'", "began_at": _ago("mod(n, 30) * 10", "day"), "true_at": "now()", "ended_at": "now()",
    }  # fmt: skip
    insert(Doubt, doubt, _numbers(accounts // 4))


def _messages(messages: int, people: int) -> None:
    """Of 200 messages 193 were sent, two failed, four were cancelled and one waits. They were written over 90 days."""
    at = f"now() - (n::float / {messages}) * interval '90 days'"
    number = "case when mod(n, 200) < 2 then 'failed' when mod(n, 200) < 6 then 'cancelled'"
    state = f"{number} when mod(n, 200) = 6 then 'queued' else 'sent' end"
    recipient = _PERSON.format(number="n * 31::bigint", people=people)
    columns = {
        "kind": "case when mod(n, 3) = 0 then 'macro' else 'died' end", "recipient": f"'p' || {recipient} || '@example.com'",
        "team": _TEAM.format(number="n"), "dedupe_key": "'page:' || n", "payload": "jsonb_build_object('token', n)", "state": state,
        "created_at": at, "queued_at": at, "sent_at": at, "next_attempt_at": "now() + interval '1 day'",
        "subject": "'Lumen Shoes ' || n || ' stops on Saturday'",
        "error": "case when mod(n, 200) < 2 then 'The mail server refused it' else '' end",
    }  # fmt: skip
    insert(Message, columns, _numbers(messages))
