"""A security key made of software: it answers what a browser would hand over, for tests that are not about the browser."""

import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from tests.support.factories import PASSWORD

HOST = "testserver"
TOUCHED = AuthenticatorData.FLAG.UP


class SecurityKey:
    """One key with one credential, for the host of Django's test client."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        public = ES256.from_cryptography_key(self.private.public_key())  # type: ignore[no-untyped-call]
        self.credential = AttestedCredentialData.create(bytes(16), self.id, public)

    def add(self, client: Client) -> Any:
        """Add the key by the page, for the person who is logged in."""
        url = reverse("mfa_add_webauthn")
        if (
            page := client.get(url)
        ).status_code == 302:  # it asks for the password, unless it was shown just now
            client.post(page["Location"], {"password": PASSWORD})
            client.get(url)
        challenge = client.session["mfa.webauthn.state"]["challenge"]
        return client.post(url, {"name": "Key", "credential": self.registration(challenge)})

    def registration(self, challenge: str) -> str:
        """Return what a browser would hand over when the key is added, as JSON."""
        said = CollectedClientData.create(CollectedClientData.TYPE.CREATE, challenge, f"https://{HOST}")
        data = AuthenticatorData.create(self._host(), TOUCHED | AuthenticatorData.FLAG.AT, 1, self.credential)
        made = AttestationObject.create("none", data, {})
        return self._answer(said, attestationObject=made)

    def show(self, client: Client, page: str = "mfa_authenticate") -> Any:
        """Show the key at the second step of a log-in."""
        client.get(reverse(page))
        challenge = client.session["mfa.webauthn.state"]["challenge"]
        said = CollectedClientData.create(CollectedClientData.TYPE.GET, challenge, f"https://{HOST}")
        data = AuthenticatorData.create(self._host(), TOUCHED, 2)
        signature = self.private.sign(data + said.hash, ec.ECDSA(SHA256()))
        answer = self._answer(said, authenticatorData=data, signature=signature)
        return client.post(reverse(page), {"credential": answer})

    def _host(self) -> bytes:
        return hashlib.sha256(HOST.encode()).digest()

    def _answer(self, said: CollectedClientData, **parts: bytes) -> str:
        own = websafe_encode(self.id)
        response = {name: websafe_encode(part) for name, part in {"clientDataJSON": said, **parts}.items()}
        return json.dumps(
            {
                "id": own,
                "rawId": own,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )
