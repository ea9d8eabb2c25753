"""The breaker, the brake and the shares: when a channel is asked, and what is answered where it is not."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import time_machine
from django.conf import settings

from devtools.embedded.processes import free_port
from tokens.channels import brake, gate, http, shared
from tokens.channels.addresses import configured
from tokens.channels.facebook.channel import CHANNEL as FACEBOOK
from tokens.channels.kinds import Answer, AppKeys, Credentials, Verdict
from tokens.channels.linkedin.channel import CHANNEL as LINKEDIN
from tokens.channels.tiktok.channel import CHANNEL as TIKTOK
from tokens.channels.x.channel import CHANNEL as X

APP = "facebook:1"
KEYS = AppKeys("1", ("secret",), "https://x.test/", ())
OTHER = AppKeys("2", ("secret",), "https://x.test/", ())
NOBODY = Credentials("token")


def fail(times: int, *, waited: float = 10) -> None:
    for _ in range(times):
        brake.failed(APP, waited=waited)


def new_process() -> None:
    """Forget what this process knows by itself: what it knows then, it has from the others."""
    brake.forget()
    shared.forget()


def test_it_opens_after_failures_in_a_row_for_all_processes_and_an_answer_between_begins_anew() -> None:
    fail(brake.TRIPS_AFTER - 1)
    brake.answered(APP)
    fail(brake.TRIPS_AFTER - 1)
    before = brake.read(APP)

    fail(1)
    new_process()

    assert (before.state, before.failures) == ("closed", brake.TRIPS_AFTER - 1)
    assert brake.read(APP).state == "open"
    assert 0 < brake.refuses(APP, patience=5) <= brake.OPEN_FOR
    assert brake.refuses("facebook:2", patience=5) == 0  # another app of the channel


def test_one_call_tries_and_its_answer_closes_while_its_failure_opens_for_longer() -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        fail(brake.TRIPS_AFTER)
        clock.shift(brake.OPEN_FOR + 1)
        first, second = brake.refuses(APP, patience=5), brake.refuses(APP, patience=5)
        fail(1)
        again = brake.read(APP)
        clock.shift(2 * brake.OPEN_FOR + 1)
        third = brake.refuses(APP, patience=5)
        fail(1)
        longest = brake.read(APP).seconds
        brake.answered(APP)
        new_process()

    assert first == third == 0
    assert second > 0
    assert (again.state, again.trips) == ("open", 2)
    assert again.seconds > brake.OPEN_FOR
    assert longest <= 30, "so long at most a channel that is well again stays dark for its jobs"
    assert brake.read(APP) == brake.BrakeReading("closed")


def test_whoever_waits_leaves_the_one_try_to_a_worker_unless_none_comes() -> None:
    with time_machine.travel(time.time(), tick=False) as clock:
        fail(brake.TRIPS_AFTER)
        waits = [brake.would_refuse(APP)]
        for seconds in (brake.OPEN_FOR + 1, brake.LEFT_TO_WORKERS):
            clock.shift(seconds)
            brake.forget()
            waits.append(brake.would_refuse(APP))

    assert 0 < waits[0] <= brake.OPEN_FOR
    assert waits[1:] == [brake.AGAIN_AFTER, 0]


def test_a_pause_that_a_host_whose_clock_is_ahead_began_stops_no_other_host() -> None:
    with time_machine.travel(time.time() + 3_600, tick=False):
        fail(brake.TRIPS_AFTER)
        there = brake.read(APP).state
    new_process()

    here = brake.read(APP)

    assert there == "open"
    assert (here.state, here.seconds) == ("half-open", 0)


def test_who_waited_for_a_moment_only_proves_nothing_and_calls_on_their_way_do_not_lengthen_the_pause() -> (
    None
):
    fail(20, waited=0.5)
    impatient = brake.read(APP)
    fail(20)

    assert impatient == brake.BrakeReading("closed")
    assert brake.read(APP).trips == 1


def test_without_valkey_each_process_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError(name)

    monkeypatch.setattr(shared, "_calls", Away)

    fail(brake.TRIPS_AFTER)
    brake.pause("x:1", 60)

    assert brake.read(APP).state == "open"
    assert brake.read("x:1").pause > 50
    assert shared.take("one", 5)
    assert not shared.take("one", 5)
    assert [shared.count("number", 60) for _ in range(3)] == [1, 2, 3]
    shared.drop(["number"])
    assert shared.read(["number"]) == {}


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Facebook's address, where nobody listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "FACEBOOK_GRAPH_URL", f"http://127.0.0.1:{free_port()}")
        yield


def test_a_dark_channel_is_asked_five_times_and_a_question_not_asked_is_passing_trouble(
    dark: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    send = http._request

    def counted(*args: Any, **more: Any) -> Answer:
        sent.append(args[2])
        return send(*args, **more)

    monkeypatch.setattr(http, "_request", counted)

    found = [FACEBOOK.inspect(KEYS, NOBODY) for _ in range(12)]

    assert len(sent) == brake.TRIPS_AFTER
    assert {one.classification.verdict for one in found} == {Verdict.TRANSIENT}
    assert not any(one.classification.unknown for one in found)
    assert gate.closed_for("facebook", "1") > 0
    assert gate.closed_for("facebook", "2") == 0
    assert str(found[-1].evidence["body"]).startswith(gate.NOT_ASKED)


def test_a_connection_that_is_refused_at_once_counts_however_little_patience_the_call_had(dark: None) -> None:
    for _ in range(brake.TRIPS_AFTER):
        FACEBOOK.inspect(KEYS, NOBODY, timeout=0.5)

    assert brake.read(APP).state == "open"


def test_whoever_finds_no_room_or_fails_before_the_call_leaves_the_one_try_to_another(
    answering: "Callable[..., type[_Limited]]", monkeypatch: pytest.MonkeyPatch
) -> None:
    server = answering((200, {}, {"data": {"is_valid": True, "app_id": "1", "user_id": "2", "scopes": []}}))
    with time_machine.travel(time.time(), tick=False) as clock:
        fail(brake.TRIPS_AFTER)
        clock.shift(brake.OPEN_FOR + 1)
        brake.forget()
        gate.limit_shares(2)
        full = threading.Thread(target=_holding(gate.share("x"), lambda: FACEBOOK.inspect(KEYS, NOBODY)))
        full.start()
        full.join(60)
        with monkeypatch.context() as patch:
            patch.setattr(http, "_client", lambda: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                FACEBOOK.inspect(KEYS, NOBODY)
        with gate.asking(FACEBOOK, KEYS):
            unsent = http.request("introspect", "GET", "http://a:b")
        still = brake.read(APP).state

        found = FACEBOOK.inspect(KEYS, NOBODY)

    assert str(unsent.body).startswith(gate.UNSENT)
    assert still == "half-open"
    assert (found.classification.verdict, server.asked) == (Verdict.OK, 1)
    assert brake.read(APP).state == "closed"


class _Limited(BaseHTTPRequestHandler):
    answers: list[tuple[int, dict[str, str], Any]] = []
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        status, headers, body = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def answering(settings: Any) -> Iterator[Callable[..., type[_Limited]]]:
    """A server in the place of Facebook's, which gives the answers one is called with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Limited)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.FACEBOOK_GRAPH_URL = f"http://127.0.0.1:{server.server_port}"

    def give(*answers: tuple[int, dict[str, str], Any]) -> type[_Limited]:
        _Limited.answers, _Limited.asked = list(answers), 0
        return _Limited

    yield give
    server.shutdown()
    server.server_close()


