"""OSS for tests: moto's S3 server, which speaks the same wire for put and get, and what a test finds in a bucket."""

from __future__ import annotations

import json
from importlib import import_module
from types import TracebackType
from typing import Any

from typing_extensions import Self

# Before the server has threads: what they import while this module is imported would get its stand-ins.
import shared.clients.oss  # noqa: F401

BUCKET = "mute-call-letters"


class S3Server:
    """A server on a free port, with one bucket.

    What it holds is shared with every other in this process: moto's backends are. It checks no signature.
    """

    def __init__(self) -> None:
        # Here, since every process of a run imports this module, and one of them has a server.
        app, server = import_module("moto.moto_server.werkzeug_app"), import_module("moto.server")
        # OSS signs in S3's way, but names another service, by which moto would look for another backend.
        app.SIGNING_ALIASES["oss"] = "s3"
        self._server = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)

    def __enter__(self) -> Self:
        self._server.start()
        self.endpoint = "http://{}:{}".format(*self._server.get_host_and_port())
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
        self._client = import_module("boto3").client("s3", endpoint_url=self.endpoint, **keys)
        self._client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.empty()
        self._client.delete_bucket(Bucket=BUCKET)
        self._client.close()
        self._server.stop()

    def empty(self) -> None:
        """Take everything out of the bucket."""
        for key in self.keys():
            self._client.delete_object(Bucket=BUCKET, Key=key)

    def keys(self) -> list[str]:
        """Return the names of the objects, sorted."""
        return sorted(each["Key"] for each in self._client.list_objects_v2(Bucket=BUCKET).get("Contents", []))

    def content(self, key: str) -> bytes:
        """Return an object's bytes."""
        content: bytes = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def content_type(self, key: str) -> str:
        """Return an object's content type."""
        return str(self._client.head_object(Bucket=BUCKET, Key=key)["ContentType"])

    def letters(self) -> list[dict[str, Any]]:
        """Return the objects, by the order of their names, parsed."""
        return [json.loads(self.content(key)) for key in self.keys()]
