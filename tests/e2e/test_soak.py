from __future__ import annotations

import pytest

from local.bench import soak


@pytest.mark.slow
def test_a_short_soak_passes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # Of a process that is still warming up, the memory says nothing.
    monkeypatch.setattr(soak, "_MEMORY_BAR", 2.0)

    code = soak.main(["--seconds", "2", "--rate", "60", "--warm-up", "30"])

    printed = capsys.readouterr()
    assert (code, printed.err) == (0, ""), printed
    assert "\n120 requests in " in printed.out
