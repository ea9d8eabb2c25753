"""Which requests each channel's table lets through for one ad account, and what the others are told. Pure: nothing is sent anywhere."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from tokens.channels import registry
from tokens.channels.kinds import HARMLESS, Answer, Verdict
from tokens.channels.parameters import Refused
from tokens.channels.paths import Allowed, Purpose, Request, allow

FORM = "application/x-www-form-urlencoded"
UUID, OTHER_UUID = "e4cd371b-8de8-4011-a8d2-860fe77c09e1", "a71cfcae-895d-4314-9460-e2ffd2515dd0"
C1, S1 = "11111111-8de8-4011-a8d2-860fe77c09e1", "22222222-8de8-4011-a8d2-860fe77c09e1"
MINE = {
    "facebook": "123456", "x": "18ce54d4x5t", "linkedin": "508", "pinterest": "549", "tiktok": "700", "snapchat": UUID,
}  # fmt: skip
OURS = "urn:li:sponsoredAccount:508"
URN = "urn%3Ali%3AsponsoredAccount%3A"
TUNNEL = {"x-http-method-override": "GET", "content-type": FORM}
TIKTOK, LINKEDIN = "/open_api/v1.3", "/rest/adAccounts/508"


@dataclass
class Ask:
    """`GET /path?query`, perhaps with a body: a dict is JSON, a text a form."""

    line: str
    body: Any = b""
    host: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    purpose: Purpose = "publish"

    def of(self, channel: str) -> Allowed:
        method, _, address = self.line.partition(" ")
        path, _, query = address.partition("?")
        headers, body = dict(self.headers), self.body
        if isinstance(body, str):
            headers, body = {"content-type": FORM, **headers}, body.encode()
        elif isinstance(body, dict | list):
            headers, body = {"content-type": "application/json", **headers}, json.dumps(body).encode()
        request = Request(method, path, query, headers, body, self.host)
        return allow(registry.get(channel).paths, request, native_id=MINE[channel], purpose=self.purpose)


def batch(*items: Any) -> str:
    return urlencode({"batch": json.dumps(list(items))})


def files(*fields: tuple[str, str], beside: str = "") -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"{beside}\r\n\r\n{value}\r\n'
        for name, value in fields
    ]
    return ("".join(parts) + "--b--\r\n").encode()


MULTIPART = {"content-type": "multipart/form-data; boundary=b"}
BYTES = b'--b\r\nContent-Disposition: form-data; name="media"\r\nContent-Type: application/octet-stream\r\n\r\n\xff\0\r\n'
PART = BYTES + files(("command", "APPEND"), ("media_id", "1"))

# What passes, with the objects whose owner is asked, and whether it only reads.
PASSES: dict[str, list[tuple[Ask, tuple[str, ...], bool]]] = {
    "facebook": [
        (Ask("GET /v26.0/act_123456?fields=id,name"), (), True),
        (Ask("GET /act_123456/campaigns?fields=name,adsets.limit(5){name,ads{id}},account{id}"), (), True),
        (Ask("GET /v26.0/act_123456/ads?fields=business{id,name}"), (), True),
        (Ask("POST /v26.0/act_123456/campaigns", 'name=A&adset_spec={"account_id":"123456"}'), (), False),
        (Ask("POST /v26.0/act_123456/campaigns", {"name": "A", "account_id": 123456}), (), False),
        (Ask("POST /v26.0/act_123456/insights", "level=ad", purpose="read"), (), True),
        (Ask("GET /v26.0/1202345678?fields=name", purpose="read"), ("1202345678",), True),
        (Ask("DELETE /v26.0/1202345678"), ("1202345678",), False),
        (Ask("POST /v26.0/act_123456/adimages", files(("bytes", "a")), headers=MULTIPART), (), False),
        (Ask("POST /v26.0/act_123456/advideos", None, "video", MULTIPART), (), False),
        (Ask("GET /v26.0/search?type=adinterest&q=tea"), (), True),
        (
            Ask("POST /v26.0/act_123456", b"name=A", headers={"content-type": f'{FORM}; charset="UTF-8"'}),
            (),
            False,
        ),
        (
            Ask(
                "POST /v26.0/",
                batch({"method": "GET", "relative_url": "act_123456/ads"}, {"relative_url": "77777"}),
                purpose="read",
            ),
            ("77777",),
            True,
        ),
        (
            Ask(
                "POST /v26.0/",
                {"batch": [{"method": "POST", "relative_url": "77777", "body": "status=PAUSED"}]},
            ),
            ("77777",),
            False,
        ),
    ],
    "x": [
        (
            Ask(
                "POST /12/batch/accounts/18ce54d4x5t/campaigns",
                [{"operation_type": "Create", "params": {"name": "A"}}],
            ),
            (),
            False,
        ),
        (Ask("POST /12/accounts/18ce54d4x5t/custom_audiences/1nmth/users", None), (), False),
        (Ask("POST /1.1/media/upload.json", None, "upload", MULTIPART), (), False),
        # As twitter-api-v2 writes them: categories in its own spelling, the last part as bytes that have no name of a file.
        (
            Ask("POST /1.1/media/upload.json", files(("media_category", "TweetVideo")), "upload", MULTIPART),
            (),
            False,
        ),
        (Ask("POST /1.1/media/upload.json", PART, "upload", MULTIPART), (), False),
        (
            Ask(
                "POST /2/media/upload/initialize",
                {"media_category": "amplify_video", "total_bytes": 9},
                "api",
            ),
            (),
            False,
        ),
        (Ask("POST /2/media/upload/188/append", PART, "api", MULTIPART), (), False),
        (Ask("POST /2/media/upload/188/finalize", host="api"), (), False),
        (Ask("GET /2/media/upload?command=STATUS&media_id=188", host="api"), (), True),
    ],
}

PASSES |= {
    "linkedin": [
        (Ask(f"GET {LINKEDIN}/adCampaigns?q=search&search=(status:(values:List(ACTIVE)))"), (), True),
        (Ask(f"GET {LINKEDIN}/creatives/urn%3Ali%3AsponsoredCreative%3A1"), (), True),
        (Ask(f"POST {LINKEDIN}/adCampaigns", {"account": OURS, "name": "A"}), (), False),
        (Ask(f"GET /rest/adAnalytics?q=analytics&accounts=List({URN}508)"), (), True),
        (Ask("POST /rest/adAnalytics", f"q=analytics&accounts=List({URN}508)", headers=TUNNEL, purpose="read"), (), True),
        (Ask("POST /rest/dmpSegments/77/users", None), ("77",), False),
        (
            Ask(
                "POST /rest/images?action=initializeUpload",
                {"initializeUploadRequest": {"owner": "urn:li:organization:1", "mediaLibraryMetadata": {"associatedAccount": OURS}}},
            ),
            (),
            False,
        ),
        (Ask("POST /rest/posts", {"adContext": {"dscAdAccount": OURS}, "distribution": {"feedDistribution": "NONE"}}), (), False),
    ],
    "pinterest": [
        (Ask("GET /v5/ad_accounts/549/campaigns?page_size=100"), (), True),
        (Ask("POST /v5/ad_accounts/549/campaigns", [{"ad_account_id": "549", "name": "A"}]), (), False),
        (Ask("POST /v5/ad_accounts/549/reports", {"columns": ["SPEND_IN_DOLLAR"]}, purpose="read"), (), True),
        (Ask("GET /v5/resources/targeting/INTEREST"), (), True),
    ],
    "tiktok": [
        (Ask(f"GET {TIKTOK}/campaign/get/?advertiser_id=700&filtering=%7B%22campaign_ids%22%3A%5B1%5D%7D"), (), True),
        (Ask(f"GET {TIKTOK}/advertiser/info/?advertiser_ids=%5B%22700%22%5D"), (), True),
        (Ask(f"POST {TIKTOK}/campaign/create/", {"advertiser_id": "700", "campaign_name": "A"}), (), False),
        (Ask(f"POST {TIKTOK}/report/task/create/", {"advertiser_id": 700}, purpose="read"), (), True),
        (Ask(f"POST {TIKTOK}/file/video/ad/upload/", files(("advertiser_id", "700"), ("name", "a")), headers=MULTIPART), (), False),
    ],
    "snapchat": [
        (Ask(f"GET /v1/adaccounts/{UUID}/campaigns?limit=50"), (), True),
        (Ask(f"POST /v1/adaccounts/{UUID}/campaigns", {"campaigns": [{"name": "A", "ad_account_id": UUID}]}), (), False),
        (
            Ask(f"PUT /v1/campaigns/{C1}/adsquads", {"adsquads": [{"id": S1, "campaign_id": C1, "geos": [{"id": "1"}]}]}),
            (C1, S1),
            False,
        ),
        (Ask(f"GET /v1/ads/{S1}/stats?granularity=TOTAL"), (S1,), True),
        (Ask(f"POST /us/v1/media/{S1}/multipart-upload-v2?action=ADD&upload_id=1", None, headers=MULTIPART), (S1,), False),
        (Ask("GET /v1/targeting/geo/country"), (), True),
    ],
}  # fmt: skip

OTHER_ITEM = {"method": "GET", "relative_url": "act_99/campaigns"}
# What does not, with a part of what is said.
REFUSED: dict[str, list[tuple[Ask, str]]] = {
    "facebook": [
        (Ask("GET /v26.0/act_99/campaigns"), "act_123456|123456 alone"),
        (Ask("GET /v26.0/me"), "not for a person"),
        (Ask("GET /v26.0/me/adaccounts"), "not for a person"),
        (Ask("POST /v26.0/oauth/access_token"), "not for a person"),
        (Ask("GET /v26.0/search?type=user&q=a"), "parameters alone"),
        (Ask("POST /v26.0/act_123456/assigned_users", "user=1"), "Business settings"),
        (Ask("GET /v26.0/act_123456/promote_pages"), "fields"),
        (Ask("GET /v26.0/act_123456/promote_pages?fields=access_token"), "No tokens"),
        (Ask("GET /v26.0/act_123456?fields=business{owned_ad_accounts{id}}"), "inside the ad account"),
        (Ask("GET /v26.0/act_123456?fields=business.as(ads){clients}"), "inside the ad account"),
        # Its answer would say that it made whatever the name says.
        (
            Ask("POST /v26.0/act_123456/campaigns", "name=1202345678&fields=name.as(id)"),
            "inside the ad account",
        ),
        (Ask("GET /v26.0/act_123456?fields=promote_pages.fields(access_token)"), "inside the ad account"),
        (Ask("GET /v26.0/act_123456?fields=promote_pages{id},promote_pages.limit(9)"), "No tokens"),
        (Ask("GET /v26.0/act_123456?fields=%5B%22promote%5Cu005fpages%22%5D"), "No tokens"),
        (Ask("GET /v26.0/act_123456/promote_pages?fields=,"), "fields"),
        (
            Ask("POST /v26.0/act_123456/adimages", 'copy_from={"source_account_id":"99"}'),
            "source_account_id",
        ),
        (Ask("POST /v26.0/act_123456/campaigns", "account[id=99"), "account_id"),
        (Ask("GET /v26.0/act_123456/business"), "not for a person"),
        (Ask("GET /v26.0/act_123456/ads/owned_ad_accounts"), "pass"),
        (Ask("POST /v26.0/act_123456/async_batch_requests", "adbatch=[]"), "adbatch"),
        (Ask("GET /v26.0/?ids=act_99"), "batch|POST"),
        (Ask("GET /v26.0/act_123456?ids=99"), "one by one"),
        (Ask("GET /v26.0/act_123456?ids[0]=99"), "one by one"),
        (Ask("POST /v26.0/act_123456?method=delete"), "method"),
        (Ask("POST /v26.0/act_123456/campaigns", "batch=[]"), "POST to /VERSION/ alone"),
        (Ask("POST /v26.0/act_123456/campaigns", "account_id=123456&account_id=99"), "account_id"),
        (
            Ask(
                "POST /v26.0/act_123456/campaigns",
                b'{"account_id":"123456","account_id":"99"}',
                headers={"content-type": "application/json"},
            ),
            "account_id",
        ),
        (Ask("POST /v26.0/1202345678/adaccounts", {"adaccounts": ["99"]}), "adaccounts"),
        (Ask("POST /v26.0/act_123456/campaigns", "spec={account_id:99}"), "no JSON"),
        (Ask("POST /v26.0/act_123456/campaigns", None), "1 MiB"),
        (Ask("POST /v26.0/act_123456/campaigns", b"<a/>", headers={"content-type": "text/xml"}), "1 MiB"),
        (Ask("POST /v26.0/", batch(OTHER_ITEM)), "123456 alone"),
        (Ask("POST /v26.0/", batch({"relative_url": "https://graph.facebook.com/act_123456"})), "path"),
        (Ask("POST /v26.0/", batch({"relative_url": "v25.0/act_123456"})), "pass"),
        (Ask("POST /v26.0/", batch({"relative_url": "act_123456?access_token=EAAB"})), "access_token"),
        (Ask("POST /v26.0/", batch({"relative_url": "act_123456", "access_token": "EAAB"})), "nothing else"),
        (Ask("POST /v26.0/", batch({"relative_url": "{result=a:$.id}/campaigns"})), "path"),
        (
            Ask("POST /v26.0/", batch({"relative_url": "", "method": "POST", "body": batch(OTHER_ITEM)})),
            "no other batch",
        ),
        (Ask("POST /v26.0/", batch({"relative_url": "act_123456/ads"}) + "&" + batch(OTHER_ITEM)), "once"),
        (Ask(f"POST /v26.0/?{batch({'relative_url': 'act_123456'})}", batch(OTHER_ITEM)), "once"),
        (
            Ask("POST /v26.0/", batch({"method": "POST", "relative_url": "act_123456/ads"}), purpose="read"),
            "reading",
        ),
        (Ask("POST /v26.0/act_123456/campaigns", "name=A", purpose="read"), "reading"),
    ],
    "x": [
        (
            Ask("POST /12/batch/accounts/18ce54d4x5t/campaigns", [{"params": {"account_id": "18ce55gq7fk"}}]),
            "account_id",
        ),
        (
            Ask(
                "POST /12/accounts/18ce54d4x5t/custom_audiences/1/permissions?granted_account_id=18ce55gq7fk"
            ),
            "granted_account_id",
        ),
        (Ask("POST /12/batch/accounts/18ce54d4x5t/tweet", [{"params": {"nullcast": False}}]), "nullcast"),
        (
            Ask("POST /1.1/media/upload.json", files(("media_category", "dm_image")), "upload", MULTIPART),
            "media_category",
        ),
        (
            Ask("POST /1.1/media/upload.json", files(("media_category", "DmVideo")), "upload", MULTIPART),
            "media_category",
        ),
        (
            Ask("POST /1.1/media/upload.json", PART.replace(b"octet-stream", b"json"), "upload", MULTIPART),
            "UTF-8",
        ),
        (
            Ask("POST /1.1/media/upload.json", "command=APPEND&media_id=1&additional_owners=2", "upload"),
            "additional_owners",
        ),
        (Ask("GET /12/accounts/18ce54d4x5t", host="upload"), "signed"),
        (Ask("POST /2/media/upload/initialize", {"media_category": "dm_video"}, "api"), "media_category"),
        (Ask("POST /2/tweets", {"text": "A"}, "api"), "signed"),
    ],
    "pinterest": [(Ask("POST /v5/media", {"media_type": "video"}), "Make the Pin elsewhere")],
    "tiktok": [
        # Go takes a long s for an s, and of two parameters of a name the last.
        (
            Ask(f"POST {TIKTOK}/campaign/create/", {"advertiser_id": "700", "adverti\u017fer_id": "9"}),
            "advertiser_id",
        ),
    ],
    "linkedin": [
        (
            Ask("POST /rest/posts?ids=List(urn%3Ali%3Ashare%3A1)", {"adContext": {"dscAdAccount": OURS}}),
            "by their ids",
        ),
        (Ask(f"GET /rest/leadFormResponses?ids[0]=1&owner={URN}508"), "by their ids"),
        (
            Ask(
                "POST /rest/posts",
                {"adContext": {"dscAdAccount": OURS}, "distribution": {"feedDistribution": "MAIN_FEED"}},
            ),
            "feeddistribution",
        ),
        (Ask("POST /rest/posts", {"adContext": {"dscAdAccount": OURS}}), "feedDistribution"),
    ],
}


@pytest.mark.parametrize(
    ("channel", "asked", "objects", "reads"), [(key, *one) for key, rows in PASSES.items() for one in rows]
)
def test_what_a_job_needs_passes(channel: str, asked: Ask, objects: tuple[str, ...], reads: bool) -> None:
    found = asked.of(channel)

    assert (tuple(id_ for _, id_ in found.objects), found.repeatable) == (objects, reads)


@pytest.mark.parametrize(
    ("channel", "asked", "said"), [(key, *one) for key, rows in REFUSED.items() for one in rows]
)
def test_everything_else_is_refused_and_told_what_to_do(channel: str, asked: Ask, said: str) -> None:
    with pytest.raises(Refused, match=said):
        asked.of(channel)


LONG = {
    "deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "many": b"[" + b"1," * 200_000 + b"1]",
    "words": json.dumps({"fields": "a" * 100_000 + "{id}("}).encode(),  # took minutes
}


@pytest.mark.parametrize("body", LONG.values(), ids=LONG)
def test_bodies_that_would_hold_the_event_loop_are_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        Ask("POST /v26.0/act_123456/campaigns", body, headers={"content-type": "application/json"}).of(
            "facebook"
        )


OF_EVERY_CHANNEL = {
    "facebook": "/v26.0/act_123456/campaigns",
    "x": "/12/accounts/18ce54d4x5t/campaigns",
    "linkedin": "/rest/adAccounts/508/adCampaigns",
    "pinterest": "/v5/ad_accounts/549/campaigns",
    "snapchat": f"/v1/adaccounts/{UUID}/campaigns",
}


@pytest.mark.parametrize("channel", OF_EVERY_CHANNEL)
def test_what_others_could_read_in_another_way_is_refused(channel: str) -> None:
    path = OF_EVERY_CHANNEL[channel]
    account = path.rpartition("/")[0]
    odd = [
        *(
            Ask(f"GET {account}{one}")
            for one in (
                "%2f..%2fother",
                "/../other",
                "/./a",
                "/%2e%2e/a",
                "//a",
                "/...",
                "/a\\b",
                "/a%00",
                "/a;b",
                "/ä",
            )
        ),
        *(
            Ask(f"GET {path}?{one}")
            for one in (
                "a=%00",
                "a=%ff",
                "a b",
                "a=<b>",
                "access_token=EAAB",
                "oauth_token=1",
                "_method=delete",
            )
        ),
        *(
            Ask(f"GET {path}", headers={name: "DELETE"})
            for name in ("x-http-method-override", "x-http-method", "x-method-override")
        ),
        Ask(f"POST {path}", b"{", headers={"content-type": "application/json"}),
        Ask(f"POST {path}", b'{"a":"\\u0000"}', headers={"content-type": "application/json"}),
        Ask(f"POST {path}", b"--b\r\nbroken", headers=MULTIPART),
        Ask(f"POST {path}", files(("a\nb", "1")), headers=MULTIPART),
        Ask(
            f"POST {path}",
            files(("a", "1"), beside="\r\nContent-Transfer-Encoding: base64"),
            headers=MULTIPART,
        ),
        Ask(f"POST {path}", b"a=1", headers={"content-type": FORM, "content-encoding": "gzip"}),
        Ask(f"POST {path}", b"a=1", headers={"content-type": f"{FORM}; charset=ibm037"}),
        Ask(f"POST {path}", b"{}", headers={"content-type": "application/json; charset=utf-7"}),
        Ask(
            f"POST {path}",
            files(("a", "1\n--b\nContent-Disposition: form-data; name=b\n\n2")),
            headers=MULTIPART,
        ),
        Ask(f"OPTIONS {path}"),
        Ask(f"get {path}"),
        Ask(f"GET {path}", host="elsewhere"),
        Ask(f"GET {path}?q=" + "a" * 20_000),
    ]

    passed = []
    for one in odd:
        try:
            one.of(channel)
            passed.append(one)
        except Refused:
            pass
    assert passed == []


@pytest.mark.parametrize("channel", MINE)
@pytest.mark.parametrize("status", [401, 403, 429, 503])
def test_a_refusal_is_no_success_in_the_channels_own_table(channel: str, status: int) -> None:
    native = registry.get(channel)

    said, body = native.paths.refuse(status, "AdToken: no")

    assert "AdToken: no" in json.dumps(body)
    assert said == (200 if channel == "tiktok" else status)
    verdict = native.classify(Answer("api", said, {}, body)).verdict
    assert verdict != Verdict.OK
    assert (verdict in HARMLESS) is (status in (429, 503))
