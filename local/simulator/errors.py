"""The two kinds of errors the endpoint answers with, and the texts they are documented with.

ApiError                a request that is answered with an error
├── GatewayError        refused in the gateway's shape: the body has HostId and Recommend
└── BusinessError       refused by CCC itself; the body has HttpStatusCode and Params
"""

# The gateway's common error codes that the checks come to: HTTP status and message.
GATEWAY_ERRORS: dict[str, tuple[int, str]] = {
    "InvalidAccessKeyId.NotFound": (404, "Specified access key is not found."),
    "IncompleteSignature": (400, "The request signature does not conform to Aliyun standards."),
    "InvalidSecurityToken.MismatchWithAccessKey": (400, "Specified SecurityToken mismatch with the AccessKey."),
    "InvalidTimeStamp.Expired": (400, "Specified time stamp or date value is expired."),
    "InvalidTimeStamp.Format": (400, "Specified time stamp or date value is not well formatted."),
    "SignatureNonceUsed": (400, "Specified signature nonce was used already."),
    "InvalidVersion": (400, "Specified parameter Version is not valid."),
    "InvalidAction.NotFound": (404, "Specified api is not found, please check your url and method."),
}

# The messages of those that only a fault brings; it brings the status, which differs between products, as well.
FAULT_MESSAGES: dict[str, str] = {
    "InvalidAccessKeyId.Inactive": "Specified access key is disabled.",
    "InvalidSecurityToken.Expired": "Specified SecurityToken is expired.",
    "InvalidSecurityToken.Malformed": "Specified SecurityToken is malformed.",
    "Throttling": "Request was denied due to request throttling.",
    "Throttling.User": "Request was denied due to user flow control.",
    "Throttling.Api": "Request was denied due to api flow control.",
    "NoPermission": "You are not authorized to do this action.",
    "Forbidden.RAM": "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    "ServiceUnavailable": "The request has failed due to a temporary failure of the server.",
    "InternalError": "The request processing has failed due to some unknown error.",
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
}


class ApiError(Exception):
    """A request that is answered with an error: `code`, HTTP `status`, `message`."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.message = message


class GatewayError(ApiError):
    """Refused by the gateway, or by a product that answers as it does.

    Without a message, or a status, it has those of the tables, or 400.
    """

    def __init__(self, code: str, message: str | None = None, status: int | None = None) -> None:
        unlisted = (400, FAULT_MESSAGES.get(code, "The request has failed."))
        known_status, known_message = GATEWAY_ERRORS.get(code, unlisted)
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
