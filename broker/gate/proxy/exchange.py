"""One request of a job, from its decision to the last byte of its answer."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable, MutableMapping
from contextlib import aclosing
from typing import Any

import httpcore2
from django.utils import timezone

from broker.api import limits
from broker.gate import owners
from broker.gate.decisions import Asked, Refusal, Sending, decide
from broker.gate.proxy import answers, heads, reach, uploads
from broker.gate.proxy.answers import Inflating, Rewriting
from broker.gate.proxy.bodies import KEPT, OF_ANYBODY, RequestBody
from broker.gate.proxy.reach import Reach
from broker.gate.proxy.records import OnceAMinute, write_request
from broker.gate.proxy.refusals import AGAIN_AFTER, Refused
from broker.gate.proxy.verdicts import Judged, judge, most_read
from broker.gate.threads import in_thread
from broker.reports import services as reports
from broker.reports.services import WRITES, ReportAnswer
from tokens.channels import gate, parameters, registry
from tokens.channels.addresses import configured
from tokens.channels.gate import NO_CONNECTION, UNSENT
from tokens.channels.kinds import Answer, Verdict
from tokens.channels.streams import NoAnswer, NoRoom, chunks

logger = logging.getLogger(__name__)

REPEATS = 2  # so often a request is sent again at most
BODILESS = frozenset({204, 205, 304})
WAITS, WAIT = 15, 0.2  # so often, and seconds, where all who may ask a channel about a log-in do so
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Exchange:
    """A request and its answer. What is told of it afterwards: `status`, `attempts`, `sending` (the last; None: it was refused at once)."""

    def __init__(
        self, asked: Asked, body: RequestBody, *, ours: str, send: Send, channels: Reach, once: OnceAMinute
    ) -> None:
        self.asked, self.body = asked, body
        self._channels, self._once = channels, once
        self.status, self.attempts = 0, 0
        self._counted: set[Hashable] = set()
        self.sending: Sending | None = None
        self.ours = ours  # what addresses of this gate begin with: "https://adtoken.example/proxy"
        self._send = send
        self._began_as: int | None = None
        self._rewriting = Rewriting([])

    async def read(self, key_id: int) -> None:
        """Read the body, as far as it is kept: less where no key is known yet (0). Raises Gone, Refused."""
        if key_id:
            self._count(key_id)
        await self.body.read(key_id, KEPT if key_id else OF_ANYBODY)
        self.asked.body = self.body.whole

    def _count(self, caller: Hashable) -> None:
        """Count it as a call of this key or team, once. Raises Refused where that is one too many."""
        share = None if caller in self._counted else limits.count_call(caller)
        self._counted.add(caller)
        if share is not None and share.left < 0:
            raise Refused(429, "gate_too_often", share.seconds)

    async def run(self) -> None:
        """Answer. Raises NoAnswer where the channel breaks off in the middle, and Gone."""
        again = True
        while again:
            decided = await decide(self.asked, now=timezone.now())
            if isinstance(decided, Refusal):
                await self.refuse(decided)
                return
            self._count(decided.credential.key_id)
            self._count(("team", decided.row.team_id))
            self._take(decided)
            again = await self._attempt(decided)

    def _take(self, sending: Sending) -> None:
        self.sending, self._rewriting = sending, self._changes(sending)
        self.attempts += 1
        if self._began_as is None:
            self._began_as = sending.row.token_id

    async def _attempt(self, sending: Sending) -> bool:
        """Send it once, and give the answer. Return whether it is to be sent again instead."""
        method, seconds = self.asked.method, reach.patience(self.asked.method, sending)
        begun = await self._names_of_upload(sending) if sending.upload else frozenset()
        await reach.ask(sending, seconds)
        try:
            await write_request(self._once, self.asked, sending, timezone.now())
            async with self._channels.send(
                sending, method, self._headers(sending), self._content(sending)
            ) as answer:
                return await self._answered(sending, answer, begun)
        except NoAnswer as error:
            if self.status:
                raise
            await reach.note(sending, Answer("api", 0, body=str(error)), seconds)
            raise _no_answer(str(error)) from error
        except (Exception, asyncio.CancelledError) as error:  # it says nothing of the channel
            await reach.leave(sending)
            if isinstance(error, NoRoom):
                raise Refused(503, "gate_full", AGAIN_AFTER) from error
            raise

    def _headers(self, sending: Sending) -> dict[str, str]:
        headers = {**sending.headers, "accept-encoding": "identity"}
        if self.body.whole is None:
            return headers | (
                {"content-length": str(self.body.length)} if self.body.length is not None else {}
            )
        length = len(sending.body or b"")
        named = length or self.body.length is not None or self.asked.method in WRITES
        return headers | ({"content-length": str(length)} if named else {})

    def _content(self, sending: Sending) -> bytes | AsyncIterator[bytes] | None:
        if self.body.whole is not None:
            return sending.body or None
        return _looked_through(self.body.stream(), sending.form) if sending.form else self.body.stream()

    # ---- the answer

    async def _answered(
        self,
        sending: Sending,
        answer: httpcore2.Response,
        begun: frozenset[str],
    ) -> bool:
        """Look at an answer and give it. Return whether the request is to be sent again instead."""
        seconds = reach.patience(self.asked.method, sending)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
        bare = self.asked.method == "HEAD" or answer.status in BODILESS
        if bare or not answers.is_textual(headers):
            await reach.note(sending, Answer("api", answer.status, headers, ""), seconds)
            await self._stream(answer, None)
            return False
        answers.check_readable(answer.status, headers)
        inflating = Inflating(headers)
        plain = _inflated(answer, inflating) if inflating.is_needed else chunks(answer)
        async with aclosing(plain) as pieces:
            text, whole = await _read(pieces, most_read(sending, answer.status), seconds)
            judged = judge(sending, answer.status, headers, text if whole else None)
            await reach.note(sending, judged.answer, seconds, is_good=judged.said.verdict == Verdict.OK)
            if judged.is_reported and await self._goes_on(sending, judged, begun):
                return True
            if self.status:
                return False  # refused meanwhile
            if judged.said.verdict == Verdict.OK:
                await self._went_well(sending, judged, begun, text)
            if whole:
                await self._give(answer, self._rewriting.whole(text))
            else:
                await self._stream(answer, self._rewriting, text, pieces)
        return False

    async def _goes_on(self, sending: Sending, judged: Judged, begun: frozenset[str]) -> bool:
        """Report what the channel refused. Return whether the request is sent again as somebody else.

        Where nobody is left it is refused here: the job hears who can help, in place of words about a token that it never held.
        """
        try:
            found = await _reported(self.asked, sending, judged.answer)
        except Exception:  # the channel's answer is better than none
            logger.exception("What %s answered through the gate could not be reported", self.asked.channel)
            return False
        if found.action == "hold":
            decided = await decide(self.asked, now=timezone.now())
            if isinstance(decided, Refusal):
                await self.refuse(decided)
            return False
        if found.action == "retry_later" and judged.said.verdict == Verdict.TOKEN_DEAD and not begun:
            raise Refused(503, "gate_unsure", found.retry_after or AGAIN_AFTER)
        harmless = sending.repeatable or judged.before_effect
        kept = self.body.whole is not None and not begun
        return found.action == "retry_with" and harmless and kept and self.attempts <= REPEATS

    async def _went_well(self, sending: Sending, judged: Judged, begun: frozenset[str], text: bytes) -> None:
        """Keep what a good answer tells. Whatever fails here, the job hears it: with our own error in its place it would write again."""
        try:
            await self._keep(sending, judged, begun, text)
        except Exception:
            logger.exception("What %s did through the gate could not be kept", self.asked.channel)

    async def _keep(self, sending: Sending, judged: Judged, begun: frozenset[str], text: bytes) -> None:
        row = sending.row
        if not sending.repeatable and registry.get(row.channel).paths.made:
            await in_thread(owners.note_made, row, judged.answer.body)
        if sending.upload:
            names = begun | uploads.names_in(text)
            await in_thread(uploads.keep, row.account_id, names, row.token_id or 0)
        elif not sending.repeatable and self.asked.method in WRITES:
            key = ("written", row.token_id, row.account_id)
            await self._once.do(key, timezone.now(), lambda: _report(self.asked, sending, judged.answer))

    # ---- uploads

    async def _names_of_upload(self, sending: Sending) -> frozenset[str]:
        """Return what names the upload that this is a part of. Raises Refused where another log-in began it."""
        query, path = self.asked.query.encode(), self.asked.path.encode()
        names = uploads.names_in(path + b"/", b"?" + query, self.body.beginning)
        row = sending.row
        if await in_thread(uploads.begun_by, row.account_id, names) - {row.token_id}:
            raise Refused(400, "gate_upload_over")
        return names

    # ---- what is given

    def _changes(self, sending: Sending) -> Rewriting:
        ours = tuple(
            (configured(setting), f"{self.ours}/{self.asked.channel}{'-' if name else ''}{name}")
            # Hosts may share one address, as those of a stand-in do: the one that was asked counts.
            for name, setting in sorted(
                registry.get(self.asked.channel).paths.hosts.items(),
                key=lambda one: one[0] == self.asked.host,
            )
        )
        secrets = answers.secret_pairs(sending.secrets, sending.text)
        return Rewriting([*secrets, *answers.address_pairs(ours)])

    async def _give(self, answer: httpcore2.Response, body: bytes) -> None:
        await self._start(answer, length=len(body))
        await self._send({"type": "http.response.body", "body": body})

    async def _stream(
        self,
        answer: httpcore2.Response,
        rewriting: Rewriting | None,
        begun: bytes = b"",
        rest: AsyncGenerator[bytes] | None = None,
    ) -> None:
        """Pass an answer on as it comes, changed by `rewriting`. `begun`: what was read of it, before `rest`."""
        await self._start(answer, length=None, as_it_is=rewriting is None)
        send, change = self._send, rewriting.piece if rewriting else None
        if begun and change:
            await send({"type": "http.response.body", "body": change(begun), "more_body": True})
        async with aclosing(rest or chunks(answer)) as pieces:
            async for piece in pieces:
                body = change(piece) if change else piece
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": rewriting.end() if rewriting else b""})

    async def _start(self, answer: httpcore2.Response, *, length: int | None, as_it_is: bool = False) -> None:
        found = [(name, self._rewriting.whole(value)) for name, value in heads.for_job(answer.headers)]
        if not as_it_is:
            found = [
                (name, value) for name, value in found if name not in (b"content-length", b"content-encoding")
            ]
        if length is not None:
            found.append((b"content-length", str(length).encode()))
        await self._begin(answer.status, found)

    async def refuse(self, refused: Refusal) -> None:
        """Answer in our own words, of the channel's shape."""
        headers = {
            "content-type": "application/json",
            **refused.headers,
            "content-length": str(len(refused.body)),
        }
        await self._begin(
            refused.status, [(n.encode(), v.encode("latin-1", "replace")) for n, v in headers.items()]
        )
        await self._send({"type": "http.response.body", "body": refused.body})

    async def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        now = self.sending.row.token_id if self.sending else self._began_as
        headers.append((b"adtoken-attempts", str(self.attempts).encode()))
        headers.append((b"adtoken-person-changed", b"true" if now != self._began_as else b"false"))
        headers.extend(heads.HARMLESS)
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


