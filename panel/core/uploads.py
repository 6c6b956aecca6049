"""How files arrive: in memory and small, but for views that say who may send them larger ones."""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, HttpResponse

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


class LargerFiles:
    """Asks a view's class for its `upload_handlers`, before anybody reads what was sent.

    Stands before the check for forgeries, which reads it. None: they are `SmallFiles` as elsewhere.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        find = getattr(getattr(view, "view_class", None), "upload_handlers", None)
        if find is not None and request.method == "POST":
            found = find(request, *args, **kwargs)
            if found is not None:
                request.upload_handlers = found
