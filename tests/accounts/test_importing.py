"""Import of accounts and tokens from before: what is wrong with a line, and what comes of those that are right."""

import time
from threading import Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.checks import services as sweeps
from accounts.imports import services as uploads
from accounts.imports.rules import COLUMNS, ImportChecker
from accounts.imports.services import write_lines
from accounts.imports.tables import ImportRefused
from accounts.models import Account, AccountToken, ImportFile
from accounts.pool import services as pool
from tests.support import native
from tests.support.connections import WAITS_FOR_US, another
from tests.support.factories import MARKER, NOW, make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db

HEADER = "channel,native_id,name,team,linked_by,native_user_id,native_user_name,access_token,refresh_token,token_secret"
TOKEN = "hCgwKCjE2OTg3NjU0MzISpwG8w1xXy4Zk9vB2nM5qR7tU0iO3pL6"


@pytest.fixture
def boss() -> User:
    return make_user("boss@example.com", is_superuser=True, is_staff=True)


def bring_in(*rows: str) -> None:
    """Write these lines, each without a fault."""
    checker = ImportChecker(User(is_superuser=True), Team.default())
    checked = [
        checker.check(
            number, dict.fromkeys(COLUMNS, "") | dict(zip(HEADER.split(","), row.split(","), strict=False))
        )
        for number, row in enumerate(rows, 2)
    ]
    assert checker.problems == []
    write_lines([line for line in checked if line], now=NOW)


def keep(user: User, text: str) -> ImportFile:
    return uploads.keep_file(user=user, team=Team.default(), content=text.encode(), now=timezone.now())


def said(file: ImportFile) -> dict[int, list[str]]:
    """What is wrong, by line: the codes."""
    rows = file.lines.filter(standing="wrong").values_list("number", "problems")
    return {number: [code for code, _ in problems] for number, problems in rows}


def test_accounts_and_tokens_come_in_with_dates_not_available() -> None:
    make_app("facebook")
    ada, team = make_user("ada@example.com"), make_team("Lumen")

    bring_in(
        f"facebook,act_402188371102,Lumen Shoes EU,Lumen,ADA@example.com,77,Ada O.,{MARKER}-1,,",
        "x,18ce54d4x5t",
    )

    account, token = Account.objects.get(channel="facebook"), Token.objects.get()
    assert (account.native_id, account.team, account.state) == ("402188371102", team, "connected")
    assert account.active_token == token
    assert (token.consented_by, token.deadline_kind, token.deadline) == (ada, "unknown", None)
    assert token.unseal().access_token == f"{MARKER}-1"
    bare = Account.objects.get(channel="x")
    assert (bare.name, bare.state, bare.team) == ("18ce54d4x5t", "deactivated", Team.default())
    assert pool.differences() == []


LINES = [
    ("myspace,1,,,,,,,,", "no_channel"),
    ("facebook,abc,,,,,,,,", "native_id"),
    ("facebook,1,,Nobodies,,,,,,", "no_team"),
    ("facebook,1,,,nobody@example.com,,,,,", "no_person"),
    (f"facebook,1,,,,,,{MARKER}-1,,", "whose_token"),
    ("facebook,1,,,,77,,,,", "user_without_token"),
    (f"x,1a,,,,77,,{MARKER}-1,,", "needs_token_secret"),
    ("facebook,1,too,few", "other_columns"),
    ("facebook,2,,,,,,,,", "twice_in_file"),
    ("facebook,1,na\0me,,,,,,,", "no_text"),
    ("facebook,1,,,a\0@example.com,,,,,", "no_text"),
    (f"facebook,1,,,,{'9' * 192},,{MARKER}-1,,", "long_user_id"),
    (f"linkedin,1,,,,77,,{MARKER}-1,,", "no_app"),
    (f"facebook,9,,,,78,,{MARKER}-2,,", "two_tokens"),
    # A token in the wrong column.
    (f"facebook,1,,{TOKEN},,,,,,", "no_team"),
    (f"{TOKEN},1,,,,,,,,", "no_channel"),
    (f"facebook,{TOKEN},,,,,,,,", "native_id"),
    (f"facebook,1,,,{TOKEN},,,,,", "no_person"),
]


