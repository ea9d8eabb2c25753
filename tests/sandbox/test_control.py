"""The control API: faults, the log of calls, the world, and what is kept over a restart."""

import base64
import smtplib
import time
from pathlib import Path

import httpx2
import pytest

from tests.sandbox.graph import LUMEN, Graph
from tests.sandbox.x_client import XClient
from tests.support.sandbox import Sandbox


@pytest.fixture
def graph(sandbox: Sandbox, http: httpx2.Client) -> Graph:
    return Graph(sandbox, http)


@pytest.fixture
def token(sandbox: Sandbox) -> str:
    return str(sandbox.issue_token("facebook", "ada")["access_token"])


def test_an_ordered_answer_comes_as_often_as_ordered(graph: Graph, sandbox: Sandbox, token: str) -> None:
    body = {"error": {"message": "too many calls", "type": "OAuthException", "code": 80004}}
    sandbox.add_fault(
        "facebook",
        path="adaccounts$",
        method="get",
        status=429,
        headers={"X-App-Usage": "{}"},
        body=body,
        count=2,
    )

    answers = [graph.call("GET", "me/adaccounts", token) for _ in range(3)]

    assert [a.status_code for a in answers] == [429, 429, 200]
    assert answers[0].json() == body
    assert answers[0].headers["x-app-usage"] == "{}"
    assert [c["fault"] is not None for c in sandbox.calls(path="adaccounts")] == [True, True, False]


def test_faults_keep_to_channel_path_and_person(graph: Graph, sandbox: Sandbox, token: str) -> None:
    ben = sandbox.issue_token("facebook", "ben")["access_token"]
    sandbox.add_fault("x", status=503)
    sandbox.add_fault("facebook", user="ben", status=503, body="<h1>Sorry</h1>")

    for_ada, for_ben = graph.call("GET", "me", token), graph.call("GET", "me", ben)

    assert for_ada.status_code == 200
    assert (for_ben.status_code, for_ben.text) == (503, "<h1>Sorry</h1>")
    assert for_ben.headers["content-type"].startswith("text/html")
    sandbox.clear_faults()
    assert graph.call("GET", "me", ben).status_code == 200


def test_a_fault_can_cut_the_connection(graph: Graph, sandbox: Sandbox, token: str) -> None:
    sandbox.add_fault("facebook", drop=True, count=1)

    with pytest.raises(httpx2.TransportError):
        graph.call("GET", "me", token)

    assert graph.call("GET", "me", token).status_code == 200
    assert [c["status"] for c in sandbox.calls(path="^/v26.0/me$")] == [None, 200]


def test_a_fault_can_send_half_of_an_answer(graph: Graph, sandbox: Sandbox, token: str) -> None:
    sandbox.add_fault("facebook", status=200, body={"data": ["x" * 1000]}, cut=True, count=1)

    with pytest.raises(httpx2.RemoteProtocolError, match=r"incomplete|without"):
        graph.call("GET", "me", token)

    assert graph.call("GET", "me", token).status_code == 200


def test_a_fault_can_send_bytes_of_any_kind_many_times_over(
    graph: Graph, sandbox: Sandbox, token: str
) -> None:
    body = "é".encode("utf-16-le")
    sandbox.add_fault(
        "facebook",
        status=200,
        base64=base64.b64encode(body).decode(),
        repeat=3,
        headers={"Content-Type": "text/plain; charset=utf-16-le"},
    )

    answer = graph.call("GET", "me", token)

    assert (answer.content, answer.text) == (body * 3, "ééé")


def test_a_fault_can_only_delay(graph: Graph, sandbox: Sandbox, token: str) -> None:
    sandbox.add_fault("facebook", delay=0.3)
    started = time.perf_counter()

    response = graph.call("GET", "me", token)

    assert response.status_code == 200
    assert time.perf_counter() - started >= 0.3


def test_the_log_names_the_person_and_hides_what_is_secret(
    graph: Graph, sandbox: Sandbox, http: httpx2.Client
) -> None:
    code = graph.code()
    token = graph.redeem(code).json()["access_token"]
    graph.call("GET", "me", token)
    x = XClient(sandbox, http)
    x.call("GET", "/12/accounts", x.issue(sandbox, "ben"))

    calls = sandbox.calls()

    text = repr(calls)
    for secret in (code, token, sandbox.FACEBOOK_SECRET, "SBXTOKEN"):
        assert secret not in text
    assert [(c["channel"], c["path"], c["native_user"]) for c in calls] == [
        ("facebook", "/v26.0/dialog/oauth", ""),
        ("facebook", "/v26.0/oauth/access_token", "ada"),
        ("facebook", "/v26.0/me", "ada"),
        ("x", "/12/accounts", "ben"),
    ]
    assert calls[2]["query"] == {"access_token": "[token]", "appsecret_proof": "[redacted]"}
    assert [c["path"] for c in sandbox.calls(channel="x", method="get", status="200")] == ["/12/accounts"]
    sandbox.clear_calls()
    assert sandbox.calls() == []


