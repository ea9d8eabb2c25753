"""Import of accounts and tokens from before."""

import io
import time
from pathlib import Path
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import importing, pool, sweeps
from accounts.importing import writing
from accounts.mails import imported_mail
from accounts.models import Account, AccountToken
from notifications.models import Message
from tests.support import native
from tests.support.connections import WAITS_FOR_US, another
from tests.support.factories import MARKER, NOW, make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team

pytestmark = pytest.mark.django_db

HEADER = "channel,native_id,name,team,linked_by,native_user_id,native_user_name,access_token,refresh_token,token_secret"


def run(tmp_path: Path, text: str, *flags: str) -> tuple[str, str]:
    """Import the text; returns what was said and what was complained of."""
    path = tmp_path / "accounts.csv"
    path.write_text(text, encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("import_accounts", str(path), *flags, stdout=out, stderr=err)
    except CommandError as error:
        err.write(str(error))
    return out.getvalue(), err.getvalue()


def test_accounts_and_tokens_come_in_with_dates_not_available(tmp_path: Path) -> None:
    make_app("facebook")
    ada, team = make_user("ada@example.com"), make_team("Lumen")
    text = (
        f"{HEADER}\nfacebook,act_402188371102,Lumen Shoes EU,Lumen,ADA@example.com,77,Ada O.,{MARKER}-1,,\n"
    )

    said, wrong = run(tmp_path, text)

    account, token = Account.objects.get(), Token.objects.get()
    assert wrong == ""
    assert "1 new accounts, 1 new tokens" in said
    assert (account.native_id, account.team, account.state) == ("402188371102", team, "connected")
    assert account.active_token == token
    assert (token.consented_by, token.deadline_kind, token.deadline) == (ada, "unknown", None)
    assert token.unseal().access_token == f"{MARKER}-1"
    assert pool.differences() == []


@pytest.mark.parametrize(("people", "said"), [(1, "about 1 minute where"), (5, "about 3 minutes where")])
def test_it_says_how_long_dates_take_by_how_many_log_ins_there_are_to_check(
    people: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "CHECKED_A_MINUTE", 2)
    make_app("facebook")
    lines = [f"facebook,{number},A,,,{number},Ada,{MARKER}-{number},," for number in range(people)]

    found, _ = run(tmp_path, "\n".join([HEADER, *lines]))

    assert said in found


def test_each_person_of_the_file_gets_one_mail_unless_the_operator_wants_none(tmp_path: Path) -> None:
    make_app("facebook")
    make_user("ada@example.com")
    make_team("Lumen")

    def row(number: int) -> str:
        return f"facebook,{number},,Lumen,ada@example.com,{number},,{MARKER}-{number},,\n"

    run(tmp_path, f"{HEADER}\n{row(1)}", "--quietly")
    quiet = Message.objects.count()
    run(tmp_path, f"{HEADER}\n{row(2)}{row(3)}")

    assert quiet == 0
    assert (
        imported_mail.build(Message.objects.get()).subject
        == "An administrator added 2 log-ins of yours to AdToken"
    )


def test_the_first_two_columns_are_enough(tmp_path: Path) -> None:
    run(tmp_path, "channel,native_id\nfacebook,1\nx,18ce54d4x5t\n")

    assert set(Account.objects.values_list("channel", "name", "state")) == {
        ("facebook", "1", "deactivated"),
        ("x", "18ce54d4x5t", "deactivated"),
    }


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path: Path) -> None:
    make_app("facebook")

    said, _ = run(tmp_path, f"{HEADER}\nfacebook,1,A,,,77,Ada,{MARKER}-1,,\n", "--dry-run")

    assert said.startswith("Would import 1 lines: 1 new accounts, 1 new tokens")
    assert not Account.objects.exists()
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("myspace,1,,,,,,,,", "There is no channel 'myspace'"),
        ("facebook,abc,,,,,,,,", "native_id"),
        ("facebook,1,,Nobodies,,,,,,", "there is no team 'Nobodies'"),
        ("facebook,1,,,nobody@example.com,,,,,", "nobody here has the e-mail"),
        (f"facebook,1,,,,,,{MARKER}-1,,", "whose token is it?"),
        ("facebook,1,,,,77,,,,", "native_user_id without access_token"),
        (f"x,1a,,,,77,,{MARKER}-1,,", "X needs token_secret"),
        ("facebook,1,too,few", "4 columns"),
        ("facebook,2,,,,,,,,", "are in the file twice"),
        ("facebook,1,na\0me,,,,,,,", "a character that is no text"),
        ("facebook,1,,,a\0@example.com,,,,,", "a character that is no text"),
        (f"facebook,1,,,,{'9' * 192},,{MARKER}-1,,", "more than 191 characters"),
    ],
)
def test_one_bad_line_imports_nothing_and_says_what_to_mend(
    tmp_path: Path, line: str, complaint: str
) -> None:
    make_app("facebook")

    _, wrong = run(tmp_path, f"{HEADER}\nfacebook,2,,,,,,,,\n{line}\n")

    assert "Line 3: " in wrong
    assert complaint in wrong
    assert "Nothing was imported." in wrong
    assert MARKER not in wrong
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("channel,name\nfacebook,A\n", "the columns native_id are missing"),
        ("channel,native_id,password\nfacebook,1,x\n", "unknown columns 'password'"),
        ("", "empty"),
        ("channel,native_id,native_id\nfacebook,1,1\n", "twice"),
        (f"{',' * 51}\n{HEADER}\n", "Line 1: more than 50 columns"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    assert complaint in run(tmp_path, text)[1]


TOKEN = "hCgwKCjE2OTg3NjU0MzISpwG8w1xXy4Zk9vB2nM5qR7tU0iO3pL6"


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\nfacebook,1,,{TOKEN},,,,,,\n",
        f"{HEADER}\n{TOKEN},1,,,,,,,,\n",
        f"{HEADER}\nfacebook,{TOKEN},,,,,,,,\n",
        f"{HEADER}\nfacebook,1,,,{TOKEN},,,,,\n",
        f"facebook,1,A,General,,77,Ada,{TOKEN},,\n",  # a file without a header
    ],
    ids=["team", "channel", "native_id", "linked_by", "no header"],
)
def test_a_token_in_the_wrong_column_is_not_shown(tmp_path: Path, text: str) -> None:
    make_app("facebook")

    said, wrong = run(tmp_path, text)

    assert "Nothing was imported." in wrong
    assert TOKEN.lower()[:12] not in (said + wrong).lower()


