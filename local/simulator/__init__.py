"""Simulates the endpoint of the Cloud Call Center (CCC) API 2020-07-01, as far as muting a call needs it.

It speaks the wire: RPC over HTTP, signatures V3 and V1, JSON and XML, the gateway's errors and CCC's own. It shares no
code with the functions it is there to test, the signature check least of all.

    with Simulator() as simulator:
        client = Client(Config(endpoint=simulator.endpoint, protocol="http", ...))
        simulator.faults.add({"kind": "delay", "ms": 50})

Not simulated:

* TLS, virtual hosts and regions: one product on one loopback port, `HostId` is a constant.
* Every action but MuteCall and UnmuteCall, and the life of a call: it is answered before the start and never ends.
* RAM: the one access key may do everything (permission errors: an `error` fault, without `AccessDeniedDetail`);
  expiry of the token; throttling by itself.
* ACS3-HMAC-SM3, ACS3-RSA-SHA256, bearer tokens, V2 (ROA) signatures, anonymous calls.
* The gateway's CORS and tracing headers; its exact nesting of lists in XML, which no public capture shows.
* Chunked request bodies, HTTP/2, and bodies of more than 1 MiB.
"""

from local.simulator.fault_fields import FaultError
from local.simulator.options import AccessKey, OptionError, Options
from local.simulator.simulator import Simulator

__all__ = ["AccessKey", "FaultError", "OptionError", "Options", "Simulator"]
