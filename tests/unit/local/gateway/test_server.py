import pytest

from local.gateway.message import RejectionError
from local.gateway.server import origin_form


@pytest.mark.parametrize(
    ("target", "form"),
    [
        ("/", "/"),
        ("/a%20b?c=d#e", "/a%20b?c=d#e"),
        ("//a//b", "//a//b"),
        ("http://127.0.0.1:9000/a?b=c", "/a?b=c"),
        ("HTTPS://example.com", "/"),
        ("http://example.com?a=b", "/?a=b"),
    ],
)
def test_a_target_is_reduced_to_path_and_query(target: str, form: str) -> None:
    assert origin_form(target) == form


@pytest.mark.parametrize("target", ["*", "example.com:443", "/静", "/\x7f", "ftp://example.com/", "", "a"])
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(RejectionError):
        origin_form(target)