async def _reported(asked: Asked, sending: Sending, answer: Answer) -> ReportAnswer:
    """Take an answer as a report. Where many ask the channel already, what they find is waited for: mostly they ask the same."""
    for _ in range(WAITS):
        found = await in_thread(_report, asked, sending, answer)
        if found.action != "retry_later" or found.retry_after != gate.ROOM_AFTER:
            break
        await asyncio.sleep(WAIT)
    return found


def _report(asked: Asked, sending: Sending, answer: Answer) -> ReportAnswer:
    """Take an answer as the report of whoever sent this request. Runs in a thread."""
    purpose, now = sending.credential.purpose, timezone.now()
    return reports.take_from_gate(sending.caller, sending.row, purpose, answer, now=now, method=asked.method)


async def _looked_through(pieces: AsyncIterator[bytes], form: parameters.FilesForm) -> AsyncGenerator[bytes]:
    """Give what may pass of a form, one piece behind: without its last piece the channel does nothing."""
    before = b""
    try:
        async for piece in pieces:
            form.piece(piece)
            yield before
            before = piece
        form.end()
    except parameters.Refused as error:
        raise Refused(error.status, "gate_form") from error
    yield before


async def _inflated(answer: httpcore2.Response, inflating: Inflating) -> AsyncGenerator[bytes]:
    async with aclosing(chunks(answer)) as pieces:
        async for chunk in pieces:
            for piece in inflating.pieces(chunk):
                yield piece


async def _read(pieces: AsyncIterator[bytes], most: int, seconds: float) -> tuple[bytes, bool]:
    """Return the beginning of an answer, and whether that is all of it. Raises NoAnswer where it drips."""
    found = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in pieces:
                found += piece
                if len(found) > most:
                    return bytes(found), False
    except TimeoutError as error:
        raise NoAnswer("no answer in time") from error
    return bytes(found), True


def _no_answer(why: str) -> Refused:
    if why.startswith(NO_CONNECTION):
        return Refused(503, "gate_no_connection", AGAIN_AFTER)
    if why.startswith(UNSENT):
        return Refused(400, "gate_unsendable")
    return Refused(504 if "in time" in why else 502, "gate_no_answer")