def test_a_channel_without_an_app_takes_no_tokens(tmp_path: Path) -> None:
    _, wrong = run(tmp_path, f"{HEADER}\nfacebook,1,,,,77,,{MARKER}-1,,\n")

    assert "Set it up under Channel apps first" in wrong


def test_two_tokens_of_one_native_user_are_refused(tmp_path: Path) -> None:
    make_app("facebook")

    _, wrong = run(tmp_path, f"{HEADER}\nfacebook,1,,,,77,,{MARKER}-1,,\nfacebook,2,,,,77,,{MARKER}-2,,\n")

    assert "two different tokens" in wrong


def test_importing_again_keeps_what_came_by_consent_since(tmp_path: Path) -> None:
    token = make_token(make_app("facebook"), native_user_id="77")
    before = token.unseal().access_token

    said, _ = run(tmp_path, f"{HEADER}\nfacebook,1,,,,77,,{MARKER}-old,,\n")

    token.refresh_from_db()
    assert token.unseal().access_token == before
    assert "1 tokens were linked already" in said
    assert AccountToken.objects.filter(token=token).exists()


def test_a_file_that_cannot_be_read_says_so() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_accounts", "/nowhere/accounts.csv")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(b"channel,native_id\nfacebook,\xff\xfe\n")

    with pytest.raises(CommandError, match="Nothing was imported"):
        call_command("import_accounts", str(path), stderr=io.StringIO())


