"""Five minutes with a real channel: what was asked, what it answered, and what that proves. For `manage.py check_channel`.

Links nothing and writes nothing. No secret is in what it returns: the texts are scrubbed, and the credentials that were used are cut out
of them by value too.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from django.conf import settings
from django.utils import timezone

from tokens import scrub
from tokens.channels import versions, words
from tokens.channels.base import Channel
from tokens.channels.kinds import (
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Dates,
    Identity,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.models import ChannelApp

SHOWN = 10  # ad accounts
EXCERPT = 600  # characters of an answer that is not OK
CLOCKS = {
    "access": "Access ends",
    "refresh": "Renewal ends",
    "data_access": "Data access ends",
}
Step = Literal["app", "identity", "inspect", "list", "account"]


@dataclass(frozen=True)
class StepLine:
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
    _who: Identity | None = field(default=None, init=False)
    _accounts: tuple[NativeAccount, ...] = field(default=(), init=False)

    def steps(self) -> Iterable[Callable[[], StepLine]]:
        """Return the questions in their order."""
        yield self.settings_and_app
        yield self.app_keys
        if self.credentials is not None:
            yield self.identity
            yield self.inspect
            yield self.list_accounts
            yield self.read_account

    def settings_and_app(self) -> StepLine:
        """Say with which addresses, version and app the channel is asked."""
        prefix = f"{self.channel.key.upper()}_"
        # X_FRAME_OPTIONS is Django's own.
        names = sorted(
            name for name in dir(settings) if name.startswith(prefix) and name.endswith(("_URL", "VERSION"))
        )
        seen = [f"{name} = {getattr(settings, name)}" for name in names]
        seen += [
            f"Version {versions.summary(self.channel, timezone.localdate())}",
            f"App {self.app.label or 'without a label'}, client ID {self.app.client_id}, {self.app.get_state_display().lower()}",
            f"Redirect address to be registered: {self.app.redirect_uri}",
            f"Permissions asked for: {self._permissions()}",
        ]
        return StepLine("Settings and app", seen=self._clean(seen))

    def _permissions(self) -> str:
        if not self.channel.scopes:
            return "none by name; the app has them at the channel"
        return ", ".join(self.keys.scopes) or "the usual ones"

    def app_keys(self) -> StepLine:
        """Ask what nothing but the app's keys answers."""
        asked = "Does the channel take our app's keys?"
        classification = self.channel.verify_app_keys(self.keys)
        if classification is None:
            return StepLine(asked, seen=("The channel has no question that only the app's keys answer.",))
        taken = ["It does."] if classification.verdict == Verdict.OK else []
        return self._line(
            "app",
            asked,
            replace(classification, row="") if taken else classification,
            [*taken, *self._note(classification)],
        )

    def identity(self) -> StepLine:
        """Ask whose token it is."""
        try:
            who = self._whose()
        except ChannelError as error:
            return self._failed("identity", "Whose log-in is it?", error)
        seen = [f"{who.name or 'no name'}, id {who.native_user_id}"]
        return self._line("identity", "Whose log-in is it?", Classification(Verdict.OK), seen)

    def inspect(self) -> StepLine:
        """Ask about the token: dates and permissions."""
        found = self.channel.inspect(self.keys, self._person())
        seen = self._note(found.classification)
        if found.classification.verdict == Verdict.OK:
            seen += [*_dates(found.dates), f"Permissions: {_permissions(found.scopes)}"]
            self.scopes = found.scopes if found.scopes is not None else self.scopes
        else:
            seen += _excerpt(found.evidence)
        return self._line("inspect", "How does the log-in stand?", found.classification, seen)

    def list_accounts(self) -> StepLine:
        """List the ad accounts."""
        asked = "Which ad accounts does it reach?"
        try:
            listed = self.channel.list_accounts(self.keys, self._person(), self._whose(), self.scopes)
        except ChannelError as error:
            return self._failed("list", asked, error)
        self._accounts = listed.accounts
        whole = "" if listed.complete else ", and the list is not complete"
        seen = [f"{len(listed.accounts)} ad accounts{whole}"]
        seen += [_ad_account(account) for account in listed.accounts[:SHOWN]]
        return self._line("list", asked, Classification(Verdict.OK), seen)

    def read_account(self) -> StepLine:
        """Read one ad account: the one that was named, else the first that can publish."""
        native_id = self.native_id or self._first()
        if not native_id:
            return StepLine(
                "Can one ad account be read?",
                seen=("Nothing to read: the list is empty. Name one with --account.",),
            )
        asked = f"Can ad account {native_id} be read?"
        facts = next((one.facts for one in self._accounts if one.native_id == native_id), None)
        found = self.channel.read_account(
            self.keys, self._person(), native_id, scopes=self.scopes, facts=facts
        )
        seen = self._note(found.classification)
        seen += [_ad_account(found.account)] if found.account else _excerpt(found.evidence)
        return self._line("account", asked, found.classification, seen)

    def _first(self) -> str:
        ready = [account for account in self._accounts if not account.closed]
        best = [account for account in ready if account.can_publish == "yes"] or ready
        return best[0].native_id if best else ""

    def _person(self) -> Credentials:
        assert self.credentials is not None  # steps() asks nothing of a person without them
        return self.credentials

    def _whose(self) -> Identity:
        """Return whose log-in it is, asked once. Raises ChannelError."""
        if self._who is None:
            self._who = self.channel.identity(self.keys, self._person())
        return self._who

    def _failed(self, step: Step, asked: str, error: ChannelError) -> StepLine:
        return self._line(
            step,
            asked,
            error.classification,
            [*self._note(error.classification), *_excerpt(error.evidence)],
        )

    def _line(self, step: Step, asked: str, classification: Classification, seen: Iterable[str]) -> StepLine:
        return StepLine(
            asked,
            classification.verdict.value,
            classification.row,
            self._clean(seen),
            _proves(self.channel.key, step),
        )

    def _note(self, classification: Classification) -> list[str]:
        said = [f"The channel says: {classification.note}"] if classification.note else []
        if classification.reason is not None and classification.verdict != Verdict.OK:
            said.append(f"Reason: {classification.reason.value}")
        if classification.unknown:
            said.append("No row of the table knows this answer: keep it for whoever extends the table.")
        if classification.verdict == Verdict.APP_FAULT:
            said += self.channel.steps(Reason.APP_FAULT)
        return said

    def _clean(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return the texts without secrets: by their look, and the ones in use by value."""
        used = [*self.keys.secrets, *(self.credentials.as_dict().values() if self.credentials else ())]
        return tuple(scrub.used(scrub.text(text), used) for text in texts)


def _proves(channel: str, step: Step) -> tuple[str, ...]:
    """Return what a good answer at this step proves of what we only know from documents, then what is to be compared with it."""
    compare = words.listed(channel, f"compare_{step}")
    return (
        f"Proves, if ok: {words.said(channel, f'proves_{step}')}",
        *[f"Compare: {point}" for point in compare],
    )


def _dates(said: Dates | None) -> list[str]:
    """Return a line for each clock, with who said it."""
    found = []
    for clock, name in CLOCKS.items():
        at: datetime | None = getattr(said, f"{clock}_expires_at", None)
        source = said.sources.get(clock) if said else None
        if at is not None:
            found.append(f"{name}: {at:%Y-%m-%d %H:%M} UTC, said by {source or 'nobody'}")
        elif source == "never":
            found.append(f"{name}: never")
    return found or ["Dates: the channel tells none"]


def _permissions(scopes: tuple[str, ...] | None) -> str:
    return "the channel tells none" if scopes is None else ", ".join(scopes) or "none at all"


def _ad_account(account: NativeAccount) -> str:
    """Return an ad account in one line."""
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
