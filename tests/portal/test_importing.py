"""Import of accounts from a file in the portal: checked first, sealed at once, no wall crossed, a row for each line, nothing lost."""

import io
import re
import zipfile
from datetime import timedelta
from html import unescape

import pytest
import xlsxwriter
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import tasks
from accounts.imports import mails as imported_mail
from accounts.imports import rules as checking
from accounts.imports import services as uploads
from accounts.imports import tables
from accounts.imports.tables import ImportRefused
from accounts.imports.views import MOST
from accounts.models import Account, AccountEvent, AccountToken, ImportFile, ImportFileLine, Job, JobItem
from accounts.pool import services as pool
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.portal.support import staff
from tests.support.factories import (
    MARKER,
    link,
    make_account,
    make_app,
    make_team,
    make_token,
    make_user,
)
from tokens.models import ChannelApp, Token
from users.models import Team, User
from users.people.models import ADMINISTRATORS_GROUP

pytestmark = pytest.mark.django_db(transaction=True)
IMPORT = "/admin/accounts/account/import/"
HEAD = "channel,native_id,name,team,linked_by,native_user_id,native_user_name,access_token"
MAY = "accounts.import_account"


@pytest.fixture
def lumen() -> Team:
    make_app("facebook")
    return make_team("Lumen")


@pytest.fixture
def mira(client: Client, lumen: Team) -> User:
    """A manager of one team, logged in."""
    return staff(client, MAY, team=lumen)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def page(client: Client, address: str) -> str:
    return words(client.get(address).text)


def upload(client: Client, content: str | bytes, team: Team, name: str = "accounts.csv") -> str:
    """Upload a file; returns the address that it leads to, or what the form says."""
    content = content.encode() if isinstance(content, str) else content
    answer = client.post(IMPORT, {"file": SimpleUploadedFile(name, content), "team": team.pk})
    return answer["Location"] if answer.status_code == 302 else words(answer.text)


def bring_in(client: Client, address: str) -> str:
    """Confirm, have it done, and return what the job's page says."""
    leads = client.post(address, {"note": "from the old system"})["Location"]
    tasks.run_jobs()  # what is more than a page does itself
    return page(client, leads)


def test_a_file_is_checked_then_confirmed_and_a_worker_imports_what_is_right(
    client: Client, mira: User, lumen: Team
) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor", team=lumen)
    here, dark = (make_account(native_id=native_id, team=lumen) for native_id in ("11", "12"))
    lines = [
        f"facebook;act_10;Über Schuhe;;ADA@example.com;77;Ada O.;{MARKER}-77",
        "facebook;11;;;;;;",
        f"facebook;12;;;ada@example.com;77;Ada O.;{MARKER}-77",
        "facebook;13;;Lumen;;;;",
        "facebook;1,02E+16;Damaged;;;;;",
        "myspace;14;Elsewhere;;;;;",
    ]
    file = "\ufeff" + "\r\n".join([HEAD.replace(",", ";"), *lines])

    address = upload(client, file, lumen)
    said, everything = page(client, address), page(client, f"{address}?show=all")
    before = Account.objects.count(), Token.objects.count()
    told = bring_in(client, address)

    assert "Import 3 lines?" in said
    assert "upload it again: 2." in said
    assert "took this ID for a number" in said
    assert "There is no channel 'myspace'" in said
    assert "Über Schuhe Facebook · 10" in everything
    assert "Here already. Nothing changes" in everything
    assert before == (2, 0)
    assert "3 imported" in told
    assert "Line 2 · Facebook · 10" in told
    made, token = Account.objects.get(native_id="10"), Token.objects.get()
    assert (made.name, made.team, made.state) == ("Über Schuhe", lumen, "connected")
    assert (token.consented_by, token.unseal().access_token) == (ada, f"{MARKER}-77")
    assert set(AccountToken.objects.values_list("account__native_id", flat=True)) == {"10", "12"}
    events = AccountEvent.objects.filter(kind="imported").values_list("account__native_id", "actor", "note")
    assert sorted(events) == [(one, mira.pk, "from the old system") for one in ("10", "12", "13")]
    assert not ImportFileLine.objects.filter(sealed__isnull=False).exists()
    assert pool.differences() == []
    assert {here.pk, dark.pk} <= set(Account.objects.values_list("pk", flat=True))
    assert client.get(address)["Location"].endswith(f"/jobs/{Job.objects.get().pk}/")
    assert "line of this file would change anything" in page(
        client, upload(client, f"{HEAD}\nfacebook,11,,,,,,", lumen)
    )


