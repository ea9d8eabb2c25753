"""A publishing job: plain HTTP, an API key, the ad account's id. It knows nothing else of AdToken."""

from typing import Any

import httpx2

from tests.e2e.product import Product


class Job:
    """Leases, publishes, reports."""

    def __init__(self, product: Product, channel: str, native_id: str) -> None:
        self.channel, self.native_id = channel, native_id
        self.api = f"{product.web}/api/v1"
        self.http = httpx2.Client(
            timeout=20, trust_env=False, headers={"Authorization": f"Bearer {product.facts['api_key']}"}
        )
        self.bare = httpx2.Client(
            timeout=20, trust_env=False, verify=False
        )  # the channel never sees our API key

    def close(self) -> None:
        """Let go of the connections."""
        self.http.close()
        self.bare.close()

    def lease(self) -> httpx2.Response:
        """Ask for a token that works now."""
        return self.http.post(f"{self.api}/accounts/{self.channel}/{self.native_id}/lease", json={})

    def report(self, lease: dict[str, Any], answer: httpx2.Response) -> Any:
        """Report what the channel answered; returns what to do next."""
        said = {"status": answer.status_code, "body": answer.json()}
        told = self.http.post(f"{self.api}/leases/{lease['lease_id']}/report", json=said)
        assert told.status_code == 200, told.text
        return told.json()

    def publish_on_facebook(self, lease: dict[str, Any], name: str) -> httpx2.Response:
        """Make a campaign, merging the lease's `send` block blindly."""
        campaign = {
            "name": name,
            "objective": "OUTCOME_TRAFFIC",
            "status": "PAUSED",
            "special_ad_categories": "[]",
        }
        return self.bare.post(
            f"{lease['base_url']}/act_{self.native_id}/campaigns",
            params=lease["send"]["query"],
            headers=lease["send"]["headers"],
            data=campaign,
        )

    def publish_on_x(self, lease: dict[str, Any], name: str) -> httpx2.Response:
        """Make a campaign; every request is signed by AdToken, since X's secrets never leave it."""
        base = f"{lease['base_url']}/accounts/{self.native_id}"
        funding = self._signed(lease, "GET", f"{base}/funding_instruments", {})
        if funding.is_error:
            return funding
        campaign = {"name": name, "funding_instrument_id": funding.json()["data"][0]["id"]}
        return self._signed(lease, "POST", f"{base}/campaigns", campaign)

    def _signed(
        self, lease: dict[str, Any], method: str, url: str, params: dict[str, str]
    ) -> httpx2.Response:
        wanted = {"method": method, "url": url, "params": params}
        signed = self.http.post(f"{self.api}/leases/{lease['lease_id']}/sign", json=wanted)
        assert signed.status_code == 200, signed.text
        return self.bare.request(
            method, url, params=params, headers={"Authorization": signed.json()["authorization"]}
        )
