import json
import re
import time

from local.gateway.message import RejectionError, Request, new_request_id


def test_request_ids_have_the_platform_s_shape_and_differ() -> None:
    first, second = new_request_id(), new_request_id()
    assert first != second
    match = re.fullmatch(r"1-([0-9a-f]{8})-[0-9a-f]{16}", first)
    assert match
    assert abs(int(match[1], 16) - time.time()) < 60


def test_path_and_query_are_as_sent() -> None:
    request = Request("GET", "/a%20b?x=%20?&y")
    assert (request.path, request.query) == ("/a%20b", "x=%20?&y")
    assert (Request("GET", "/a").path, Request("GET", "/a").query) == ("/a", "")


def test_a_header_is_found_in_any_case_and_joined() -> None:
    request = Request("GET", "/", (("X-A", "1"), ("x-a", "2"), ("X-B", "3")))
    assert (request.header("x-A"), request.header("X-B"), request.header("X-C")) == ("1,2", "3", "")


def test_a_rejection_says_what_and_for_which_request() -> None:
    answer = RejectionError(403, "AccessDenied", "no").answer("1-2-3")
    assert answer.status == 403
    assert answer.headers == {"Content-Type": "application/json", "X-Fc-Error-Type": "FcCommonError"}
    assert json.loads(answer.body) == {"RequestId": "1-2-3", "Code": "AccessDenied", "Message": "no"}
