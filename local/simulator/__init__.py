"""Simulates the endpoints of Cloud Call Center (CCC), KMS, STS and RAM, as far as muting a call needs them.

It speaks the wire: RPC over HTTP, signature V3, JSON and XML, the gateway's errors and CCC's own. It shares no
code with the functions it is there to test, the signature check least of all.

    with Simulator() as simulator:
        client = Client(Config(endpoint=simulator.endpoint, protocol="http", ...))
        simulator.faults.add({"kind": "delay", "ms": 50})
        simulator.put_secret("crm", "...")

Not simulated:

* TLS, virtual hosts and regions: every product on one loopback port, distinguished by action; `HostId` is a constant.
* Every action but MuteCall and UnmuteCall (CCC 2020-07-01), GetSecretValue (KMS 2016-01-20), GetCallerIdentity (STS
  2015-04-01), GetRole, ListPoliciesForRole and GetPolicy (RAM 2015-05-01). The life of a call: it is answered before
  the start and never ends. Of secrets: `VersionId`, types other than generic text, stages of one's own, and the key
  that a secret is encrypted with.
* Rights: the one access key may do everything (permission errors: an `error` fault, without `AccessDeniedDetail`);
  expiry of the token; throttling by itself.
* Signatures other than ACS3-HMAC-SHA256, bearer tokens, anonymous calls.
* The gateway's CORS and tracing headers; its exact nesting of lists in XML, which no public capture shows.
* HTTP/2, and bodies of more than 1 MiB.
"""

from local.simulator.fault_fields import FaultError
from local.simulator.options import AccessKey, OptionError, Options
from local.simulator.simulator import Simulator
from local.simulator.state import SecretError

__all__ = ["AccessKey", "FaultError", "OptionError", "Options", "SecretError", "Simulator"]
