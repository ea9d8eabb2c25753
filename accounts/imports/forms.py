"""Files that people upload stay in memory: what is in them may be secret, and a temporary file is on a disk in the clear."""

import io
from typing import IO, Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

MOST = 4_000_000  # bytes of all files of one request; of what is bigger nothing is kept, and its size says so


class InMemory(FileUploadHandler):
    """Keeps the files of a request in memory, up to a bound."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.total = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin a file."""
        super().new_file(*args, **kwargs)
        self.content, self.size = io.BytesIO(), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Take a piece of it."""
        self.size += len(raw_data)
        self.total += len(raw_data)
        if self.total <= MOST:
            self.content.write(raw_data)
        else:
            self.content = io.BytesIO()

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Return the file (of `file_size` bytes); without content where there was too much of it."""
        content: IO[bytes] = self.content
        content.seek(0)
        return InMemoryUploadedFile(
            file=content,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=self.size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
