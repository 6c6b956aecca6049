"""How files arrive: in memory and small. Nothing that somebody sends is written to a disk."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from panel.core.csv_files import MAX_BYTES


class SmallFiles(FileUploadHandler):
    """Keeps a file up to one byte more than any form takes; what is beyond is read and dropped.

    SECURITY: files are parsed before it is known who sends them. Django's own handlers would write
    whatever comes into a temporary folder.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._kept = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        room = MAX_BYTES + 1 - len(self._kept)
        self._kept += raw_data[: max(room, 0)]

    def file_complete(self, file_size: int) -> SimpleUploadedFile:
        return SimpleUploadedFile(self.file_name or "", bytes(self._kept), self.content_type or "")
