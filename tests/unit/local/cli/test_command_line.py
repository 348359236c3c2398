from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from local.cli.command_line import FUNCTIONS, Parser, UsageError, callers_file, read_argument, run
from local.deployed import ACTIONS

ROOT = Path(__file__).parents[4]


def chosen(*arguments: str) -> tuple[str, Path]:
    parser = Parser()
    parser.add_callers()
    options = parser.parse_args(arguments)
    return options.function, options.callers


def test_every_function_of_the_repository_can_be_chosen() -> None:
    folders = {path.parent.name for path in ROOT.glob("functions/*/index.py")}
    assert set(FUNCTIONS) == set(ACTIONS) == folders
    assert all(callers_file(name).is_file() for name in FUNCTIONS)


@pytest.mark.parametrize(
    ("arguments", "function", "path"),
    [
        ([], "mute_call", callers_file("mute_call")),
        (["--function", "unmute_call"], "unmute_call", callers_file("unmute_call")),
        (["--function", "unmute_call", "--function", "mute_call"], "mute_call", callers_file("mute_call")),
        (["--callers", "a.toml", "--function", "unmute_call"], "unmute_call", Path("a.toml")),
        (["--function", "unmute_call", "--callers", "a.toml"], "unmute_call", Path("a.toml")),
    ],
)
def test_the_callers_file_follows_the_function_unless_one_is_given(
    arguments: list[str], function: str, path: Path
) -> None:
    assert chosen(*arguments) == (function, path)


def test_the_variable_counts_for_every_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLERS_FILE", "b.toml")
    assert chosen("--function", "unmute_call") == ("unmute_call", Path("b.toml"))
    assert chosen("--callers", "a.toml") == ("mute_call", Path("a.toml"))


def test_another_function_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        chosen("--function", "hold_call")
    assert "invalid choice: 'hold_call'" in capsys.readouterr().err


def test_an_interrupt_ends_a_command_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as ended:
        run(interrupted)
    assert ended.value.code == 128 + signal.SIGINT
    assert capsys.readouterr() == ("", "")


def test_a_file_without_end_is_a_mistake() -> None:
    with pytest.raises(UsageError):
        read_argument("/dev/zero")


def test_stdin_without_end_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/zero").open(encoding="utf-8") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        with pytest.raises(UsageError):
            read_argument("-")


def test_the_largest_event_of_the_platform_is_read(tmp_path: Path) -> None:
    # 32 MB of a body, in base64.
    event = tmp_path / "event.json"
    event.write_bytes(b" " * 45_000_000)
    assert len(read_argument(str(event))) == 45_000_000
