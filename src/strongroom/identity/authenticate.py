"""From a signed request to a proven caller."""

from collections.abc import Callable, Container

from strongroom import sigv4
from strongroom.identity.access_keys import AccessKeys
from strongroom.model import errors
from strongroom.model.arn import root_arn
from strongroom.model.identity import Caller
from strongroom.model.region import Realm

_MAX_SIGNING_KEYS = 4096
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - AWS's message


class Authenticator:
    """Checks signatures; the signing key of a day, Region and service is derived once.

    Args:
        access_keys: Where access keys are known.
        regions: The Regions that are served.
        clock: The machine's clock.
    """

    def __init__(self, access_keys: AccessKeys, regions: Container[str], clock: Callable[[], float]) -> None:
        self._access_keys = access_keys
        self._regions = regions
        self._clock = clock
        # The secret is part of the place, so that a signing key never outlives its secret.
        self._signing_keys: dict[tuple[bytes, str, str, str], bytes] = {}

    def authenticate(
        self, method: bytes, path: bytes, query: bytes, headers: sigv4.Headers, body: bytes, *, service: str
    ) -> tuple[Caller, str]:
        """Prove who signed a request: the caller, and the Region of the credential scope.

        Args:
            method: The request method.
            path: The path as sent.
            query: The query as sent, without ``?``.
            headers: Lower-case names and values in the order of arrival.
            body: The whole body.
            service: The service that the credential must be scoped to.

        Raises:
            Fault: AWS's fault for whatever is wrong with the signature.
            AdapterError: The access key could not be looked up.
        """
        try:
            claim = sigv4.parse(headers)
            known = self._access_keys.find(claim.access_key)
            # No session tokens are issued, so whatever comes with one is not ours.
            if known is None or claim.session_token is not None:
                raise errors.UnrecognizedClientException(_INVALID_TOKEN)
            sigv4.check_scope(claim, service, self._regions)
            sigv4.check_freshness(claim, self._clock())
            key = self._signing_key(known.secret, claim)
            sigv4.verify(claim, method, path, query, headers, body, key)
        except sigv4.SignatureFault as fault:
            raise getattr(errors, fault.type)(fault.message) from None
        realm = Realm(known.account, claim.region)
        arn = root_arn(known.account, realm.partition)
        return Caller("Root", known.account, arn, known.account, claim.access_key), claim.region

    def _signing_key(self, secret: bytes, claim: sigv4.Authorization) -> bytes:
        place = (secret, claim.date, claim.region, claim.service)
        key = self._signing_keys.get(place)
        if key is None:
            if len(self._signing_keys) >= _MAX_SIGNING_KEYS:
                self._signing_keys.clear()
            key = sigv4.signing_key(secret.decode(), claim.date, claim.region, claim.service)
            self._signing_keys[place] = key
        return key
