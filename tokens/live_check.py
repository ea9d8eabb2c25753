"""Five minutes with a real channel: what was asked, what it answered, and what that proves. For `manage.py check_channel`.

Links nothing and writes nothing, but for one renewal where that is asked for, which goes through the lifecycle like every other. No secret
is in what it returns: the texts are scrubbed, and the credentials that were used are cut out of them by value too.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from tokens import live_points, live_words, probe, refreshing, scrub
from tokens.channels import versions
from tokens.channels.base import Channel
from tokens.channels.kinds import (
    AppKeys,
    ChannelError,
    Classification,
    Credentials,
    Identity,
    NativeAccount,
    Reason,
    Verdict,
)
from tokens.models import ChannelApp, Token

SHOWN = 10  # ad accounts


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
            seen += [*live_words.dates(found.dates), f"Permissions: {live_words.permissions(found.scopes)}"]
            self.scopes = found.scopes if found.scopes is not None else self.scopes
        else:
            seen += live_words.excerpt(found.evidence)
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
        seen += [live_words.ad_account(account) for account in listed.accounts[:SHOWN]]
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
        seen += (
            [live_words.ad_account(found.account)] if found.account else live_words.excerpt(found.evidence)
        )
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

    def _failed(self, step: live_points.Step, asked: str, error: ChannelError) -> StepLine:
        return self._line(
            step,
            asked,
            error.classification,
            [*self._note(error.classification), *live_words.excerpt(error.evidence)],
        )

    def _line(
        self, step: live_points.Step, asked: str, classification: Classification, seen: Iterable[str]
    ) -> StepLine:
        return StepLine(
            asked,
            classification.verdict.value,
            classification.row,
            self._clean(seen),
            live_points.proves(self.channel.key, step),
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


def renew(token: Token, *, now: datetime) -> StepLine:
    """Renew a stored token once, through the lifecycle, and say what became of it. The caller has asked whether to."""
    asked = "Does the channel renew it without a person?"
    proves = live_points.proves(token.app.channel, "renew")
    claim = probe.claim(token.pk, now)
    if not claim:
        return StepLine(asked, seen=("It is being checked right now. Try again in a minute.",), proves=proves)
    before = Token.objects.select_related("app").get(pk=token.pk)
    with refreshing.here():  # whoever runs the command waits for it, also where no refresh lane runs
        job = probe.job(before, now=now, source="staff", renew=True)
        outcome = probe.run_claimed(token.pk, claim, job)
    after = Token.objects.get(pk=token.pk)
    renewed = after.renewed_at == now
    seen = (
        "Renewed, and stored." if renewed else "Nothing new was stored by a renewal.",
        f"Before: {live_words.stored_dates(before)}",
        f"After: {live_words.stored_dates(after)}",
        f"The token is {after.get_state_display().lower()}; generation {before.generation} became {after.generation}.",
    )
    verdict = Verdict.OK if renewed else outcome.verdict
    return StepLine(asked, verdict.value, "renewed" if renewed else "", seen, proves)
