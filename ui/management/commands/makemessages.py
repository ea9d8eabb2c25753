"""`makemessages` that knows {% say %} of ui/phrases.py."""

from pathlib import Path

from django.core.management.commands import makemessages
from django.utils.translation.template import templatize

from ui.phrases import as_django


class File(makemessages.BuildFile):
    """A file whose texts are gathered."""

    def preprocess(self) -> None:
        """Write a template down as xgettext reads it."""
        if self.is_templatized:
            source = as_django(Path(self.path).read_text(encoding="utf-8"))
            Path(self.work_path).write_text(templatize(source, origin=self.path[2:]), encoding="utf-8")


class Command(makemessages.Command):
    """Gather the texts of the product."""

    build_file_class = File
