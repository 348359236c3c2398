from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from local.package.pruning import needless


@pytest.mark.parametrize(
    "path",
    [
        "bin/normalizer",
        "aiohttp-3.14.5.dist-info/METADATA",
        "websocket/tests/test_url.py",
        "websocket/tests/data/header01.txt",
        "attr/__pycache__/setters.cpython-39.pyc",
        "attr/setters.pyi",
        "idna/py.typed",
        "yarl/_quoting_c.pyx",
        "aiohttp/_cparser.pxd",
        "redis/asyncio/client.py",
        "redis/commands/search/aggregation.py",
        "alibabacloud_oss_v2/aio/client.py",
        "alibabacloud_oss_v2/crypto/cipher.py",
        "pydantic/v1/__init__.py",
        "multidict/_testcapi.cpython-312-x86_64-linux-gnu.so",
    ],
)
def test_what_only_builders_checkers_and_testers_read_goes(path: str) -> None:
    assert needless([PurePosixPath(path)]) == [PurePosixPath(path)]


@pytest.mark.parametrize(
    "path",
    [
        "typing_extensions.py",
        "_cffi_backend.cpython-312-x86_64-linux-gnu.so",
        "certifi/cacert.pem",
        "aiohttp/test_utils.py",
        "redis/commands/core.py",
        "alibabacloud_oss_v2/models/object_basic.py",
        "nested/redis/asyncio/client.py",
        "pydantic/bin/module.py",
        "cryptography/hazmat/bindings/_rust.abi3.so",
    ],
)
def test_all_else_stays(path: str) -> None:
    assert needless([PurePosixPath(path)]) == []
