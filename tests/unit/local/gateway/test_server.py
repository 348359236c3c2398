import pytest

from local.gateway.message import RejectionError
from local.gateway.server import as_addressed, origin_form


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


@pytest.mark.parametrize("target", ["*", "example.com:443", "/静", "/\x7f", "ftp://example.com/", "", "a", "http://["])
def test_other_targets_are_refused(target: str) -> None:
    with pytest.raises(RejectionError):
        origin_form(target)


@pytest.mark.parametrize(
    ("target", "host"),
    [
        ("/a", "127.0.0.1:9000"),
        ("//evil.example/a", "127.0.0.1:9000"),
        ("http://evil.example/a", "evil.example"),
        ("HTTP://user@evil.example:81?a=b", "evil.example:81"),
    ],
)
def test_the_host_of_a_target_in_absolute_form_counts(target: str, host: str) -> None:
    headers = (("Accept", "*/*"), ("Host", "127.0.0.1:9000"))
    assert sorted(as_addressed(headers, target)) == [("Accept", "*/*"), ("Host", host)]
