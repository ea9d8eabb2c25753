"""Five minutes with a real channel: what was asked, what it answered, and what that proves. For `manage.py check_channel`.

Links nothing and writes nothing, but for one renewal where that is asked for, which goes through the lifecycle like every other. No secret
is in what it returns: the texts are scrubbed, and the credentials that were used are cut out of them by value too.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings

from tokens import channels, courses, live_points, probe, scrub
from tokens.channels.base import (
    AccountList,
    AppKeys,
    Channel,
    ChannelError,
    Credentials,
    Dates,
    Identity,
    NativeAccount,
    Ruling,
    Verdict,
)
from tokens.models import ChannelApp, Token

SHOWN = 10  # ad accounts
EXCERPT = 600  # characters of an answer that is not OK
CLOCKS = {
    "access": "Access ends",
    "refresh": "Renewal ends",
    "data_access": "Data access ends",
}


@dataclass(frozen=True)
class Line:
    """One question and what came of it. `verdict` is "" where nothing was asked of the channel."""

    asked: str
    verdict: str = ""
    row: str = ""
    seen: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing was asked, or the answer was as hoped."""
        return self.verdict in {"", Verdict.OK.value}


@dataclass
class Checker:
    """Asks one channel as one app, and where there are credentials, as one person."""

    channel: Channel
    app: ChannelApp
    keys: AppKeys
    credentials: Credentials | None = None
    scopes: tuple[str, ...] | None = None
    native_id: str = ""  # the ad account to be read; empty: the first that can publish
    _accounts: tuple[NativeAccount, ...] = field(default=(), init=False)

    def steps(self) -> Iterable[Callable[[], Line]]:
        """Return the questions in their order."""
        yield self.settings
        yield self.app_keys
        if self.credentials is not None:
            yield self.identity
            yield self.inspect
            yield self.list_accounts
            yield self.read_account

    def settings(self) -> Line:
        """Say with which addresses, version and app the channel is asked."""
        prefix = f"{self.channel.key.upper()}_"
        # X_FRAME_OPTIONS is Django's own.
        names = sorted(
            name for name in dir(settings) if name.startswith(prefix) and name.endswith(("_URL", "VERSION"))
        )
        seen = [f"{name} = {getattr(settings, name)}" for name in names]
        seen += [
            f"App {self.app.label or 'without a label'}, client ID {self.app.client_id}, {self.app.get_state_display().lower()}",
            f"Redirect address to be registered: {self.app.redirect_uri}",
            f"Permissions asked for: {self._permissions()}",
        ]
        return Line("Settings and app", seen=self._clean(seen))

    def _permissions(self) -> str:
        if not self.channel.scopes:
            return "none by name; the app has them at the channel"
        return ", ".join(self.keys.scopes) or "the usual ones"

    def app_keys(self) -> Line:
        """Ask what nothing but the app's keys answers."""
        asked = "Does the channel take our app's keys?"
        ruling = self.channel.check_app(self.keys)
        if ruling is None:
            return Line(asked, seen=("The channel has no question that only the app's keys answer.",))
        taken = ["It does."] if ruling.verdict == Verdict.OK else []
        return self._line(
            "app", asked, replace(ruling, row="") if taken else ruling, [*taken, *self._note(ruling)]
        )

    def identity(self) -> Line:
        """Ask whose token it is."""
        try:
            who = self.channel.identity(self.keys, self._person())
        except ChannelError as error:
            return self._failed("identity", "Whose log-in is it?", error)
        seen = [f"{who.name or 'no name'}, id {who.native_user_id}"]
        return self._line("identity", "Whose log-in is it?", Ruling(Verdict.OK), seen)

    def inspect(self) -> Line:
        """Ask about the token: dates and permissions."""
        found = self.channel.inspect(self.keys, self._person())
        seen = self._note(found.ruling)
        if found.ruling.verdict == Verdict.OK:
            seen += [*_dates(found.dates), f"Permissions: {_names(found.scopes)}"]
            self.scopes = found.scopes if found.scopes is not None else self.scopes
        else:
            seen += _excerpt(found.evidence)
        return self._line("inspect", "How does the log-in stand?", found.ruling, seen)

    def list_accounts(self) -> Line:
        """List the ad accounts."""
        asked = "Which ad accounts does it reach?"
        try:
            who = self.channel.identity(self.keys, self._person())
            listed = self._list(who)
        except ChannelError as error:
            return self._failed("list", asked, error)
        self._accounts = listed.accounts
        whole = "" if listed.complete else ", and the list is not complete"
        seen = [f"{len(listed.accounts)} ad accounts{whole}"]
        seen += [_account(account) for account in listed.accounts[:SHOWN]]
        return self._line("list", asked, Ruling(Verdict.OK), seen)

    def _list(self, who: Identity) -> AccountList:
        return self.channel.list_accounts(self.keys, self._person(), who, self.scopes)

    def read_account(self) -> Line:
        """Read one ad account: the one that was named, else the first that can publish."""
        native_id = self.native_id or self._first()
        if not native_id:
            return Line(
                "Can one ad account be read?",
                seen=("Nothing to read: the list is empty. Name one with --account.",),
            )
        asked = f"Can ad account {native_id} be read?"
        found = self.channel.read_account(self.keys, self._person(), native_id, scopes=self.scopes)
        seen = self._note(found.ruling)
        seen += [_account(found.account)] if found.account else _excerpt(found.evidence)
        return self._line("account", asked, found.ruling, seen)

    def _first(self) -> str:
        ready = [account for account in self._accounts if not account.closed]
        best = [account for account in ready if account.can_publish == "yes"] or ready
        return best[0].native_id if best else ""

    def _person(self) -> Credentials:
        assert self.credentials is not None  # steps() asks nothing of a person without them
        return self.credentials

    def _failed(self, step: live_points.Step, asked: str, error: ChannelError) -> Line:
        return self._line(step, asked, error.ruling, [*self._note(error.ruling), *_excerpt(error.evidence)])

    def _line(self, step: live_points.Step, asked: str, ruling: Ruling, seen: Iterable[str]) -> Line:
        return Line(
            asked,
            ruling.verdict.value,
            ruling.row,
            self._clean(seen),
            live_points.proves(self.channel.key, step),
        )

    def _note(self, ruling: Ruling) -> list[str]:
        said = [f"The channel says: {ruling.note}"] if ruling.note else []
        if ruling.reason is not None and ruling.verdict != Verdict.OK:
            said.append(f"Reason: {ruling.reason.value}")
        if ruling.unknown:
            said.append("No row of the table knows this answer: keep it for whoever extends the table.")
        if ruling.verdict == Verdict.APP_FAULT:
            said += self.channel.steps(channels.Reason.APP_FAULT)
        return said

    def _clean(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the texts without secrets: by their look, and the ones in use by value."""
        used = [*self.keys.secrets, *(self.credentials.as_dict().values() if self.credentials else ())]
        return tuple(_without(scrub.text(text), used) for text in texts)


def renew(token: Token, *, now: datetime) -> Line:
    """Renew a stored token once, through the lifecycle, and say what became of it. The caller has asked whether to."""
    asked = "Does the channel renew it without a person?"
    proves = live_points.proves(token.app.channel, "renew")
    if not probe.claim(token.pk, now):
        return Line(asked, seen=("It is being checked right now. Try again in a minute.",), proves=proves)
    before = _stored(token)
    generation = token.generation
    fresh = Token.objects.select_related("app").get(pk=token.pk)
    outcome = courses.run(probe.course(fresh, now=now, source="staff", renew=True))
    token.refresh_from_db()
    renewed = token.renewed_at == now
    seen = (
        "Renewed, and stored." if renewed else "Nothing new was stored by a renewal.",
        f"Before: {before}",
        f"After: {_stored(token)}",
        f"The token is {token.get_state_display().lower()}; generation {generation} became {token.generation}.",
    )
    verdict = Verdict.OK if renewed else outcome.verdict
    return Line(asked, verdict.value, "renewed" if renewed else "", seen, proves)


def _stored(token: Token) -> str:
    dates = {
        "access": token.access_expires_at,
        "refresh": token.refresh_expires_at,
        "data_access": token.data_access_expires_at,
    }
    known = [f"{CLOCKS[clock]} {at:%Y-%m-%d %H:%M} UTC" for clock, at in dates.items() if at is not None]
    return ", ".join(known) or "no dates known"


def _dates(dates: Dates | None) -> list[str]:
    if dates is None:
        return ["Dates: the channel tells none"]
    found = []
    for clock, name in CLOCKS.items():
        at = getattr(dates, f"{clock}_expires_at")
        source = dates.sources.get(clock)
        if at is not None:
            found.append(f"{name}: {at:%Y-%m-%d %H:%M} UTC, said by {source or 'nobody'}")
        elif source == "never":
            found.append(f"{name}: never")
    return found or ["Dates: the channel tells none"]


def _names(scopes: tuple[str, ...] | None) -> str:
    return "the channel tells none" if scopes is None else ", ".join(scopes) or "none at all"


def _account(account: NativeAccount) -> str:
    facts = [
        f"{account.native_id} {account.name}".strip(),
        f"role {account.role}" if account.role else "role not told",
        f"can publish: {account.can_publish}",
        f"status {account.native_status}" if account.native_status else "status not told",
    ]
    if account.restriction or account.restriction is None:
        facts.append(f"restricted: {account.restriction or 'not told here'}")
    facts += ["closed"] if account.closed and account.restriction != "closed" else []
    return ", ".join(facts)


def _excerpt(evidence: Mapping[str, Any]) -> list[str]:
    """Return what was answered, scrubbed and short."""
    if not evidence:
        return []
    text = json.dumps(scrub.data(dict(evidence), depth=8), ensure_ascii=False, default=str)
    return [f"Answer: {text if len(text) <= EXCERPT else text[: EXCERPT - 1] + '…'}"]


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, scrub.HIDDEN)
    return text
