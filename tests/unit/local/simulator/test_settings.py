import pytest

from local.simulator.__main__ import parser


def test_the_defaults_are_the_documented_ones() -> None:
    given = parser({}).parse_args([])

    assert vars(given) == {
        "port": "9001",
        "access_key_id": "STS.local",
        "access_key_secret": "local-secret",
        "security_token": "local-token",
        "business_errors": "http-status",
        "repeated_mute": "ok",
        "empty_fields": "empty",
        "missing_parameter": "gateway",
        "success_body": "typed",
        "missing_stage": "not-found",
    }


def test_a_flag_beats_its_variable() -> None:
    flags = parser({"SIMULATOR_PORT": "1", "SIMULATOR_SECURITY_TOKEN": "t"})

    given = flags.parse_args(["--port", "2"])

    assert (given.port, given.security_token) == ("2", "t")


def test_flags_are_not_abbreviated() -> None:
    with pytest.raises(SystemExit):
        parser({}).parse_args(["--access-key-i", "x"])