def test_people_and_accounts_can_be_added(graph: Graph, sandbox: Sandbox) -> None:
    sandbox.put_user("facebook", "gita", name="Gita Rao")
    sandbox.put_account(
        "facebook",
        "777000777000777",
        name="New Shop",
        currency="SEK",
        roles={"gita": "admin", "Ada Okafor": "reader"},
    )

    token = sandbox.issue_token("facebook", "gita")["access_token"]

    rows = graph.call("GET", "me/adaccounts", token, fields="name,currency").json()["data"]
    assert rows == [{"name": "New Shop", "currency": "SEK", "id": "act_777000777000777"}]
    assert graph.call("GET", "me", token).json()["name"] == "Gita Rao"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "users/facebook/nobody/suspend", {}, 404),
        ("POST", "users/facebook/ada/marry", {}, 404),
        ("POST", "users/facebook/ada/suspend", {"on": "yes"}, 400),
        ("POST", "users/x/ada/consent", {"scopes": []}, 400),
        ("POST", "users/myspace/ada/suspend", {}, 404),
        ("PUT", f"accounts/facebook/{LUMEN}/roles/ada", {"role": "king"}, 400),
        ("PUT", f"accounts/facebook/{LUMEN}", {"currency": 5}, 400),
        ("PUT", f"accounts/facebook/{LUMEN}", {"colour": "red"}, 400),
        ("POST", "tokens/next", {"channel": "x"}, 400),
        ("POST", "tokens/next", {"until": 5}, 400),
        ("POST", "tokens/expire_now", {"token": "none"}, 404),
        ("POST", "tokens/issue", {"channel": "facebook"}, 400),
        ("POST", "faults", {"channel": "facebook"}, 400),
        ("POST", "faults", {"channel": "facebook", "path": "(", "status": 500}, 400),
        ("POST", "faults", {"channel": "facebook", "colour": "red", "status": 500}, 400),
        ("POST", "faults", {"channel": "facebook", "base64": "no base64!", "status": 500}, 400),
    ],
)
def test_calls_that_make_no_sense_are_told_so(
    sandbox: Sandbox, http: httpx2.Client, method: str, path: str, body: dict[str, object], status: int
) -> None:
    response = http.request(method, f"{sandbox.base}/_control/{path}", json=body)

    assert response.status_code == status
    assert response.json()["error"]


def test_reset_gives_the_start_world_and_keeps_the_redirect_addresses(sandbox: Sandbox) -> None:
    sandbox.put_app("facebook", redirect_uris=["http://kept.example/"], secret="other")
    sandbox.put_user("x", "gita")
    sandbox.suspend("x", "ada")
    sandbox.issue_token("x", "ben")

    sandbox.reset()

    state = sandbox.state()
    assert state["apps"][0]["redirect_uris"] == ["http://kept.example/"]
    assert state["apps"][0]["secret"] == "facebook-sandbox-secret"
    assert [u["key"] for u in state["users"] if u["channel"] == "x"] == ["ada", "ben", "chiara", "emil"]
    assert not any(u["suspended"] for u in state["users"])
    assert state["x_tokens"] == []


def test_a_world_that_was_kept_comes_back_as_often_as_it_is_asked_for(sandbox: Sandbox) -> None:
    sandbox.issue_token("x", "ben")
    sandbox.put_app("facebook", secret="other")
    sandbox.keep()
    kept = sandbox.state()
    sandbox.issue_token("x", "ada")
    sandbox.keep("with another token")

    for _ in range(2):
        sandbox.cancel_authorisation("x", "ben")
        sandbox.issue_token("linkedin", "ada")
        sandbox.put_app("facebook", secret="another", settings={"retired_versions": ["v25.0"]})
        sandbox.add_fault("x", path="", status=500)
        sandbox.set_clock(offset=86_400)
        changed = sandbox.state()
        sandbox.put_back()

        found = sandbox.state()
        assert {**changed, "now": 0} != {**kept, "now": 0}
        assert {**found, "now": 0} == {**kept, "now": 0}
        assert found["now"] - kept["now"] < 60
        assert sandbox.control("GET", "faults") == []


def test_everything_is_there_after_a_restart(tmp_path: Path, http: httpx2.Client) -> None:
    data = tmp_path / "sandbox.json"
    with Sandbox(data=data, redirect_bases=("http://one.example",)) as first:
        token = first.issue_token("facebook", "ada")["access_token"]
        pair = XClient(first, http).issue(first)
        first.put_user("facebook", "gita")
        first.control("POST", "tokens/next", {"expires_at": 0})
        with smtplib.SMTP(first.smtp_host, first.smtp_port, timeout=10) as smtp:
            smtp.sendmail("a@example.com", ["b@example.com"], "Subject: kept\n\ntext\n")
        before, mails = first.state(), first.mails()

    with Sandbox(data=data, redirect_bases=("http://two.example",)) as second:
        after = second.state()
        assert [mail["subject"] for mail in mails] == ["kept"]
        assert second.mails() == mails

        assert Graph(second, http).call("GET", "me", token).status_code == 200
        assert XClient(second, http).call("GET", "/2/users/me", pair).status_code == 200
    assert after["apps"][0]["redirect_uris"] == [
        "http://one.example/link/facebook/callback/",
        "http://two.example/link/facebook/callback/",
    ]
    for state in (before, after):
        del state["now"], state["apps"]
    assert after == before


def test_the_process_stops_even_when_a_call_waits(http: httpx2.Client) -> None:
    sandbox = Sandbox().start()
    sandbox.add_fault("facebook", delay=60)
    with pytest.raises(httpx2.TimeoutException):
        http.get(f"{sandbox.facebook}/v26.0/me", timeout=0.2)

    assert sandbox.stop() == 0