def test_whose_log_ins_somebody_imports_hears_of_all_of_them_by_one_mail(
    client: Client, mira: User, lumen: Team
) -> None:
    ada = make_user("ada@example.com", name="Ada Okafor", team=lumen)
    make_user("off@example.com", team=lumen, is_active=False)
    lines = [f"facebook,{number},Shop {number},,{ada.email},77,Ada,{MARKER}-77" for number in range(30)]
    lines += [f"facebook,200,Second,,{ada.email},78,Ada 2,{MARKER}-78"]
    lines += [f"facebook,201,Own,,{mira.email},79,Mira,{MARKER}-79"]

    bring_in(client, upload(client, "\n".join([HEAD, *lines]), lumen))
    told = Message.objects.get()
    mail = imported_mail.build_import_mail(told)
    Token.objects.update(reason=Token.REMOVED, state="dead")

    assert (told.kind, told.recipient) == ("imported", ada.email)
    assert mail.subject == f"{mira} added 2 log-ins of yours to AdToken"
    assert "Your log-ins are linked to 31 ad accounts now" in mail.html
    assert "and 21 more" in mail.text
    assert "and 8 more" not in mail.text  # of the ten that are named
    with pytest.raises(NotWanted):
        imported_mail.build_import_mail(told)


def test_no_wall_is_crossed_by_a_file_and_administrators_have_none(
    client: Client, mira: User, lumen: Team
) -> None:
    foreign = make_team("Fern")
    make_user("petra@example.com", name="Petra Vogel", team=foreign)
    theirs = make_account(native_id="20", team=foreign)
    token = make_token(make_app("facebook"), native_user_id="88")
    link(theirs, token)
    stored = token.unseal()
    file = "\n".join(
        [
            f"{HEAD},token_secret",
            "facebook,20,,,,,,,",
            f"facebook,21,,,,88,Petra,{MARKER}-guessed,",
            "facebook,22,,Fern,,,,,",
            "facebook,23,,,petra@example.com,,,,",
        ]
    )
    same = f"{HEAD},token_secret\nfacebook,24,,,,88,Petra,{stored.access_token},{stored.secret}"

    said = page(client, upload(client, file, lumen))
    holds_it = page(client, upload(client, same, lumen))
    boss = Client()
    chief = make_user("chief@example.com", is_staff=True)
    chief.groups.add(Group.objects.get_or_create(name=ADMINISTRATORS_GROUP)[0])
    Group.objects.get(name=ADMINISTRATORS_GROUP).permissions.set(list(mira.user_permissions.all()))
    boss.force_login(chief)
    allowed = page(boss, upload(boss, file, lumen))

    assert "Nothing to import" in said
    assert "Import 1 line?" in holds_it  # whoever holds the very token may use it anyway
    assert "This account belongs to another team here" in said
    assert "This person’s log-in is here already" in said
    assert "None of your teams is called 'Fern'" in said
    assert "nobody in your teams has the e-mail 'petra@example.com'" in said
    assert "Petra Vogel" not in said
    assert "Import 3 lines?" in allowed
    assert "Every line can be read." in allowed


def test_an_account_that_another_team_makes_meanwhile_stays_theirs(
    client: Client, mira: User, lumen: Team
) -> None:
    address = upload(
        client, f"{HEAD}\nfacebook,30,,,,77,Ada,{MARKER}-1\nfacebook,31,,,,77,Ada,{MARKER}-1", lumen
    )
    theirs = make_account(native_id="30", team=make_team("Fern"))

    told = bring_in(client, address)

    assert "1 imported, 1 failed" in told
    assert "belongs to another team here" in told
    assert not theirs.pool.exists()


