"""The `.http` file, sent request by request: each is answered as the comment above it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from local.demo.stack import DEMO_TOKEN, TOKEN_VARIABLE, stack
from local.send.wire import Outgoing, exchange
from tests.contract.documents import read

TEXT = read("docs/mute-call.http")
HEAD, *PARTS = re.split(r"^### ", TEXT, flags=re.MULTILINE)
VARIABLES = dict(re.findall(r"^@(\w+) = (.*)$", HEAD, re.MULTILINE))


@pytest.fixture
def url() -> Iterator[str]:
    """Return where the function is served, as `make run` does it."""
    with stack(variables={TOKEN_VARIABLE: DEMO_TOKEN}) as (gateway, _):
        yield gateway.url


class Sample(NamedTuple):
    """One request of the file, with its comment."""

    name: str
    answer: tuple[str, ...]
    method: str
    target: str
    headers: dict[str, str]
    body: str


def sample(part: str) -> Sample:
    """Read a request: name, comments, request line, headers, an empty line, body."""
    name, *lines = re.sub(r"\{\{(\w+)\}\}", lambda found: VARIABLES[found[1]], part).splitlines()
    comments = [line for line in lines if line.startswith("#")]
    line, *rest = lines[len(comments) :]
    end = rest.index("") if "" in rest else len(rest)
    (answer,) = (comment.removeprefix("# Answer: ") for comment in comments if comment.startswith("# Answer: "))
    method, url = line.split(" ")
    assert url.startswith(VARIABLES["baseUrl"])
    headers = dict(header.split(": ", 1) for header in rest[:end])
    return Sample(
        name,
        tuple(answer.split()),
        method,
        url.removeprefix(VARIABLES["baseUrl"]),
        headers,
        "\n".join(rest[end:]).strip(),
    )


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.partition("\n")[0])
def test_a_request_is_answered_as_its_comment_says(part: str, url: str) -> None:
    sent = sample(part)
    answer = exchange(Outgoing(url, sent.method, sent.target, sent.headers, sent.body.encode()))
    code = json.loads(answer.body).get("code")
    assert (str(answer.status), answer.content_type, *([code] if code else [])) == sent.answer


def test_the_file_has_successes_and_every_refusal() -> None:
    statuses = [sample(part).answer[0] for part in PARTS]
    assert set(statuses) == {"200", "401", "404", "405", "422"}
    assert statuses.count("200") == 4
