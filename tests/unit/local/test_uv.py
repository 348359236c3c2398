from __future__ import annotations

import pytest

from local.uv import environment_of, options_of

INDEX, EXTRA = "https://name:word@index.example/simple", "https://extra.example/simple"  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("", {}),
        (f"global.index-url='{INDEX}'", {"UV_DEFAULT_INDEX": INDEX}),
        # Nearer to the command wins; what is empty, or another command's, is as if it were not there.
        (f"install.index-url='{INDEX}'\nglobal.index-url='{EXTRA}'", {"UV_DEFAULT_INDEX": INDEX}),
        (f":env:.index-url='{INDEX}'\ninstall.index-url='{EXTRA}'", {"UV_DEFAULT_INDEX": INDEX}),
        (f":env:.index-url=''\nglobal.index-url='{INDEX}'", {"UV_DEFAULT_INDEX": INDEX}),
        (f"download.index-url='{INDEX}'", {}),
        (f"global.extra-index-url='\\n{INDEX}\\n{EXTRA}'", {"UV_INDEX": f"{INDEX} {EXTRA}"}),
        ("global.find-links='/wheels  https://more.example'", {"UV_FIND_LINKS": "/wheels,https://more.example"}),
        ("global.trusted-host='one.example two.example:8443'", {"UV_INSECURE_HOST": "one.example two.example:8443"}),
        (
            ":env:.cert='/ca.pem'\n:env:.client-cert='/own.pem'",
            {"SSL_CERT_FILE": "/ca.pem", "SSL_CLIENT_CERT": "/own.pem"},
        ),
        (":env:.proxy='http://proxy.example'", dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://proxy.example")),
    ],
)
def test_uv_is_told_what_pip_is_configured_for(listed: str, told: dict[str, str]) -> None:
    # Names of another index, which pip does not ask.
    others = dict.fromkeys(
        ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"), "https://other.example"
    )
    environment = environment_of(options_of(listed), {"PATH": "/bin", **others})
    fixed = environment_of({}, {"PATH": "/bin"})
    assert environment == fixed | told
    assert fixed["UV_NO_CONFIG"] == "1"


def test_uv_is_patient_as_long_as_it_is_told_to_be() -> None:
    assert 0 < int(environment_of({}, {})["UV_HTTP_TIMEOUT"]) <= 30
    assert environment_of({}, {"UV_HTTP_TIMEOUT": "77"})["UV_HTTP_TIMEOUT"] == "77"
