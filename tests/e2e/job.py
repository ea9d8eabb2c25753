"""A publishing job: plain HTTP, an API key, the ad account's id. It knows nothing else of AdToken."""

from typing import Any

import httpx2

from tests.e2e.product import Product


class Job:
    """Leases and reports."""

    def __init__(self, product: Product, channel: str, native_id: str) -> None:
        self.channel, self.native_id = channel, native_id
        self.api = f"{product.web}/api/v1"
        self.http = httpx2.Client(
            timeout=60, trust_env=False, headers={"Authorization": f"Bearer {product.facts['api_key']}"}
        )
        self.bare = httpx2.Client(
            timeout=60, trust_env=False, verify=False
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
