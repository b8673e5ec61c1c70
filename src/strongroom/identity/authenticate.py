"""From a signed request to a proven caller."""

from collections.abc import Callable, Container

from strongroom import sigv4
from strongroom.identity.access_keys import AccessKeys, KnownKey, SessionKeys
from strongroom.model import errors
from strongroom.model.identity import (
    Caller,
    PrincipalKind,
    StoredPrincipal,
    calling_root,
    calling_session,
    calling_user,
)
from strongroom.model.region import Realm
from strongroom.ports import Clocks

_MAX_SIGNING_KEYS = 4096
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's message
_EXPIRED_TOKEN = "The security token included in the request is expired"  # noqa: S105 - AWS's message


class Authenticator:
    """Checks signatures; the signing key of a day, Region and service is derived once.

    Args:
        access_keys: Where long-term access keys are known.
        session_keys: Where those of sessions are.
        principal: Finds a user or a role of an account by kind and name.
        clocks: Signatures are fresh by the machine's, sessions end by that of key life.
    """

    def __init__(
        self,
        *,
        access_keys: AccessKeys,
        session_keys: SessionKeys,
        principal: Callable[[str, PrincipalKind, str], StoredPrincipal | None],
        clocks: Clocks,
    ) -> None:
        self._access_keys = access_keys
        self._session_keys = session_keys
        self._principal = principal
        self._clocks = clocks
        # The secret is part of the place, so that a signing key never outlives its secret.
        self._signing_keys: dict[tuple[bytes, str, str, str], bytes] = {}

    def authenticate(
        self,
        method: bytes,
        path: bytes,
        query: bytes,
        headers: sigv4.Headers,
        body: bytes,
        *,
        service: str,
        regions: Container[str],
    ) -> tuple[Caller, str]:
        """Prove who signed a request: the caller, and the Region of the credential scope.

        Args:
            method: The request method.
            path: The path as sent.
            query: The query as sent, without ``?``.
            headers: Lower-case names and values in the order of arrival.
            body: The whole body.
            service: The service that the credential must be scoped to.
            regions: The Regions that it may be scoped to.

        Raises:
            Fault: AWS's fault for whatever is wrong with the signature or the session.
            AdapterError: The access key or its principal could not be looked up.
        """
        try:
            claim = sigv4.parse(headers)
            known = self._known(claim)
            sigv4.check_scope(claim, service, regions)
            sigv4.check_freshness(claim, self._clocks.machine())
            sigv4.verify(claim, method, path, query, headers, body, self._signing_key(known.secret, claim))
        except sigv4.SignatureFault as fault:
            raise getattr(errors, fault.type)(fault.message) from None
        return self._caller(known, claim), claim.region

    def _known(self, claim: sigv4.Authorization) -> KnownKey:
        """The key that is said to have signed: a session's comes with its token, a long-term key with none."""
        if claim.session_token is None:
            known = self._access_keys.find(claim.access_key)
        else:
            known = self._session_keys.find(claim.access_key, claim.session_token)
        if known is None:
            raise errors.UnrecognizedClientException(_INVALID_TOKEN)
        return known

    def _caller(self, known: KnownKey, claim: sigv4.Authorization) -> Caller:
        """Who a proven key belongs to; a root is there with its account, and dev mode has every account."""
        partition = Realm(known.account, claim.region).partition
        if known.kind is PrincipalKind.ROOT:
            return calling_root(known.account, partition, claim.access_key)
        session = known.session
        if session is not None and self._clocks.key_life() >= session.expires_at:
            raise errors.ExpiredTokenException(_EXPIRED_TOKEN)
        stored = self._principal(known.account, known.kind, known.name)
        if stored is None or (session is not None and stored.principal.unique_id != session.role_id):
            raise errors.UnrecognizedClientException(_INVALID_TOKEN)
        if session is None:
            return calling_user(stored.principal, partition, claim.access_key)
        return calling_session(stored.principal, session, partition, claim.access_key)

    def _signing_key(self, secret: bytes, claim: sigv4.Authorization) -> bytes:
        place = (secret, claim.date, claim.region, claim.service)
        key = self._signing_keys.get(place)
        if key is None:
            if len(self._signing_keys) >= _MAX_SIGNING_KEYS:
                self._signing_keys.clear()
            key = sigv4.signing_key(secret.decode(), claim.date, claim.region, claim.service)
            self._signing_keys[place] = key
        return key
