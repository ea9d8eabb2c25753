"""A live server that the stand-in channels push to, by real HTTP."""

import ast
import json
import time
from typing import Any

import pytest
import redis
from pytest_django.live_server_helper import LiveServer

from accounts.pushes import tasks
from tests.support import native
from tests.support.sandbox import Sandbox

TASKS = {one.name: one for one in (tasks.check_token, tasks.read_account, tasks.delete_requested)}


@pytest.fixture
def world(channels_world: Sandbox, live_server: LiveServer, settings: Any) -> Sandbox:
    """The stand-in channels, with our apps set up there and here; BASE_URL is the live server's."""
    settings.BASE_URL = live_server.url
    native.set_up_apps(channels_world)
    return channels_world


class Queue:
    """What workers were asked to do. The broker is real; the test is the worker."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client

    def asked(self) -> list[tuple[str, list[Any]]]:
        """Tasks of pushes that wait, oldest first."""
        headers = [json.loads(item)["headers"] for item in reversed(self.client.lrange("pushes", 0, -1))]
        calls = [(one["task"], list(ast.literal_eval(one["argsrepr"]))) for one in headers]
        return [(name, args) for name, args in calls if name in TASKS]

    def wait_until_asked(self, seconds: float = 60) -> list[str]:
        """Wait for the first task and return the names of what waits."""
        end = time.monotonic() + seconds
        while not self.asked() and time.monotonic() < end:
            time.sleep(0.02)
        return [name for name, _ in self.asked()]

    def work(self) -> None:
        """Do what was asked."""
        asked = self.asked()
        self.client.delete("pushes")
        for name, args in asked:
            TASKS[name](*args)


@pytest.fixture
def queue(valkey: redis.Redis) -> Queue:
    return Queue(valkey)
