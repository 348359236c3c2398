from local.http import Answer, Request


def test_path_and_query_are_as_sent() -> None:
    request = Request("GET", "/a%20b?x=%20?&y")
    assert (request.path, request.query) == ("/a%20b", "x=%20?&y")
    assert (Request("GET", "/a").path, Request("GET", "/a").query) == ("/a", "")


def test_a_header_is_found_in_any_case_and_joined() -> None:
    request = Request("GET", "/", (("X-A", "1"), ("x-a", "2"), ("X-B", "3")))
    assert (request.header("x-A"), request.header("X-B"), request.header("X-C")) == ("1,2", "3", "")


def test_a_header_is_replaced_in_any_case() -> None:
    answer = Answer(200, {"x-a": "1", "X-B": "2"}).with_headers({"X-A": "3"})
    assert answer.headers == {"X-B": "2", "X-A": "3"}
