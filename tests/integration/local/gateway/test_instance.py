"""The life of an instance: initializer, turns, credentials, timeouts, ends."""

import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from local.gateway import Credentials, FunctionError, Gateway, LoadError
from tests.integration.local.gateway import sample_functions
from tests.integration.wire import send

SAMPLES = "tests.integration.local.gateway.sample_functions"
TOLD = f"{SAMPLES}:run_as_told"
ROLE = ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN")
FIRST, SECOND = Credentials("id-1", "secret-1", "token-1"), Credentials("id-2", "secret-2", "token-2")


def test_the_initializer_runs_once_and_first() -> None:
    with Gateway(f"{SAMPLES}:count", initializer=f"{SAMPLES}:prepare") as gateway:
        assert sample_functions.calls == []
        first, second = send(gateway.url), send(gateway.url)
    assert sample_functions.calls == [f"initializer {first.headers['X-Fc-Request-Id']}", "handler", "handler"]
    assert second.status == 200


def test_a_failed_initializer_fails_its_request_and_runs_again() -> None:
    with Gateway(f"{SAMPLES}:count", initializer=f"{SAMPLES}:prepare_badly_once") as gateway:
        first, second = send(gateway.url), send(gateway.url)
    assert (first.status, first.headers["X-Fc-Error-Type"]) == (502, "InitializationError")
    assert (first.json["errorMessage"], first.json["errorType"]) == ("no configuration", "RuntimeError")
    assert second.status == 200
    failed, fresh, handler = sample_functions.calls
    assert failed != fresh
    assert handler == "handler"


@pytest.mark.parametrize(
    ("initializer", "said"),
    [
        ("prepare_and_leave", "Process exited unexpectedly before completing request (SystemExit: leaving)"),
        ("prepare_for_long", "Function timed out after 0.2 seconds"),
    ],
)
def test_an_initializer_that_ends_or_hangs_is_an_initialization_error(initializer: str, said: str) -> None:
    with Gateway(f"{SAMPLES}:count", initializer=f"{SAMPLES}:{initializer}", initializer_timeout=0.2) as gateway:
        reply = send(gateway.url)
    assert (reply.status, reply.headers["X-Fc-Error-Type"]) == (502, "InitializationError")
    assert reply.json["errorMessage"] == said
    assert sample_functions.calls == []


