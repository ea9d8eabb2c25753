"""The control API: faults, the log of calls, the world, and what is kept over a restart."""

import smtplib
from pathlib import Path

import httpx2
import pytest

from tests.sandbox.graph import Graph
from tests.sandbox.x_client import XClient
from tests.support.sandbox import Sandbox


@pytest.fixture
def graph(sandbox: Sandbox, http: httpx2.Client) -> Graph:
    return Graph(sandbox, http)


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


def test_everything_is_there_after_a_restart(tmp_path: Path, http: httpx2.Client) -> None:
    data = tmp_path / "sandbox.json"
    with Sandbox(data=data, redirect_bases=("http://one.example",)) as first:
        token = first.issue_token("facebook", "ada")["access_token"]
        pair = XClient(first, http).issue(first)
        first.put_user("facebook", "gita")
        first.control("POST", "tokens/next", {"channel": "facebook", "put": {"expires_at": 0}})
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
