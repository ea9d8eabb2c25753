"""What the pages of the fleet need beside accounts: jobs, asks, macros, links, invitations, answers that nobody knows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from accounts.models import Ask
from tests.e2e.fleet import DAY, LONG, LONG_TEAM, RAW, UNBROKEN, Fleet

LONG_MACRO = (
    "Warnung für alle Kundenteams in Österreich, der Schweiz und Südtirol, auch an die Geschäftsleitung"
)
NOTE = f"Bitte noch vor dem Freitag {RAW}, sonst stehen am Wochenende die Kampagnen von vier Kunden still."


def add(fleet: Fleet) -> dict[str, Any]:
    """Write everything and return the ids and links, by name."""
    facts: dict[str, Any] = {}
    parts: tuple[Callable[[Fleet], dict[str, Any]], ...] = (
        _macros, _silences, _jobs, _asks, _invitations, _parked, _people, _channels, _client_links, _import,
    )  # fmt: skip
    for part in parts:
        facts |= part(fleet)
    return facts


def _macros(fleet: Fleet) -> dict[str, Any]:
    """A macro that does everything, with a long name and many addresses; and more of them."""
    from macros.models import Macro, MacroAction
    from macros.mutes import services

    emails = [fleet.boss.email, "kampagnen@agentur-elbe.example", "leitung@hafen-kaffee.example"]
    whole = Macro.objects.create(
        name=LONG_MACRO, scope="all", created_by=fleet.boss, owner=fleet.boss, description=NOTE,
    )  # fmt: skip
    left_out = [account.pk for account in fleet.accounts[40:43]]
    services.leave_out(macro=whole, account_ids=left_out, by=fleet.boss, now=fleet.now)
    MacroAction.objects.create(macro=whole, emails=emails, days=[30, 14, 7, 3, 1], notify_consenters=True)
    for kind in ("deactivated", "shifted", "recovered", "restricted"):
        MacroAction.objects.create(macro=whole, kind=kind, emails=emails, notify_consenters=True)
    MacroAction.objects.create(macro=whole, kind="few_people", emails=emails, people=2)
    MacroAction.objects.create(macro=whole, kind="escalated", emails=emails, after=3)
    some = []
    for number in range(14):
        macro = Macro.objects.create(
            name=f"{('Handel', 'Gastronomie', 'Reise')[number % 3]} {number + 1}: {(7, 14, 30)[number % 3]} days ahead",
            scope="channels" if number else "chosen", channels=["facebook", "linkedin"][: 1 + number % 2], enabled=number % 4 != 3,
            team=fleet.team if number % 3 else None, owner=fleet.people[number % 4], created_by=fleet.boss,
        )  # fmt: skip
        MacroAction.objects.create(macro=macro, emails=[], days=[(7, 14, 30)[number % 3]])
        some.append(macro)
    return {"macro": whole.pk, "macros": ",".join(str(one.pk) for one in some)}


def _silences(fleet: Fleet) -> dict[str, Any]:
    """An account that somebody snoozed, whom a macro leaves out, and somebody of staff is on; one that is paused."""
    from django.utils import timezone

    from macros.models import Macro, Mute
    from macros.mutes import acknowledgements, services

    now, account = fleet.now, fleet.accounts[30]
    until = timezone.localdate(now) + timedelta(days=12)
    services.mute_accounts(accounts=[account], email=fleet.boss.email, until=until, now=now)
    macro = Macro.objects.get(name=LONG_MACRO)
    Mute.objects.create(
        macro=macro, account=account, email="leitung@hafen-kaffee.example", by=fleet.boss, reason="Asked to be left out.", started_at=now
    )  # fmt: skip
    acknowledgements.acknowledge(
        deadlines=acknowledgements.deadlines_on(account), email=fleet.boss.email, now=now
    )
    paused = next(one for one in fleet.accounts if one.paused_at)
    mute = Mute.objects.get(account=account, macro=None)
    away = fleet.people[8]
    services.mute_all(email=away.email, until=until, now=now)
    return {"snoozed": account.pk, "mute": mute.pk, "paused": paused.pk, "away": away.pk}


def _jobs(fleet: Fleet) -> dict[str, Any]:
    """A job under way at 1,834 of 5,000, one with rows that failed, an offboarding, and an invitation."""
    from accounts.models import Job, JobItem

    ids, now = [account.pk for account in fleet.accounts], fleet.now
    common: dict[str, Any] = {"user": fleet.boss, "created_at": now, "note": NOTE}
    under_way = {"state": "making", "attempts": 1, "claimed_until": now + 3650 * DAY}
    going = Job.objects.create(
        kind="pause", subject_id=0, keys=ids, total=5_000, done=1_834, acted=1_790, skipped=41, failed=3, **under_way, **common
    )  # fmt: skip
    ready = Job.objects.create(
        kind="move", subject_id=fleet.team.pk, total=130, done=130, acted=121, skipped=6, failed=3, state="ready", **common
    )  # fmt: skip
    whys = {
        5: ("skipped", "in_team_already"),
        9: ("failed", "our_fault"),
        11: ("skipped", "not_seen"),
        40: ("failed", "not_reached"),
    }
    JobItem.objects.bulk_create(
        JobItem(
            job=ready, place=place, key=key, outcome=whys.get(place, ("done", ""))[0], why=whys.get(place, ("done", ""))[1],
            facts={"team": fleet.team.pk, "was": fleet.team.name}, at=now,
        )
        for place, key in enumerate(ids[:130], 1)
    )  # fmt: skip
    left = Job.objects.create(
        kind="offboard", subject_id=fleet.people[5].pk, total=4, done=4, acted=3, failed=1, state="ready",
        **common,
    )  # fmt: skip
    JobItem.objects.create(job=left, place=1, key=1, outcome="failed", why="our_fault", at=now)
    return {
        "job_going": going.pk,
        "job": ready.pk,
        "job_offboarding": left.pk,
    }


def _asks(fleet: Fleet) -> dict[str, Any]:
    """An ask that runs, with every stage, and one that was stopped."""
    from accounts.asks import progress
    from accounts.asks import services as asks
    from tokens.models import Token
    from users.addresses import services as refused_addresses

    now, asked = fleet.now, {"mails": 1, "next_at": None}
    tokens = [token.pk for token in [*fleet.tokens[:4], *fleet.more]]
    ended = asks.start_ask(
        user=fleet.boss, name="Before the summer break", note="", token_ids=tokens[4:14], ends_at=now + 10 * DAY, once="a",
        now=now - 9 * DAY,
    )  # fmt: skip
    ended.lines.update(sent_at=now - 9 * DAY, asked_at=now - 4 * DAY, **asked)
    ended.lines.filter(token__in=tokens[4:8]).update(opened_at=now - 8 * DAY)
    ended.lines.filter(token__in=tokens[6:8]).update(at_channel_at=now - 8 * DAY)
    Token.objects.filter(pk__in=tokens[9:12]).update(linked_at=now - 7 * DAY)
    asks.stop_ask(ask=ended, now=now)
    ask = asks.start_ask(
        user=fleet.boss, name="Vor dem Black Friday: alle Zugänge der Handelskunden in Österreich und Südtirol", note=NOTE,
        token_ids=tokens, ends_at=now + 12 * DAY, once="b", now=now - 2 * DAY,
    )  # fmt: skip
    rows = ask.lines.all()
    rows.exclude(token__in=tokens[-2:]).update(sent_at=now - 2 * DAY, asked_at=now - 2 * DAY, **asked)
    rows.filter(token__in=tokens[-2:]).update(next_at=now + 1000 * DAY)
    for token in tokens[5:12]:
        progress.note_opened(token_ids=[token], now=now)
    progress.note_at_channel(token_ids=tokens[9:12], now=now)
    progress.note_trouble(token_ids=[tokens[11]], trouble="somebody_else")
    Token.objects.filter(pk__in=tokens[14:20]).update(linked_at=now)
    refused_addresses.park_address(
        fleet.people[-4].email, said="550 5.1.1 unknown", now=now, why=refused_addresses.Why.BOUNCED
    )
    progress.settle_asks(now=now)
    return {"ask": ask.pk, "ask_ended": ended.pk}


def _invitations(fleet: Fleet) -> dict[str, Any]:
    """Invitations in each state: to the team, to somebody known, over, and to back accounts up."""
    from accounts.asks import inviting
    from users.invitations import services as invitations
    from users.models import Invitation, Team
    from users.people.models import Role

    now, boss, lena = fleet.now, fleet.boss, fleet.people[0]
    about: dict[str, Any] = {"team": fleet.team, "invited_by": boss, "now": now}
    invited = invitations.create(
        email="maximiliane.von.hohenstein@agentur-hohenstein-wittelsbach.example", name="Maximiliane von Hohenstein",
        role=Role.MANAGER, **about,
    )  # fmt: skip
    known = Invitation.objects.create(
        email=lena.email,
        team=Team.objects.get(name="Quiet"),
        invited_by=boss,
        created_at=now,
        expires_at=now + 7 * DAY,
    )
    ended = invitations.create(email="late@hafen-kaffee.example", **about)
    Invitation.objects.filter(pk=ended.pk).update(expires_at=now)
    inviting.invite_to_link(
        accounts=fleet.accounts[30:33],
        email="backup@hafen-kaffee.example",
        name="Petra Vogel",
        note=NOTE,
        by=boss,
        now=now,
    )
    inviting.invite_to_link(
        accounts=fleet.accounts[33:36], email=fleet.new.email, note=NOTE, by=boss, now=now
    )
    return {
        "invitation": invited.pk,
        "invitation_link": _end_of(invited.make_link()),
        "invitation_known": _end_of(known.make_link()),
        "invitation_ended": _end_of(ended.make_link()),
    }


def _parked(fleet: Fleet) -> dict[str, Any]:
    """An address parked for each reason."""
    from users.addresses import services as refused_addresses
    from users.models import RefusedAddress

    said = "550 5.7.1 Message rejected as spam by the content filter of the receiving organisation; see the postmaster"
    for number, why in enumerate(refused_addresses.Why):
        address = f"buchhaltung{number}@alpenquell-getraenkevertrieb.example"
        refused_addresses.park_address(address, said=said, now=fleet.now - number * DAY, why=why)
    return {"parked": RefusedAddress.objects.filter(why="complained").latest("pk").pk}


def _people(fleet: Fleet) -> dict[str, Any]:
    """A person whose second factor may be reset, a key, what a person met while linking, and roles."""
    from allauth.account.forms import default_token_generator
    from allauth.account.utils import user_pk_to_url_str
    from allauth.mfa.models import Authenticator

    from accounts.api_keys import services as api_keys
    from accounts.linking import services as linking
    from accounts.models import LinkProblem
    from infra.keys import seal
    from tests.support import factories
    from users.models import Session
    from users.people.models import Role
    from users.people.services import give_role

    now, lena = fleet.now, fleet.people[0]
    for person, role in zip(
        fleet.people[8:11], (Role.MANAGER, Role.AUDITOR, Role.ADMINISTRATOR), strict=True
    ):
        give_role(person, role)
    with_factor = fleet.people[6]
    Authenticator.objects.create(
        user=with_factor,
        type=Authenticator.Type.TOTP,
        data={"secret": seal("JBSWY3DPEHPK3PXP")},
    )
    key, _ = api_keys.issue_key(
        name="Publishing job of the night, Austria and South Tyrol",
        scopes=["gate:use", "tokens:lease"],
        teams=[fleet.team, fleet.accounts[0].team],
        created_by=fleet.people[10],
    )
    for number, kind in enumerate(list(LinkProblem.Kind)[:5]):
        LinkProblem.objects.create(
            user=fleet.people[number],
            code=linking.new_problem_code(),
            channel="facebook",
            kind=kind,
            detail="transient: a row of the table",
            at=now,
        )
    browsers = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.1 Safari/604.1",
    )
    sessions = [
        Session.objects.create(
            pk=f"{number:064x}"[::-1],
            user=lena,
            browser=agent,
            address=f"203.0.113.{number}",
            began_at=now - number * 2 * DAY,
            seen_at=now - number * timedelta(hours=3),
            expire_date=now + 12 * DAY,
        )
        for number, agent in enumerate(browsers, 1)
    ]
    deletable = factories.make_user("deletable@agentur-elbe.example", name="Gerda Gelöscht")
    return {
        "with_factor": with_factor.pk,
        "session": sessions[1].handle,
        "deletable": deletable.pk,
        "key": key.pk,
        "webhook": _webhook(fleet).pk,
        "problem": LinkProblem.objects.filter(user=lena).latest("pk").pk,
        "team_empty": _closing(fleet).pk,
        "reset_key": f"{user_pk_to_url_str(deletable)}-{default_token_generator.make_token(deletable)}",
    }


def _webhook(fleet: Fleet) -> Any:
    """A webhook that was switched off, with something that it took and something that it did not."""
    from accounts.models import AccountEvent
    from macros.events import services as events
    from macros.models import Delivery, Endpoint, Event

    now = fleet.now
    hook = Endpoint(
        name="Publishing system of the night",
        team=fleet.team,
        types=Event.Type.values[:6],
        host="agentur-elbe.example",
    )
    hook.made_by, hook.created_at, hook.off_at, hook.off_why = (
        fleet.boss,
        now - 9 * DAY,
        now,
        "timeout",
    )
    hook.address = hook.seal_address("https://agentur-elbe.example/adtoken")
    hook.save()
    account = next(one for one in fleet.accounts if one.team_id == fleet.team.pk)
    for kind in ("shifted", "deactivated"):
        AccountEvent.objects.create(account=account, kind=kind, at=now)
    events.publish(now)
    taken, failed = Event.objects.filter(account=account).order_by("-pk")[:2]
    said = {"at": now.isoformat(), "status": 0, "said": "timeout", "ms": 15_003}
    Delivery.objects.create(endpoint=hook, event=failed, tries=[said, said], failures=2, next_at=now + DAY)
    Delivery.objects.create(
        endpoint=hook, event=taken, tries=[{**said, "status": 200, "said": ""}], delivered_at=now
    )
    return hook


def _closing(fleet: Fleet) -> Any:
    """A team without accounts that something of most kinds belongs to."""
    from accounts.api_keys import services as api_keys
    from macros.models import Macro
    from tests.support import factories
    from users.invitations import services as invitations
    from users.models import Membership

    team = factories.make_team("Empty")
    Membership.objects.bulk_create(Membership(team=team, user=person) for person in fleet.people[8:16])
    factories.make_user("only@agentur-elbe.example", name="Olga Nur-Hier", team=team)
    for name in ("Warn the client of the spring campaign", UNBROKEN):
        Macro.objects.create(name=name, scope="all", team=team, created_at=fleet.now)
    for name, teams in (("Publishing job of the spring", [team]), ("Reports", [team, fleet.team])):
        api_keys.issue_key(name=name, scopes=["accounts:read"], teams=teams, created_by=fleet.boss)
    invitations.create(
        email="spring@kunde.example", team=team, invited_by=fleet.boss, now=fleet.now, mailed=False
    )
    return team


def _end_of(link: str) -> str:
    return link.rstrip("/").rpartition("/")[2]


def _channels(fleet: Fleet) -> dict[str, Any]:
    """An app that is being replaced, log-ins of which it says that they have ended, and answers that nobody knows."""
    from accounts.pool import services as pool
    from tests.support import factories
    from tests.support.ends import make_doubt
    from tokens.models import DeletionRequest, UnknownAnswer

    now = fleet.now
    app = factories.make_app("facebook")
    old = factories.make_app(
        "facebook", client_id="1029384756", label="The app of before 2024", is_default=False
    )
    accounts = []
    for person in fleet.people[7:13]:
        accounts.append(factories.make_account("facebook", name=f"{LONG_TEAM} {person.name}"[:90]))
        token = factories.make_token(
            old,
            consented_by=person,
            native_user_name=person.name,
            due_at=now + 3650 * DAY,
            deadline=now + 40 * DAY,
        )
        factories.link(accounts[-1], token)
    pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=now)
    for token in old.tokens.all():
        make_doubt(token, now=now, reason="authorisation_cancelled", row="190/458")
    old.tokens.update(doubted_at=now, look_again_at=now + DAY / 4)
    body = {
        "error": {
            "code": 99887,
            "message": "The advertiser's organisation has changed its data processing terms.",
            "fbtrace_id": "A1b2C3d4E5f6G7h8",
        }
    }
    answer = UnknownAnswer.objects.create(
        app=app, fingerprint="0" * 32, call="campaigns", status=400, sample={"call": "campaigns", "status": 400, "body": body},
        count=1234, first_seen_at=now - 9 * DAY, last_seen_at=now,
    )  # fmt: skip
    DeletionRequest.objects.create(app=app, code="photograph", request_hash="p" * 64, received_at=now)
    return {
        "app": app.pk,
        "app_old": old.pk,
        "answer": answer.pk,
        "deletion": "photograph",
    }


def _client_links(fleet: Fleet) -> dict[str, Any]:
    """Links in every state: open, with accounts that are asked for, used, over, revoked, for somebody who has a log-in, of others."""
    from accounts.asks import links

    now, lena = fleet.now, fleet.people[0]
    email = "marketing.assistenz@oesterreichische-alpenquell-getraenkevertrieb.example"
    about: dict[str, Any] = {
        "name": "Annemarie Oberhuber-Steinbacher",
        "team": fleet.team,
        "made_by": lena,
        "now": now,
        "note": NOTE,
    }

    def made(address: str = email, channels: tuple[str, ...] = ("facebook",), **more: Any) -> Any:
        return links.make_link(email=address, channels=channels, **(about | more))

    linked = [account for account in fleet.accounts if account.team_id == fleet.team.pk][:4]
    every, one = made(channels=("facebook", "linkedin", "tiktok")), made(accounts=linked)
    used, expired, revoked = (
        made("used@alpenquell.example"),
        made("over@alpenquell.example"),
        made("back@alpenquell.example"),
    )
    Ask.objects.client_links().filter(pk=expired.pk).update(ends_at=now)
    links.revoke_link(link=revoked, by=lena, now=now)
    links.make_contact(used)
    log_in = linked[0].pool.select_related("token")[0].token
    links.note_link_used(link=used, channel="facebook", accounts=linked, log_in=log_in, now=now)
    known = made(fleet.people[1].email)
    foreign = links.make_link(
        email=email, name="", team=fleet.team, channels=["x"], made_by=fleet.boss, now=now
    )
    path = {"open": every, "one": one, "used": used, "expired": expired, "revoked": revoked, "known": known}
    ends = {f"link_{name}": _end_of(link.link_path) for name, link in path.items()}
    return ends | {"link": one.pk, "link_foreign": foreign.pk, "link_pk_used": used.pk}


def _import(fleet: Fleet) -> dict[str, Any]:
    """A file of accounts that was checked and waits for a yes, with lines that are wrong."""
    from accounts.imports import services as uploads

    lines = [
        "channel,native_id,name",
        *(f'facebook,{990_000 + number},"{LONG[:70]} {number}"' for number in range(12)),
    ]
    lines += [
        "facebook,,Without a number",
        "myspace,4711,A channel that there is not",
        "x,18ce54d4x5t,Kranich Verlag",
    ]
    content = "\n".join(lines).encode()
    return {
        "import_file": uploads.keep_file(user=fleet.boss, team=fleet.team, content=content, now=fleet.now).pk
    }