@pytest.mark.django_db(transaction=True)
def test_the_next_sweep_fills_the_dates_of_an_imported_token(tmp_path: Path, channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)
    issued = channels_world.issue_token("facebook", "ada")
    channels_world.issue_token("facebook", "ada")
    person = next(
        user
        for user in channels_world.state()["users"]
        if user["key"] == "ada" and user["channel"] == "facebook"
    )
    lumen = next(
        one
        for one in channels_world.state()["accounts"]
        if one["name"] == "Lumen Shoes EU" and one["channel"] == "facebook"
    )
    row = f"facebook,{lumen['id']},,,,{person['id']},Ada,{issued['access_token']},,"
    run(tmp_path, f"{HEADER}\n{row}\n")

    sweeps.check_due(now=Token.objects.get().due_at or NOW)

    token, account = Token.objects.get(), Account.objects.get()
    assert (token.deadline_kind, token.dates_source["access"]) == ("date", "introspection")
    assert (account.name, account.deadline) == ("Lumen Shoes EU", token.deadline)
    assert account.pool.get().can_publish == "yes"


def test_a_byte_order_mark_on_standard_input_is_no_column() -> None:
    lines = importing.read(io.StringIO("\ufeffchannel,native_id\nfacebook,1\n"), lambda items, _: items)

    assert [line.native_id for line in lines] == ["1"]


def test_an_import_costs_the_same_number_of_queries_however_many_lines_and_accounts_there_are(
    tmp_path: Path,
) -> None:
    make_app("facebook")
    make_user("ada@example.com")
    make_team("Lumen")

    def queries(lines: int, first: int) -> int:
        rows = "".join(
            f"facebook,{number},,Lumen,ada@example.com,{number},,{MARKER}-{number},,\n"
            for number in range(first, first + lines)
        )
        with CaptureQueriesContext(connection) as asked:
            run(tmp_path, f"{HEADER}\n{rows}")
        loaded = [
            one["sql"]
            for one in asked
            if 'FROM "accounts_account"' in one["sql"] and "COUNT(" not in one["sql"]
        ]
        assert loaded
        assert all('"native_id" IN' in sql or '"id" IN' in sql for sql in loaded)
        return len(asked)

    queries(1, 500)  # what a process asks once
    few = queries(2, 1_000)

    assert queries(300, 5_000) == few


def test_a_line_gives_a_new_account_its_team_and_leaves_one_that_is_here_where_it_is(tmp_path: Path) -> None:
    make_team("Lumen")
    here = make_account(native_id="77")

    run(tmp_path, f"{HEADER}\nfacebook,77,,Lumen,,,,,,\nfacebook,78,,Lumen,,,,,,\n")

    here.refresh_from_db()
    assert here.team == Team.default()
    assert Account.objects.get(native_id="78").team.name == "Lumen"


@pytest.mark.django_db(transaction=True)
def test_accounts_are_locked_by_id_over_the_whole_file_so_that_a_renewal_never_waits_in_a_circle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "BATCH", 1)
    first, second = (make_account("facebook", native_id=native_id) for native_id in ("900", "800"))

    def bring_in() -> None:
        run(tmp_path, "channel,native_id\nfacebook,800\nfacebook,900\n")
        connection.close()

    lock = "select 1 from accounts_account where id = %s for no key update"
    with another() as renewal:
        with renewal.transaction():
            renewal.execute(lock, [first.pk])
            thread = Thread(target=bring_in)
            thread.start()
            while thread.is_alive() and not renewal.execute(WAITS_FOR_US).fetchone():
                time.sleep(0.02)

            renewal.execute(f"{lock} nowait", [second.pk])  # fails where the import holds it already

        thread.join()
    assert set(Account.objects.values_list("events__kind", flat=True)) == {"imported"}
