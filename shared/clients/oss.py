"""One object written to Object Storage Service: the door to its SDK.

The client signs and builds the request (signature V4; the bucket stands in the host's name, at an IP address in the
path). Its transport is `shared.clients.transport`, as that of every call. Its exceptions quote what was sent and what
was answered, so that only class names and OSS's own code leave this module.
"""

from collections import UserDict
from typing import Any, NamedTuple

from shared import __version__
from shared.clients import import_stubs, transport
from shared.problems import Upstream
from shared.runtime.context import Credentials

with import_stubs.without(*import_stubs.OSS):
    import alibabacloud_oss_v2 as sdk
    from alibabacloud_oss_v2 import serde, types
    from alibabacloud_oss_v2.credentials import StaticCredentialsProvider
    from alibabacloud_oss_v2.exceptions import OperationError, ServiceError


# Whatever the deadline leaves.
_ANY = 600.0
# What the SDK says where OSS says nothing.
_NO_CODE = "BadErrorResponse"


class OssError(Exception):
    """The object was not written, or may not have been; the text quotes neither it nor OSS's answer."""


class Bucket(NamedTuple):
    """Where objects are written.

    Attributes:
        address: of OSS, `https://host[:port]`, or `http://` on this machine; without a path.
        region: of the bucket, for the signature.
        name: of the bucket.
    """

    address: str
    region: str
    name: str


def put(bucket: Bucket, key: str, content: bytes, credentials: Credentials, deadline: float) -> None:
    """Write a new JSON object, which OSS encrypts at rest.

    It is tried once. Nothing holds the caller beyond the deadline, and nothing is sent after it.

    Args:
        bucket: where.
        key: the object's.
        content: JSON, in UTF-8.
        credentials: of this very invocation.
        deadline: by `time.monotonic()`.

    Raises:
        OssError: it may not be there.
    """
    exchange, carrier = transport.Exchange(deadline), _Carrier()
    request = sdk.PutObjectRequest(
        bucket=bucket.name,
        key=key,
        body=content,
        content_type="application/json",
        server_side_encryption="AES256",
        forbid_overwrite=True,
    )
    try:
        with exchange.current():
            _client(bucket, credentials, carrier).put_object(request)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises, its text quotes what was sent or answered
        cause = error.unwrap() if isinstance(error, OperationError) else error
        # The host name begins with the bucket's name, which must not be in the log.
        raise OssError(_told(cause, carrier.status).replace(f"{bucket.name}.", "")) from None


def _client(bucket: Bucket, credentials: Credentials, carrier: "_Carrier") -> sdk.Client:
    provider = StaticCredentialsProvider(
        credentials.access_key_id, credentials.access_key_secret, credentials.security_token
    )
    return sdk.Client(
        sdk.Config(
            region=bucket.region,
            endpoint=bucket.address,
            credentials_provider=provider,
            signature_version="v4",
            retry_max_attempts=1,
            http_client=carrier,
            # In pure Python it would take longer than all the rest, and TLS has its own.
            disable_upload_crc64_check=True,
            user_agent=f"mute-call/{__version__}",
        )
    )


def _told(error: Exception, status: int | None) -> str:
    """Return why an object was not written."""
    if status is not None:
        given = error.code if isinstance(error, ServiceError) and error.code != _NO_CODE else None
        return f"OSS answered {Upstream.read({'Code': given}).code or 'no code'} with HTTP {status}"
    if isinstance(error, transport.NotSentError):
        return f"nothing was sent: {error}"
    if isinstance(error, transport.TransportError):
        return f"no usable answer: {error}"
    return f"the SDK failed: {type(error).__name__}"


class _Headers(UserDict[str, str]):
    """Headers by names in any case."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __setitem__(self, name: str, value: str) -> None:
        super().__setitem__(name.lower(), value)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())


class _Response:
    """An answer, whole, with the names that the SDK reads."""

    is_closed = is_stream_consumed = True

    def __init__(self, request: types.HttpRequest, answer: transport.Answer) -> None:
        self.request = request
        self.status_code, self.reason = answer.status, answer.reason
        self.headers = _Headers(answer.headers)
        self.content = answer.body

    def read(self) -> bytes:
        return self.content

    def close(self) -> None:
        pass


class _Carrier:
    """Stands in for the SDK's transport, for one request; it knows the status of the answer."""

    status: int | None = None

    def send(self, request: types.HttpRequest, **_: Any) -> _Response:
        # The exchange limits each step, so it needs no limit here.
        answer = transport.send(request.method, request.url, request.headers, request.body, connect_s=_ANY, read_s=_ANY)
        self.status = answer.status
        return _Response(request, answer)


# The one thing that a put would use of requests.
for _module in (types, serde):
    _module.CaseInsensitiveDict = _Headers
