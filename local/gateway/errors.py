"""What is answered in place of the function's own response: the gateway's rejections and the function's failures."""

import json
import traceback
from pathlib import Path
from typing import Any

from local.http import Answer

GATEWAY_ERROR = "FcCommonError"
UNHANDLED = "UnhandledInvocationError"
INITIALIZATION = "InitializationError"
_PACKAGE = Path(__file__).parent


class RejectionError(Exception):
    """The gateway's own answer in place of the function's.

    `status`, `code` and `error_type` follow the gateway table of FC 2.0, the best one published (documented
    there); the body's keys are those of the FC 3.0 API's errors (unconfirmed for triggers).
    """

    def __init__(self, status: int, code: str, message: str, error_type: str = GATEWAY_ERROR) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.error_type = error_type

    def answer(self, request_id: str) -> Answer:
        """Return the rejection as an answer to the request with this id."""
        report = {"RequestId": request_id, "Code": self.code, "Message": str(self)}
        headers = {"Content-Type": "application/json", "X-Fc-Error-Type": self.error_type}
        return Answer(self.status, headers, json.dumps(report).encode())


def invalid_argument(message: str) -> RejectionError:
    """Return the documented refusal of a request outside the limits or the rules: 400 `InvalidArgument`."""
    return RejectionError(400, "InvalidArgument", message)


class FunctionError(Exception):
    """The function failed: `error_type` for the header `X-Fc-Error-Type`, `report` for the JSON body."""

    def __init__(self, report: dict[str, Any], error_type: str = UNHANDLED) -> None:
        super().__init__(report["errorMessage"])
        self.report = report
        self.error_type = error_type

    def answer(self, status: int) -> Answer:
        """Return the failure as an HTTP answer."""
        headers = {"Content-Type": "application/json", "X-Fc-Error-Type": self.error_type}
        return Answer(status, headers, json.dumps(self.report).encode())


def uncaught(exception: Exception, error_type: str = UNHANDLED) -> FunctionError:
    """Return the failure of an exception nobody caught: message, type and stack, source lines included (documented)."""
    frames = [
        [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line or ""]
        for frame in traceback.extract_tb(exception.__traceback__)
        if Path(frame.filename).parent != _PACKAGE
    ]
    name = type(exception).__name__
    return FunctionError({"errorMessage": str(exception), "errorType": name, "stackTrace": frames}, error_type)


def timed_out(seconds: float, error_type: str = UNHANDLED) -> FunctionError:
    """Return the failure of a function that took too long.

    A timeout counts as unhandled (documented); the wording and `errorType` are unconfirmed.
    """
    message = f"Function timed out after {seconds:g} seconds"
    return FunctionError({"errorMessage": message, "errorType": "FunctionTimeoutError"}, error_type)


def exited(exception: BaseException, error_type: str = UNHANDLED) -> FunctionError:
    """Return the failure of a function that ended its process (wording documented, details in brackets differ)."""
    message = f"Process exited unexpectedly before completing request ({type(exception).__name__}: {exception})"
    return FunctionError({"errorMessage": message}, error_type)
