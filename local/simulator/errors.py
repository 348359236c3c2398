"""The two kinds of errors the endpoint answers with, and the texts they are documented with.

ApiError                a request that is answered with an error
├── GatewayError        refused before the product saw it; the body has HostId and Recommend
└── BusinessError       refused by CCC itself; the body has HttpStatusCode and Params
"""

# The common error codes of the OpenAPI gateway: HTTP status and message.
GATEWAY_ERRORS: dict[str, tuple[int, str]] = {
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "InvalidAccessKeyId.Inactive": (400, "Specified access key is disabled."),
    "SignatureDoesNotMatch": (400, "Specified signature does not match our calculation."),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "InvalidSecurityToken.Expired": (400, "Specified SecurityToken is expired."),
    "InvalidSecurityToken.Malformed": (400, "Specified SecurityToken is malformed."),
    "InvalidSecurityToken.MismatchWithAccessKey": (400, "Specified SecurityToken mismatch with the AccessKey."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
    "Throttling": (400, "Request was denied due to request throttling."),
    "Throttling.User": (400, "Request was denied due to user flow control."),
    "Throttling.Api": (400, "Request was denied due to api flow control."),
    "NoPermission": (403, "You are not authorized to do this action."),
    "Forbidden.RAM": (
        403,
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    ),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "InternalError": (500, "The request processing has failed due to some unknown error."),
}

# CCC's own error codes, as the pages of MuteCall, its siblings and the common errors list them.
BUSINESS_ERRORS: dict[str, tuple[int, str]] = {
    "NotExists.InstanceId": (404, "The specified instance %s does not exist."),
    "NotExists.JobId": (404, "The call %s does not exist."),
    "NotExists.ChannelId": (404, "The specified channel %s does not exist in call %s."),
    "NotExists.UserId": (404, "The user %s does not exist in instance %s."),
    "InvalidOperation.UserState": (
        400,
        "The operation is not allowed. User state (%s) does not meet expectations (%s).",
    ),
    # "stats" is what the page says.
    "InvalidOperation.ChannelState": (
        400,
        "The operation is not allowed. Channel stats (%s) does not meet expectations (%s).",
    ),
    "Parameter.Blank": (400, "The parameter %s may not be null or blank."),
}


class ApiError(Exception):
    """A request that is answered with an error: `code`, HTTP `status`, `message`."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.message = message


class GatewayError(ApiError):
    """Refused by the gateway; status and message come from its table where they are not given."""

    def __init__(self, code: str, message: str | None = None, status: int | None = None) -> None:
        known_status, known_message = GATEWAY_ERRORS.get(code, (400, "The request has failed."))
        super().__init__(code, status or known_status, message if message is not None else known_message)

    @classmethod
    def missing(cls, parameter: str) -> "GatewayError":
        """Return the error of a mandatory parameter that is not there: `Missing{Param}`."""
        return cls(f"Missing{parameter}", f"{parameter} is mandatory for this action.")


class BusinessError(ApiError):
    """Refused by CCC; `params` are the values of the message's placeholders, in order."""

    def __init__(self, code: str, *params: str) -> None:
        status, template = BUSINESS_ERRORS[code]
        super().__init__(code, status, template % params)
        self.params = params
