"""Which server the tests start that need one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import redis_server


@pytest.mark.parametrize(
    ("on_path", "in_wheels", "found"),
    [
        (["redis-server", "valkey-server"], ["wheel"], "redis-server"),
        (["valkey-server"], ["wheel"], "valkey-server"),
        ([], ["wheel"], "wheel"),
        ([], [], None),
    ],
)
def test_the_one_on_the_path_comes_first_and_without_any_the_test_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_path: list[str], in_wheels: list[str], found: str | None
) -> None:
    for name in on_path:
        tmp_path.joinpath(name).touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis_server, "_in_wheels", lambda: iter(map(tmp_path.joinpath, in_wheels)))
    assert redis_server.find_binary() == (str(tmp_path / found) if found else None)
    if found is None:
        with pytest.raises(pytest.skip.Exception, match="apt install redis-server"):
            redis_server.RedisServer(tmp_path)