def test_a_limit_of_the_app_holds_for_all_its_tokens_and_not_for_another_app_nor_for_renewals(
    answering: Callable[..., type[_Limited]],
) -> None:
    server = answering((400, {}, {"error": {"code": 4, "message": "Application request limit reached"}}))

    found = [FACEBOOK.inspect(KEYS, Credentials(f"token {number}")) for number in range(3)]
    asked_for_three = server.asked
    other = FACEBOOK.inspect(OTHER, NOBODY)
    with gate.asking(FACEBOOK, KEYS):
        renewal = http.request("refresh", "GET", f"{configured('FACEBOOK_GRAPH_URL')}/oauth")

    assert {one.classification.verdict for one in (*found, other)} == {Verdict.RATE_LIMITED}
    assert asked_for_three == 1
    assert server.asked == 3
    assert renewal.status == 400
    new_process()
    assert 50 < brake.read("facebook:1").pause <= 60


@pytest.mark.parametrize(
    ("channel", "answer", "pause"),
    [
        (FACEBOOK, Answer("api", 400, {}, {"error": {"code": 17, "message": "User request limit reached"}}), 0),
        (FACEBOOK, Answer("api", 400, {}, {"error": {"code": 80004, "message": "too many calls to this ad-account"}}), 0),
        (FACEBOOK, Answer("api", 429), brake.UNTOLD),
        (LINKEDIN, Answer("api", 429, {"retry-after": "7"}, {"status": 429, "message": "throttle MEMBER DAY limit"}), 0),
        (LINKEDIN, Answer("api", 429, {"retry-after": "7"}, {"status": 429, "message": "APPLICATION DAY limit"}), 7),
        (X, Answer("api", 429, {"x-rate-limit-reset": "1", "x-rate-limit-remaining": "0"}, {"errors": [{"code": 88}]}), 0),
        (X, Answer("api", 429, {"retry-after": "30"}, {"errors": [{"code": 88}]}), 30),
        (TIKTOK, Answer("api", 200, {}, {"code": 40100, "message": "Due to too many requests, requests from App are restricted."}), 300),
        (TIKTOK, Answer("api", 200, {}, {"code": 0, "data": {}}), 0),
    ],
)  # fmt: skip
def test_whose_limit_it_is_decides_who_waits(channel: Any, answer: Answer, pause: int) -> None:
    assert channel.pause_of(answer) == pause


