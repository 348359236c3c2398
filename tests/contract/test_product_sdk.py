"""The product SDK as the measure: the same endpoints, the same request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from functions.mute_call import index as mute_call
from functions.unmute_call import index as unmute_call
from local.simulator import Simulator
from shared.settings import read_settings
from tests.builders import CHANNEL, CREDENTIALS, PAYLOAD, TOKEN, Context312, environment, http_event

# A process of its own: in this one the transport of the SDK is replaced.
CLIENT = """
import json, os, sys
from alibabacloud_ccc20200701.client import Client
from alibabacloud_ccc20200701.models import MuteCallRequest, UnmuteCallRequest
from alibabacloud_tea_openapi.utils_models import Config

if sys.argv[1] == "endpoints":
    for region in json.loads(sys.argv[2]) or Client(Config(region_id="cn-shanghai"))._endpoint_map:
        print(region, Client(Config(region_id=region))._endpoint)
else:
    client = Client(Config(
        access_key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
        access_key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
        security_token=os.environ["ALIBABA_CLOUD_SECURITY_TOKEN"],
        endpoint=sys.argv[1],
        protocol="http",
    ))
    calls = {"MuteCall": (client.mute_call, MuteCallRequest), "UnmuteCall": (client.unmute_call, UnmuteCallRequest)}
    call, request = calls[sys.argv[3]]
    print(call(request().from_map(json.loads(sys.argv[2]))).body.code)
"""

# Its own SDK takes seconds to import.
pytestmark = pytest.mark.slow


def product_sdk(*arguments: str) -> str:
    command = [sys.executable, "-W", "ignore", "-c", CLIENT, *arguments]
    done = subprocess.run(command, env=os.environ | CREDENTIALS, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603 - the script above
    return done.stdout


def test_every_region_has_the_product_sdks_endpoint() -> None:
    mapped = dict(line.split() for line in product_sdk("endpoints", "[]").splitlines())
    own = ["cn-shanghai", "cn-hangzhou", "ap-southeast-7"]
    ruled = dict(line.split() for line in product_sdk("endpoints", json.dumps(own)).splitlines())
    assert len(mapped) > 20
    for region, endpoint in (mapped | ruled).items():
        assert read_settings({}, region=region).ccc_endpoint == f"https://{endpoint}"


@pytest.mark.parametrize(("action", "index"), [("MuteCall", mute_call), ("UnmuteCall", unmute_call)])
@pytest.mark.parametrize("payload", [dict(PAYLOAD), {**PAYLOAD, "ChannelId": CHANNEL, "DeviceId": "å b+c~*/?&="}])
def test_the_request_is_the_product_sdks(
    payload: dict[str, str], action: str, index: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator() as simulator:
        assert product_sdk(simulator.endpoint, json.dumps(payload), action).strip() == "OK"
        for name, value in environment(CCC_ENDPOINT=simulator.url, UNMUTE_CALL_TOKEN=TOKEN).items():
            monkeypatch.setenv(name, value)
        assert index.handler(http_event(payload), Context312())["statusCode"] == 200
        theirs, ours = simulator.requests
    assert essence(ours) == essence(theirs)


def essence(request: dict[str, Any]) -> dict[str, Any]:
    """Return what does not differ from request to request, header names included."""
    changing = {"x-acs-date", "x-acs-signature-nonce", "user-agent"}
    headers = {name: "" if name in changing else value for name, value in request["headers"].items()}
    return {**{key: request[key] for key in ("method", "action", "parameters")}, "headers": headers}
