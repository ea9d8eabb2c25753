"""The library's forms that take a security key, refusing one that is in another person's row."""

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms

from users import factor_sealing


class AuthenticateForm(forms.AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """The second step of a log-in."""

    def clean_credential(self) -> Authenticator:
        """Return the key's row. Raises ValidationError, as for a wrong key, where it is not bound to its person."""
        return _of_its_person(super().clean_credential())


class ReauthenticateForm(AuthenticateForm, forms.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """Showing the factor again."""


class LoginForm(AuthenticateForm, forms.LoginWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A log-in without a password: switched off, and no way around the binding should somebody switch it on."""


def _of_its_person(authenticator: Authenticator) -> Authenticator:
    if not factor_sealing.is_bound(authenticator):
        raise get_adapter().validation_error("incorrect_code")
    return authenticator