def test_what_facebook_announces_slows_checks_down_before_the_limit_is_reached(
    answering: Callable[..., type[_Limited]],
) -> None:
    good = {"data": {"is_valid": True, "app_id": "1", "user_id": "2", "scopes": []}}
    answering(
        (200, {"X-App-Usage": '{"call_count":28,"total_time":85,"total_cputime":25}'}, good),
        (200, {"X-App-Usage": '{"call_count":10,"total_time":20,"total_cputime":25}'}, good),
    )

    FACEBOOK.inspect(KEYS, NOBODY)
    slowed = brake.begin_checks(APP, 32, budget=None)
    brake.forget()
    FACEBOOK.inspect(KEYS, NOBODY)

    assert slowed == 6
    assert brake.begin_checks(APP, 32, budget=None) == 32


def test_from_80_percent_of_a_days_budget_on_all_processes_together_share_what_is_left_of_it() -> None:
    noon = 1_800_000_000 // brake.DAY * brake.DAY + brake.DAY // 2
    begun = []
    with time_machine.travel(noon, tick=False) as clock:
        for calls in (79_999, 80_000, 100_000):
            shared.write(brake._key(APP, "calls"), calls, 60)
            began = 0
            for _process in range(3):
                new_process()
                began += brake.begin_checks(APP, 32, budget=100_000)
            begun.append(began)
            clock.shift(brake.SLOW_WINDOW)

    assert begun == [96, 20_000 * brake.SLOW_WINDOW // (brake.DAY // 2) // 3, 0]
    assert brake.begin_checks(APP, 32, budget=None) == 32


def test_a_small_budget_goes_on_slowly_and_does_not_stop_until_midnight() -> None:
    noon = 1_800_000_000 // brake.DAY * brake.DAY + brake.DAY // 2

    with time_machine.travel(noon, tick=False):
        shared.write(brake._key(APP, "calls"), 800, 60)
        begun = [brake.begin_checks(APP, 32, budget=1_000) for _ in range(3)]

    assert begun == [1, 0, 0]


def test_two_threads_per_channel_and_half_of_all_wait_and_whoever_comes_then_is_sent_away() -> None:
    gate.limit_shares(8)
    inside, release = threading.Barrier(4), threading.Event()

    def wait_for(channel: str) -> None:
        with gate.share(channel), gate.share(channel):  # one that holds a share goes on with it
            inside.wait(60)
            release.wait(60)

    threads = [threading.Thread(target=wait_for, args=(one,)) for one in ("facebook", "facebook", "x")]
    for thread in threads:
        thread.start()
    inside.wait(60)
    with pytest.raises(gate.NoRoom), gate.share("facebook"):
        pass
    with gate.share("facebook", person=True):  # the fourth of eight
        full = threading.Thread(target=lambda: _refused(refused, "tiktok"))
        refused: list[str] = []
        full.start()
        full.join(60)
    counted = {channel: count for channel, count in gate._shares.items() if count}
    release.set()
    for thread in threads:
        thread.join(60)

    assert refused == ["tiktok"]
    assert counted == {"facebook": 2, "x": 1}
    assert not any(gate._shares.values())
    gate.limit_shares(1)
    with gate.share("x"):  # one thread alone waits, too: else nothing would ever be asked
        pass


def _holding(share: Any, ask: Callable[[], Any]) -> Callable[[], None]:
    """Return what asks while another thread holds a share."""

    def run() -> None:
        held, done = threading.Event(), threading.Event()

        def hold() -> None:
            with share:
                held.set()
                done.wait(60)

        other = threading.Thread(target=hold)
        other.start()
        held.wait(60)
        ask()
        done.set()
        other.join(60)

    return run


def _refused(names: list[str], channel: str) -> None:
    try:
        with gate.share(channel, person=True):
            pass
    except gate.NoRoom:
        names.append(channel)


def test_a_call_without_a_share_is_not_made() -> None:
    gate.limit_shares(2)
    hold, held = threading.Event(), threading.Event()

    def wait() -> None:
        with gate.share("x"):
            held.set()
            hold.wait(60)

    thread = threading.Thread(target=wait)
    thread.start()
    held.wait(60)
    found = FACEBOOK.inspect(KEYS, NOBODY)
    hold.set()
    thread.join(60)

    assert found.classification.verdict == Verdict.TRANSIENT
    assert str(found.evidence["body"]).startswith(gate.NOT_ASKED)
    assert brake.read(APP).failures == 0