def test_what_is_uploaded_is_stored_encrypted_alone_and_shown_nowhere(
    client: Client, mira: User, lumen: Team
) -> None:
    secret = "hCgwKCjE2OTg3NjU0MzISpwG8w1xXy4Zk9vB2nM5qR7tU0iO3pL6"
    rows = [f"facebook,40,,,,77,Ada,{secret}"]
    for column in range(7):
        cells = ["facebook", "41", "", "", "", "", "", ""]
        cells[column] = secret
        rows.append(",".join(cells))

    address = upload(client, "\n".join([HEAD, *rows]), lumen)
    seen = page(client, f"{address}?show=all") + upload(client, "\n".join(rows), lumen)
    kept = [
        str(row) for model in (ImportFile, ImportFileLine, Job, JobItem) for row in model.objects.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute("select session_data from django_session")
        kept += [str(row) for row in cursor.fetchall()]

    assert len(kept) > 8
    assert secret[:12].lower() not in (seen + "".join(kept)).lower()


def test_what_failed_is_imported_by_uploading_the_file_again(client: Client, mira: User, lumen: Team) -> None:
    text = f"{HEAD}\nfacebook,50,,,,77,Ada,{MARKER}-1\nfacebook,51,,,,,,"
    address = upload(client, text, lumen)
    ChannelApp.objects.update(is_default=False)

    told = bring_in(client, address)
    ChannelApp.objects.update(is_default=True)
    over = client.get(address)["Location"]
    again = bring_in(client, upload(client, text, lumen))

    assert "1 imported, 1 failed" in told
    assert "has no app" in told
    assert over == Job.objects.earliest("pk").get_absolute_url()
    assert "1 imported" in again
    assert Account.objects.get(native_id="50").active_token is not None


def test_it_is_imported_once_by_whom_it_belongs_to_and_does_not_stay(
    client: Client, mira: User, lumen: Team
) -> None:
    address = upload(client, f"{HEAD}\nfacebook,60,,,,,,", lumen)
    other = Client()
    staff(other, MAY, team=lumen)

    leads = {client.post(address, {})["Location"] for _ in range(2)}
    tasks.run_jobs()
    uploads.sweep_files(now=timezone.now() + timedelta(hours=2))
    confirmed = ImportFile.objects.count()
    upload(client, f"{HEAD}\nfacebook,61,,,,,,", lumen)
    upload(client, f"{HEAD}\nfacebook,62,,,,,,", lumen)  # in place of the one before
    waiting = ImportFile.objects.count() - confirmed
    uploads.sweep_files(now=timezone.now() + timedelta(hours=2))

    assert other.get(address).status_code == 404
    assert len(leads) == 1
    assert AccountEvent.objects.filter(kind="imported").count() == 1
    assert (confirmed, waiting, ImportFile.objects.count()) == (1, 1, 1)
    uploads.sweep_files(now=timezone.now() + timedelta(hours=25))
    assert not ImportFileLine.objects.exists()


def test_what_waits_for_days_is_imported_and_told_of_for_a_day_from_then_on(
    client: Client, mira: User, lumen: Team
) -> None:
    client.post(upload(client, f"{HEAD}\nfacebook,70,,,,77,Ada,{MARKER}-1", lumen), {})
    friday = timezone.now() - timedelta(days=3)
    for model in (ImportFile, Job):
        model.objects.update(created_at=friday)

    uploads.sweep_files(now=timezone.now())
    tasks.run_jobs()
    uploads.sweep_files(now=timezone.now())

    assert Account.objects.get(native_id="70").active_token is not None
    assert ImportFile.objects.exists()
    uploads.sweep_files(now=timezone.now() + timedelta(hours=25))
    assert not ImportFile.objects.exists()


def test_who_may_not_import_is_offered_nothing_and_refused(client: Client, lumen: Team) -> None:
    staff(client, team=lumen)

    listed = client.get("/admin/accounts/account/").text
    answers = [client.get(IMPORT + tail).status_code for tail in ("", "template.xlsx", "1/")]

    assert IMPORT not in listed
    assert answers == [403, 403, 403]


def workbook(*rows: list[str | int]) -> bytes:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"in_memory": True})
    sheet = book.add_worksheet()
    for number, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(number, column, cell) if isinstance(cell, int) else sheet.write_string(
                number, column, cell
            )
    book.close()
    return file.getvalue()


def test_a_workbook_is_read_and_an_id_that_it_rounded_is_not_taken(
    client: Client, mira: User, lumen: Team
) -> None:
    file = workbook(
        ["channel", "native_id", "name"],
        ["facebook", 402188371102, "Äpfel & Söhne"],
        ["facebook", "10215241773831025", ""],
        [],
        ["facebook", 10215241773831025, "Rounded"],
    )

    address = upload(client, file, lumen, "accounts.xlsx")
    said = page(client, f"{address}?show=all")

    assert "Import 2 lines?" in said
    assert "Äpfel & Söhne Facebook · 402188371102" in said
    assert "Facebook · 10215241773831025" in said
    assert "5 Rounded" in said
    assert "took this ID for a number" in said


def test_the_template_has_every_column_and_is_taken_back(client: Client, mira: User) -> None:
    answer = client.get(f"{IMPORT}template.xlsx")

    assert 'filename="import-accounts.xlsx"' in answer["Content-Disposition"]
    assert tables.read_table(answer.content).header == list(checking.COLUMNS)


def evil(sheet: str) -> bytes:
    """A workbook whose only sheet is this text."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(uploads.empty_file())) as good,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as bad,
    ):
        for name in good.namelist():
            bad.writestr(name, sheet if name == "xl/worksheets/sheet1.xml" else good.read(name))
    return file.getvalue()


# A cell in the last column of the last row: with all that are empty before it, more than any machine holds.
FAR = """<worksheet><sheetData>
<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData></worksheet>"""


REFUSED = [
    (b"\n", "empty"),
    (HEAD.encode(), "nothing below it"),
    (b"PK\x03\x04 nonsense", "The workbook cannot be read"),
    (evil("<!DOCTYPE a [<!ENTITY b 'c'>]><worksheet>&b;</worksheet>"), "empty"),
    (evil(FAR), "The workbook cannot be read"),
    (b"channel,native_id\n" + b"facebook,1\n" * 5_001, "more than 5000 lines"),
    (b"x" * (MOST + 1), "bigger than 4 MB"),
]


def test_what_is_no_file_of_accounts_is_refused_in_words_and_nothing_is_kept(
    client: Client, mira: User, lumen: Team
) -> None:
    said = [upload(client, content, lumen) for content, _ in REFUSED]

    for (content, complaint), words in zip(REFUSED, said, strict=True):
        assert complaint in words, content[:60]
    assert not ImportFile.objects.exists()


def test_text_of_windows_is_read_with_a_word_of_warning(client: Client, mira: User, lumen: Team) -> None:
    said = page(client, upload(client, f"{HEAD}\nfacebook,1,Schöne Füße,,,,,".encode("cp1252"), lumen))

    assert "Schöne Füße" in said
    assert "Are the names right?" in said
    with pytest.raises(ImportRefused):
        tables.read_table(b"\xff\xfe\x00")
