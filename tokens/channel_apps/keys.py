"""Channel apps, unsealed once per process and version."""

from functools import lru_cache

from tokens.channels.kinds import AppKeys
from tokens.models import ChannelApp


@lru_cache(maxsize=64)
def keys_by_version(app_id: int, version: int) -> AppKeys:
    """Return the app's keys. A change of the app grows its version, so that nothing stale is served.

    Raises DoesNotExist where the app, or this version of it, is not stored, and what `ChannelApp.keys` raises.
    """
    app = ChannelApp.objects.get(pk=app_id)
    if app.version < version:
        raise ChannelApp.DoesNotExist(f"Version {version} of {app} is not stored.")
    return app.keys()
