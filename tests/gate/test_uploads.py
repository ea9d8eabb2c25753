"""What names an upload, so that all of its requests go as the log-in that began it."""

import pytest

from broker.gate.proxy.uploads import names_in

BODY = b'--b\r\nContent-Disposition: form-data; name="media_id"\r\n\r\n1880028106020515840\r\n--b--'


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (b"/2/media/upload/initialize/", set()),  # the same for every upload
        (b"/2/media/upload/1880028106020515840/append/", {"1880028106020515840"}),
        (
            b'{"data":{"id":"1880028106020515840","media_key":"13_1880028106020515840"}}',
            {"1880028106020515840"},
        ),
        (BODY, {"1880028106020515840"}),
        (b'{"upload_session_id":"12345"}', {"12345"}),
        (b"?action=ADD&upload_id=abc-1", {"abc-1"}),
        (b"/us/v1/media/11111111-8de8-4011/multipart-upload-v2/", {"11111111-8de8-4011"}),
        (b'{"finalizeUploadRequest":{"video":"urn:li:video:C5F10AQ"}}', {"urn:li:video:C5F10AQ"}),
    ],
)
def test_an_upload_is_known_by_its_names(said: bytes, names: set[str]) -> None:
    assert names_in(said) == names
