"""The vendors' clients at the gate: nothing but address and credential is another.

Each writes campaigns, in a batch too where it has one, reads them in pages, uploads a film, and asks for what is another account's.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.support import node

MINE = "Lumen Shoes EU"


class Client:
    """A client of a channel. `account`: the id of Lumen Shoes EU there; `other`: of an account that the credential is not for."""

    account = other = base = credential = ""
    error: type[Exception] = Exception
    pages_of = 2  # campaigns that come at a time

    def write(self, name: str) -> None:
        """Make a campaign."""
        raise NotImplementedError

    def write_all(self, names: list[str]) -> Any:
        """Make campaigns in one request."""
        raise NotImplementedError

    def upload(self, file: Path) -> Any:
        """Send a film, in as many requests as the client does."""
        raise NotImplementedError

    def names(self) -> set[str]:
        """Read the names of all campaigns, in pages of two where the client asks for pages."""
        raise NotImplementedError

    def elsewhere(self) -> Any:
        """Ask for another account."""
        raise NotImplementedError

    def close(self) -> None:
        """End what was started."""


class Facebook(Client):
    """facebook-business. Its uploader goes to a host that is written in it, so an adapter of `requests` leads it here."""

    account, other = "act_203847561029384", "act_318204957716203"

    def __init__(self, base: str, credential: str, patch: pytest.MonkeyPatch, _folder: Path) -> None:
        api = import_module("facebook_business.api")
        session = import_module("facebook_business.session").FacebookSession
        self.error = import_module("facebook_business.exceptions").FacebookRequestError
        self.account_class = import_module("facebook_business.adobjects.adaccount").AdAccount
        patch.setattr(session, "GRAPH", f"{base}/facebook")
        made = session("1", "any secret", credential)
        made.requests.mount("https://graph-video.facebook.com", _LeadsTo(f"{base}/facebook-video"))
        self.api = api.FacebookAdsApi(made)

    def write(self, name: str) -> None:
        fields = {"objective": "OUTCOME_TRAFFIC", "status": "PAUSED", "special_ad_categories": []}
        self.account_class(self.account, api=self.api).create_campaign(params={"name": name, **fields})

    def write_all(self, names: list[str]) -> Any:
        batch, done = self.api.new_batch(), list[bool]()
        for name in names:
            batch.add(
                "POST",
                (self.account, "campaigns"),
                params={"name": name, "objective": "OUTCOME_TRAFFIC"},
                success=lambda _: done.append(True),
                failure=lambda _: done.append(False),
            )
        batch.execute()
        return done

    def names(self) -> set[str]:
        account = self.account_class(self.account, api=self.api)
        return {row["name"] for row in account.get_campaigns(fields=["name"], params={"limit": 2})}

    def elsewhere(self) -> Any:
        return self.account_class(self.other, api=self.api).api_get(fields=["name"])

    def upload(self, file: Path) -> Any:
        uploader = import_module("facebook_business.video_uploader").VideoUploader()
        video = import_module("facebook_business.adobjects.advideo").AdVideo(
            parent_id=self.account, api=self.api
        )
        video["filepath"] = str(file)
        return uploader.upload(video)


class _LeadsTo(requests.adapters.HTTPAdapter):
    """Sends requests for one host to another base address."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base

    def send(self, request: requests.PreparedRequest, *rest: Any, **more: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        request.url = f"{self._base}{parts.path}?{parts.query}"
        return super().send(request, *rest, **more)


class X(Client):
    """twitter-ads, which signs with values that nobody looks at."""

    account, other = "18ce54d4x5t", "18ce55gq7fk"

    def __init__(self, base: str, credential: str, patch: pytest.MonkeyPatch, _folder: Path) -> None:
        self.error = import_module("twitter_ads.error").Error
        account = import_module("twitter_ads.account").Account
        self.campaign = import_module("twitter_ads.campaign").Campaign
        patch.setattr(import_module("twitter_ads.http").Request, "_DEFAULT_DOMAIN", f"{base}/x")
        patch.setattr(account, "RESOURCE", "/12/accounts/{id}")  # its release says version 11, which is over
        patch.setattr(self.campaign, "RESOURCE_COLLECTION", "/12/accounts/{account_id}/campaigns")
        patch.setattr(self.campaign, "BATCH_RESOURCE_COLLECTION", "/12/batch/accounts/{account_id}/campaigns")
        self.client = import_module("twitter_ads.client").Client("any", "any", credential, "any")
        self.mine = self.client.accounts(self.account)

    def write(self, name: str) -> None:
        self._new(name).save()

    def write_all(self, names: list[str]) -> Any:
        self.campaign.batch_save(self.mine, [self._new(name) for name in names])

    def _new(self, name: str) -> Any:
        made = self.campaign(self.mine)
        made.name, made.funding_instrument_id, made.entity_status = name, "f4x5t", "PAUSED"
        return made

    def names(self) -> set[str]:
        return {row.name for row in self.campaign.all(self.mine, count=2)}

    def elsewhere(self) -> Any:
        return self.client.accounts(self.other)


class Pinterest(Client):
    """Pinterest's own generated client."""

    account, other = "549755885175", "549756012348"

    def __init__(self, base: str, credential: str, _patch: pytest.MonkeyPatch, _folder: Path) -> None:
        package = "openapi_generated.pinterest_client"
        top = import_module(package)
        self.error = import_module(f"{package}.exceptions").ApiException
        api = top.ApiClient(top.Configuration(host=f"{base}/pinterest/v5", access_token=credential))
        self.campaigns = import_module(f"{package}.api.campaigns_api").CampaignsApi(api)
        self.accounts = import_module(f"{package}.api.ad_accounts_api").AdAccountsApi(api)
        self.api = api

    def write(self, name: str) -> None:
        self.write_all([name])

    def write_all(self, names: list[str]) -> Any:
        self.api.call_api(
            "/ad_accounts/{id}/campaigns", "POST", {"id": self.account}, [],
            {"Accept": "application/json", "Content-Type": "application/json"}, body=self._rows(names), auth_settings=["pinterest_oauth2"],
        )  # fmt: skip

    def _rows(self, names: list[str]) -> list[dict[str, str]]:
        row = {"ad_account_id": self.account, "objective_type": "AWARENESS", "status": "PAUSED"}
        return [{"name": name, **row} for name in names]

    def names(self) -> set[str]:
        found: set[str] = set()
        more: dict[str, str] = {}
        while True:
            page = self.campaigns.campaigns_list(self.account, page_size=2, **more)
            found |= {row["name"] for row in page["items"]}
            if not page.get("bookmark"):
                return found
            more = {"bookmark": page["bookmark"]}

    def elsewhere(self) -> Any:
        return self.accounts.ad_accounts_get(self.other)


class PinterestSdk(Pinterest):
    """A third party's, generated from a newer specification; it makes and reads campaigns as models."""

    def __init__(self, base: str, credential: str, _patch: pytest.MonkeyPatch, _folder: Path) -> None:
        top = import_module("pinterestsdk")
        self.error = top.exceptions.ApiException
        self.api = top.ApiClient(top.Configuration(host=f"{base}/pinterest/v5", access_token=credential))
        self.campaigns, self.accounts = top.CampaignsApi(self.api), top.AdAccountsApi(self.api)
        self.item = top.CampaignCreateItem

    def write_all(self, names: list[str]) -> Any:
        self.campaigns.campaigns_create(self.account, [self.item.from_dict(row) for row in self._rows(names)])

    def names(self) -> set[str]:
        found: set[str] = set()
        more: dict[str, str] = {}
        while True:
            page = self.campaigns.campaigns_list(self.account, page_size=2, **more)
            found |= {row.name for row in page.items}
            if not page.bookmark:
                return found
            more = {"bookmark": page.bookmark}


class TikTok(Client):
    """TikTok's own client, which sends the token as a header, given at each call."""

    account, other = "7002238017842757633", "7014406592318734338"

    def __init__(self, base: str, credential: str, _patch: pytest.MonkeyPatch, _folder: Path) -> None:
        self.sdk = import_module("business_api_client")
        self.error = import_module("business_api_client.tiktok_business.tiktok_exceptions").TiktokSDKError
        configuration = self.sdk.Configuration()
        configuration.host = f"{base}/tiktok"
        self.api, self.credential = self.sdk.ApiClient(configuration), credential

    def write(self, name: str) -> None:
        body = self.sdk.CampaignCreateBody(
            advertiser_id=self.account, campaign_name=name, objective_type="TRAFFIC", request_id="1"
        )
        self.sdk.CampaignCreationApi(self.api).campaign_create(self.credential, body=body)

    def names(self) -> set[str]:
        found: set[str] = set()
        for number in range(1, 100):
            page = self.sdk.CampaignCreationApi(self.api).campaign_get(
                self.account, self.credential, page=number, page_size=2
            )["data"]
            found |= {row["campaign_name"] for row in page["list"]}
            if number >= page["page_info"]["total_page"]:
                break
        return found

    def upload(self, file: Path) -> Any:
        signature = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        how = {"upload_type": "UPLOAD_BY_FILE", "video_file": str(file), "video_signature": signature}
        self.sdk.FileApi(self.api).ad_video_upload(self.credential, advertiser_id=self.account, **how)

    def elsewhere(self) -> Any:
        return self.sdk.CampaignCreationApi(self.api).campaign_get(self.other, self.credential)


class Snapchat(Client):
    """A third party's, as Snapchat has none."""

    pages_of = 50  # Snapchat gives no shorter ones
    account, other = "e4cd371b-8de8-4011-a8d2-860fe77c09e1", "5f0d7c0b-2f3e-4a8b-8c57-3f6a1d9be702"

    def __init__(self, base: str, credential: str, patch: pytest.MonkeyPatch, folder: Path) -> None:
        self.client = import_module("server")
        self.error = import_module("httpx").HTTPStatusError
        patch.setattr(self.client, "API_BASE", f"{base}/snapchat/v1")
        patch.setattr(self.client, "CONFIG_FILE", str(folder / "config.json"))
        self.client._request_times.clear()
        self.client.save_config({"access_token": credential, "expires_at": time.time() + 86_400})

    def write(self, name: str) -> None:
        self.write_all([name])

    def write_all(self, names: list[str]) -> Any:
        rows = [{"name": name, "status": "PAUSED", "ad_account_id": self.account} for name in names]
        self._ask(f"adaccounts/{self.account}/campaigns", method="POST", json={"campaigns": rows})

    def names(self) -> set[str]:
        rows = self._run(
            self.client.snap_request_all(f"adaccounts/{self.account}/campaigns?limit=50", "campaigns")
        )
        return {row["campaign"]["name"] for row in rows}

    def elsewhere(self) -> Any:
        return self._ask(f"adaccounts/{self.other}")

    def _ask(self, path: str, **how: Any) -> Any:
        return self._run(self.client.snap_request(path, **how))

    def _run(self, call: Any) -> Any:
        self.client._request_times.clear()  # it would wait after 30 calls in a minute
        return asyncio.run(call)


class LinkedIn(Client):
    """LinkedIn's own, which raises nothing: what is refused here is raised as the client would be asked for it."""

    account, other = "508720451", "509314782"
    error = RuntimeError

    def __init__(self, base: str, credential: str, patch: pytest.MonkeyPatch, _folder: Path) -> None:
        constants = import_module("linkedin_api.common.constants")
        patch.setattr(constants, "VERSIONED_BASE_URL", f"{base}/linkedin/rest")
        self.client = import_module("linkedin_api.clients.restli.client").RestliClient()
        self.how = {"access_token": credential, "version_string": "202607"}
        self.campaigns = f"/adAccounts/{self.account}/adCampaigns"

    def write(self, name: str) -> None:
        made = self.client.create(
            resource_path=self.campaigns, entity={"name": name, "status": "PAUSED"}, **self.how
        )
        assert made.status_code == 201, (made.status_code, made.response.text)

    def write_all(self, names: list[str]) -> Any:
        rows = [{"name": name, "status": "PAUSED"} for name in names]
        self.client.batch_create(resource_path=self.campaigns, entities=rows, **self.how)

    def upload(self, file: Path) -> Any:
        film = file.read_bytes()
        library = {"associatedAccount": f"urn:li:sponsoredAccount:{self.account}"}
        owner = {"owner": "urn:li:organization:64265083", "mediaLibraryMetadata": library}
        begun = self._act("initializeUpload", {"fileSizeBytes": len(film), **owner})
        parts = [
            requests.put(one["uploadUrl"], data=film[one["firstByte"] : one["lastByte"] + 1])
            for one in begun["uploadInstructions"]
        ]
        ids = [part.headers["etag"] for part in parts]
        self._act("finalizeUpload", {"video": begun["video"], "uploadToken": "", "uploadedPartIds": ids})

    def _act(self, name: str, asked: dict[str, Any]) -> Any:
        said = self.client.action(
            resource_path="/videos", action_name=name, action_params={f"{name}Request": asked}, **self.how
        )
        if said.status_code != 200:
            raise RuntimeError(said.status_code, said.response.text)
        return said.value

    def names(self) -> set[str]:
        found: set[str] = set()
        more: dict[str, str] = {}
        while True:
            page = self.client.finder(
                resource_path=self.campaigns,
                finder_name="search",
                query_params={"pageSize": 2, **more},
                **self.how,
            )
            found |= {row["name"] for row in page.elements}
            following = page.response.json()["metadata"].get("nextPageToken")
            if not following:
                return found
            more = {"pageToken": following}

    def elsewhere(self) -> Any:
        answer = self.client.get(resource_path=f"/adAccounts/{self.other}", **self.how)
        raise RuntimeError(answer.status_code, answer.entity["message"])


class Node(Client):
    """A vendor's client for Node, in a process of its own that is asked line by line."""

    error = RuntimeError
    channel = ""

    def __init__(self, base: str, credential: str, _patch: pytest.MonkeyPatch, _folder: Path) -> None:
        if node.missing():
            pytest.skip(node.missing())
        told = {"client": self.channel, "base": base, "credential": credential}
        env = {
            "PATH": os.environ["PATH"],
            "ADTOKEN_GATE": json.dumps({**told, "account": self.account, "other": self.other}),
        }
        command = ["node", "--require", str(node.FOLDER / "loopback.cjs"), "gate_asked.mjs"]
        self.process = subprocess.Popen(
            command, cwd=node.FOLDER, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def write(self, name: str) -> None:
        self._ask("write", name)

    def write_all(self, names: list[str]) -> Any:
        return self._ask("writeAll", names)

    def upload(self, file: Path) -> Any:
        return self._ask("upload", str(file))

    def names(self) -> set[str]:
        return set(self._ask("names"))

    def elsewhere(self) -> Any:
        return self._ask("elsewhere")

    def close(self) -> None:
        self.process.communicate(timeout=10)

    def _ask(self, *call: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(call) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["found"]


class FacebookNode(Node):
    """Meta's own for Node."""

    channel, account, other = "facebook", Facebook.account, Facebook.other


class XNode(Node):
    """twitter-api-v2, which uploads too: by API 1.1 in eight requests, then by API 2."""

    channel, account, other = "x", X.account, X.other


class LinkedInNode(Node):
    """LinkedIn's own for Node."""

    channel, account, other = "linkedin", LinkedIn.account, LinkedIn.other


class TikTokNode(Node):
    """TikTok's own for Node."""

    channel, account, other = "tiktok", TikTok.account, TikTok.other


# What stands before the first blank is the channel.
CLIENTS: dict[str, Callable[..., Client]] = {
    "facebook": Facebook, "x": X, "linkedin": LinkedIn, "pinterest": Pinterest, "tiktok": TikTok, "snapchat": Snapchat,
    "facebook node": FacebookNode, "linkedin node": LinkedInNode, "tiktok node": TikTokNode, "pinterest sdk": PinterestSdk,
    "x node": XNode,
}  # fmt: skip
# TikTok's have no batch; twitter-api-v2 has no call for X's.
BATCHES = (
    "facebook",
    "facebook node",
    "x",
    "linkedin",
    "linkedin node",
    "pinterest",
    "pinterest sdk",
    "snapchat",
)
# In several requests, with the numbers of those before which the log-in dies. Facebook's for Node drops the file (`delete options.data` in
# its src/http.js), twitter-ads names media that are uploaded, Pinterest's media are for Pins, and the Snapchat client has none.
UPLOADS = (("facebook", 3), ("x node", 3), ("x node", 11), ("linkedin", 2), ("linkedin node", 2))
WHOLE_UPLOADS = ("tiktok", "tiktok node")  # in one request
