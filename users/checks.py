"""System checks of the users app."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from users import second_factor


@register("security")
def staff_need_a_second_factor(**_kwargs: Any) -> list[CheckMessage]:
    """Report a second factor that is switched off outside a demo on this machine."""
    if second_factor.switched_off_in_earnest():
        return [Error(second_factor.SWITCH_REFUSED, id="users.E001")]
    return []
