"""GetCallerIdentity."""

from strongroom.operations.shapes import Request, Response
from strongroom.operations.sts.service import STS
from strongroom.operations.table import Call, operation


class GetCallerIdentityRequest(Request, frozen=True, kw_only=True):
    """GetCallerIdentity has no members."""


class GetCallerIdentityResponse(Response, frozen=True, kw_only=True):
    """Who signed."""

    user_id: str
    account: str
    arn: str


@operation(service=STS, errors="")
def get_caller_identity(call: Call, request: GetCallerIdentityRequest) -> GetCallerIdentityResponse:
    """Tell the caller who it is; whoever can sign may ask, whatever policies deny."""
    caller = call.caller
    return GetCallerIdentityResponse(user_id=caller.principal_id, account=caller.account, arn=caller.arn)
