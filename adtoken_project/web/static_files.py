"""Static files: hashed names and compression where they were collected; elsewhere they come from the sources."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class CollectedOrNot(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise ships no types
    """WhiteNoise's storage, which also works before `collectstatic` ran: `make run` and tests need no such step."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        """Return the name under which a file is served: of one that was not collected its own."""
        if self.hash_key(self.clean_name(name)) not in self.hashed_files:
            return name
        stored: str = super().stored_name(name)
        return stored