def test_two_requests_never_overlap() -> None:
    with Gateway(f"{SAMPLES}:overlap") as gateway, ThreadPoolExecutor(8) as pool:
        running = {reply.body for reply in pool.map(lambda _: send(gateway.url), range(16))}
    assert running == {b"1"}
    assert sample_functions.calls == ["in", "out"] * 16


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_credentials_change_between_two_invocations(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ROLE:
        monkeypatch.setenv(name, "the developer's own")
    with Gateway(f"{SAMPLES}:describe", runtime=runtime, credentials=FIRST) as gateway:
        seen = [json.loads(gateway.invoke(b""))]
        gateway.credentials = SECOND
        seen.append(send(gateway.url).json)
        gateway.credentials = None
        seen.append(send(gateway.url).json)
    in_context = [described["credentials"] and tuple(described["credentials"].values()) for described in seen]
    in_environment = [tuple(described["environment"].get(name) for name in ROLE) for described in seen]
    values = [("id-1", "secret-1", "token-1"), ("id-2", "secret-2", "token-2")]
    if runtime == "python3.10":
        assert in_context == [*values, ("", "", "")]
        assert in_environment == [(None, None, None)] * 3
    else:
        assert in_context == [None] * 3
        assert in_environment == [*values, (None, None, None)]
    assert [os.environ[name] for name in ROLE] == ["the developer's own"] * 3


def test_an_invocation_that_waits_does_not_touch_the_environment_of_the_one_that_runs() -> None:
    with Gateway(f"{SAMPLES}:wait_and_read", credentials=FIRST) as gateway, ThreadPoolExecutor() as pool:
        running = pool.submit(gateway.invoke, b"")
        assert sample_functions.started.wait(10)
        gateway.credentials = SECOND
        waiting = pool.submit(gateway.invoke, b"")
        # Right in any case; the time is for a gateway that would let the second in to do so.
        wait([waiting], timeout=0.1)
        sample_functions.release.set()
        assert (running.result(10), waiting.result(10)) == (b"token-1", b"token-2")


def test_the_environment_is_the_platform_s_and_put_back() -> None:
    before = dict(os.environ)
    with Gateway(f"{SAMPLES}:describe", timeout=7, region="cn-beijing", name="mute-call") as gateway:
        described = send(gateway.url)
        again = send(gateway.url)
    environment = described.json["environment"]
    assert environment.pop("FC_INSTANCE_ID").startswith("c-")
    assert environment == {
        "FC_ACCOUNT_ID": "1234567890123456",
        "FC_FUNC_CODE_PATH": os.getcwd(),  # noqa: PTH109 - compared as a string
        "FC_FUNCTION_HANDLER": "sample_functions.describe",
        "FC_FUNCTION_MEMORY_SIZE": "512",
        "FC_FUNCTION_NAME": "mute-call",
        "FC_FUNCTION_VERSION": "LATEST",
        "FC_REGION": "cn-beijing",
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.local",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret",
        "ALIBABA_CLOUD_SECURITY_TOKEN": "local-token",
    }
    assert described.json["request_id"] == described.headers["X-Fc-Request-Id"] != again.headers["X-Fc-Request-Id"]
    assert described.json["timeout"] == 7
    assert again.json["environment"]["FC_INSTANCE_ID"] == described.json["environment"]["FC_INSTANCE_ID"]
    assert dict(os.environ) == before


def test_the_environment_is_there_at_import_and_put_back_after_a_failed_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(os.environ)
    source = "import os\nraise RuntimeError(os.environ['FC_REGION'] + os.environ['ALIBABA_CLOUD_SECURITY_TOKEN'])\n"
    (tmp_path / "reads_at_import.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(LoadError, match="RuntimeError: cn-shanghailocal-token"), Gateway("reads_at_import:handler"):
        pass
    assert dict(os.environ) == before


def test_a_timeout_error_of_the_function_s_own_is_an_exception() -> None:
    with Gateway(TOLD) as gateway:
        reply = send(gateway.url, "raise TimeoutError")
    assert (reply.json["errorType"], reply.json["errorMessage"]) == ("TimeoutError", "of its own")


@pytest.mark.parametrize(("told", "said"), [("exit", "SystemExit: 3"), ("interrupt", "KeyboardInterrupt: ")])
def test_an_exit_is_a_failure_and_the_next_request_finds_a_fresh_instance(told: str, said: str) -> None:
    with Gateway(TOLD, initializer=f"{SAMPLES}:prepare") as gateway:
        failed, next_ = send(gateway.url, told), send(gateway.url, "str")
    assert (failed.status, failed.headers["X-Fc-Error-Type"]) == (502, "UnhandledInvocationError")
    message = f"Process exited unexpectedly before completing request ({said})"
    assert failed.json == {"errorMessage": message}
    assert next_.body == b"plain"
    assert len(sample_functions.calls) == 2


def test_a_timeout_is_a_named_failure_and_the_next_request_has_a_fresh_turn() -> None:
    with Gateway(f"{SAMPLES}:wait", timeout=0.2) as gateway:
        late, next_ = send(gateway.url), send(gateway.url)
        sample_functions.release.set()
        assert sample_functions.finished.wait(10)
    assert (late.status, late.headers["X-Fc-Error-Type"]) == (502, "UnhandledInvocationError")
    report = {"errorMessage": "Function timed out after 0.2 seconds", "errorType": "FunctionTimeoutError"}
    assert late.json == report
    assert (next_.status, next_.body) == (200, b"done")


def test_closing_leaves_a_running_invocation_behind_and_lets_none_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.gateway.gateway._GRACE_SECONDS", 0.01)
    with Gateway(f"{SAMPLES}:wait") as gateway, ThreadPoolExecutor() as pool:
        running = pool.submit(gateway.invoke, b"")
        assert sample_functions.started.wait(10)
        gateway.__exit__()
        waiting = pool.submit(gateway.invoke, b"")
        sample_functions.release.set()
        assert running.result(10) == b"done"
        with pytest.raises(FunctionError, match="the gateway is closed"):
            waiting.result(10)
    assert len(sample_functions.calls) == 1


def test_closing_ends_threads_and_connections() -> None:
    before = set(threading.enumerate())
    with Gateway(f"{SAMPLES}:count") as gateway:
        send(gateway.url)
        send(gateway.url, headers={"X-Fc-Invocation-Type": "Async"})
        assert len(threading.enumerate()) > len(before)
    assert set(threading.enumerate()) <= before


def test_a_function_that_does_not_exist_is_an_error_before_anything_listens() -> None:
    with pytest.raises(LoadError, match="has no 'nothing'; it has: "), Gateway(f"{SAMPLES}:nothing"):
        pass


def test_a_mistyped_setting_is_an_error() -> None:
    with pytest.raises(TypeError):
        Gateway(f"{SAMPLES}:count", time_out=1)