@pytest.mark.parametrize(("line", "code"), LINES, ids=[f"{code}-{n}" for n, (_, code) in enumerate(LINES)])
def test_what_is_wrong_with_a_line_is_said_without_a_credential_and_the_others_stay_right(
    boss: User, line: str, code: str
) -> None:
    make_app("facebook")
    make_app("x")

    file = keep(boss, f"{HEADER}\nfacebook,2,,,,,,,,\nfacebook,8,,,,78,,{MARKER}-1,,\n{line}\n")

    assert code in said(file)[4]
    assert file.lines.get(number=3).standing == "new"
    shown = str([list(file.lines.values("name", "native_id", "channel", "problems"))])
    assert MARKER not in shown
    assert TOKEN.lower()[:12] not in shown.lower()
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("channel,name\nfacebook,A\n", "the columns native_id are missing"),
        ("channel,native_id,password\nfacebook,1,x\n", "unknown columns 'password'"),
        ("channel,native_id,native_id\nfacebook,1,1\n", "twice"),
        (f"{',' * 51}\n{HEADER}\n", "Line 1: more than 50 columns"),
        (f"facebook,1,A,General,,77,Ada,{TOKEN},,\n", "unknown columns"),
    ],
)
def test_a_wrong_header_is_named_without_what_may_be_a_token(boss: User, text: str, complaint: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        keep(boss, text)

    told = str(refused.value)
    assert complaint in told
    assert TOKEN[:12] not in told
    assert not ImportFile.objects.exists()


def test_a_token_that_is_here_keeps_what_came_by_consent_since_and_an_account_its_team() -> None:
    token = make_token(make_app("facebook"), native_user_id="77")
    here, before = make_account(native_id="5"), token.unseal().access_token
    make_team("Lumen")

    bring_in(f"facebook,5,,Lumen,,77,,{MARKER}-old,,", "facebook,6,,Lumen")

    token.refresh_from_db()
    here.refresh_from_db()
    assert token.unseal().access_token == before
    assert AccountToken.objects.filter(token=token, account=here).exists()
    assert here.team == Team.default()
    assert Account.objects.get(native_id="6").team.name == "Lumen"


@pytest.mark.django_db(transaction=True)
def test_the_next_sweep_fills_the_dates_of_an_imported_token(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)
    issued = channels_world.issue_token("facebook", "ada")
    channels_world.issue_token("facebook", "ada")
    state = channels_world.state()
    person = next(one for one in state["users"] if (one["key"], one["channel"]) == ("ada", "facebook"))
    lumen = next(
        one for one in state["accounts"] if (one["name"], one["channel"]) == ("Lumen Shoes EU", "facebook")
    )
    bring_in(f"facebook,{lumen['id']},,,,{person['id']},Ada,{issued['access_token']},,")

    sweeps.check_due_tokens(now=Token.objects.get().due_at or NOW)

    token, account = Token.objects.get(), Account.objects.get()
    assert (token.deadline_kind, token.dates_source["access"]) == ("date", "introspection")
    assert (account.name, account.deadline) == ("Lumen Shoes EU", token.deadline)
    assert account.pool.get().can_publish == "yes"


def test_an_import_costs_the_same_number_of_queries_however_many_lines_there_are(boss: User) -> None:
    make_app("facebook")
    make_user("ada@example.com")
    make_team("Lumen")

    def queries(lines: int, first: int) -> int:
        rows = [
            f"facebook,{number},,Lumen,ada@example.com,{number},,{MARKER}-{number},,"
            for number in range(first, first + lines)
        ]
        with CaptureQueriesContext(connection) as asked:
            keep(boss, "\n".join([HEADER, *rows]))
            bring_in(*rows)
        return len(asked)

    queries(1, 500)  # what a process asks once
    few = queries(2, 1_000)

    assert queries(20, 5_000) == few


@pytest.mark.django_db(transaction=True)
def test_accounts_are_locked_by_id_over_the_whole_file_so_that_a_renewal_never_waits_in_a_circle() -> None:
    first, second = (make_account("facebook", native_id=native_id) for native_id in ("900", "800"))

    def imports() -> None:
        bring_in("facebook,800", "facebook,900")
        connection.close()

    lock = "select 1 from accounts_account where id = %s for no key update"
    with another() as renewal:
        with renewal.transaction():
            renewal.execute(lock, [first.pk])
            thread = Thread(target=imports)
            thread.start()
            while thread.is_alive() and not renewal.execute(WAITS_FOR_US).fetchone():
                time.sleep(0.02)

            renewal.execute(f"{lock} nowait", [second.pk])  # fails where the import holds it already

        thread.join()
    assert set(Account.objects.values_list("events__kind", flat=True)) == {"imported"}
