"""Users, roles and their sessions, made and proven as a client's are."""

import json
import time
from typing import Any

from strongroom.identity.access_keys import SessionKeys, StoredAccessKeys
from strongroom.identity.authenticate import Authenticator
from strongroom.keystores.session_tokens import SessionTokens
from strongroom.model.identity import Caller
from strongroom.ports import Clocks
from tests.core import ACCOUNT, REGION, REGIONS, ROOTS, Answer, Core, secret_box
from tests.identity.signer import signed_headers

Document = dict[str, Any]


def allow(*actions: str, resource: str | None = "*", principal: Any = None, **condition: Any) -> Document:
    """A policy of one statement."""
    statement: Document = {"Effect": "Allow", "Action": list(actions)}
    if principal is not None:
        statement["Principal"] = principal
    else:
        statement["Resource"] = resource
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


class Scene:
    """Principals in the accounts of a core."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._authenticator = Authenticator(
            access_keys=StoredAccessKeys(core.views.credential, secret_box()),
            session_keys=SessionKeys(SessionTokens(ROOTS)),
            principal=core.views.principal,
            clocks=Clocks(machine=time.time, key_life=lambda: core.clock.key_life),
        )

    def user(self, name: str, policy: Document | None = None, *, account: str = ACCOUNT) -> Caller:
        """A new user with a policy."""
        self._iam("CreateUser", account, UserName=name)
        key = self._iam("CreateAccessKey", account, UserName=name)["AccessKey"]
        if policy is not None:
            self._iam("PutUserPolicy", account, UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        return self.prove(key["AccessKeyId"], key["SecretAccessKey"])

    def role(
        self, name: str, trust: Document, policy: Document | None = None, *, account: str = ACCOUNT, **members: Any
    ) -> str:
        """A new role with a policy; its ARN."""
        made = self._iam("CreateRole", account, RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **members)
        if policy is not None:
            self.put_role_policy(name, policy, account=account)
        return str(made["Role"]["Arn"])

    def put_role_policy(self, name: str, policy: Document, *, account: str = ACCOUNT) -> None:
        """Give a role a policy in place of the one that it has."""
        self._iam("PutRolePolicy", account, RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))

    def assume(self, caller: Caller, role: str, name: str = "run", **members: Any) -> Answer:
        """Assume a role."""
        return self.core.call("sts:AssumeRole", caller=caller, RoleArn=role, RoleSessionName=name, **members)

    def assumed(self, caller: Caller, role: str, name: str = "run", **members: Any) -> dict[str, Any]:
        """Assume a role, which must be allowed; the answer."""
        answer = self.assume(caller, role, name, **members)
        assert answer.status == 200, (answer.code, answer.message)
        return answer.members

    def session(self, caller: Caller, role: str, name: str = "run", **members: Any) -> Caller:
        """The session that assuming a role begins, as its credentials prove it."""
        got = self.assumed(caller, role, name, **members)["Credentials"]
        return self.prove(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])

    def prove(self, access_key: str, secret: str, token: str | None = None) -> Caller:
        """Whom a signed request is from."""
        headers = signed_headers(access_key=access_key, secret=secret, token=token, region=REGION)
        self.core.views.refresh()
        return self._authenticator.authenticate(b"POST", b"/", b"", headers, b"{}", service="kms", regions=REGIONS)[0]

    def _iam(self, operation: str, account: str, **members: Any) -> dict[str, Any]:
        return self.core.ok(f"iam:{operation}", account=account, **members)
