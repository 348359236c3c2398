"""What a deployed function's configuration would say: runtime, region, limits, role credentials."""

from dataclasses import dataclass, field

CUSTOM = "custom.debian11"
BUILT_IN = ("python3.10", "python3.12")
RUNTIMES = (*BUILT_IN, CUSTOM)
LONGEST = 86400
MOST_CONCURRENT = 200
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS")


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of the function's role; the defaults are those the local simulator expects."""

    access_key_id: str = "STS.local"
    access_key_secret: str = field(default="local-secret", repr=False)
    security_token: str = field(default="local-token", repr=False)


@dataclass(frozen=True)
class Settings:
    """One function's configuration; `timeout` and `initializer_timeout` in seconds, `memory` in MB.

    `handler` and `initializer` are `module:attribute`; `name` defaults to the package of the handler's module.
    `concurrency` counts on a custom runtime only: a built-in one takes one request at a time.

    Raises:
        ValueError: an unknown runtime or method, no method, or a timeout or a concurrency outside the platform's range.
    """

    handler: str
    initializer: str | None = None
    runtime: str = "python3.12"
    region: str = "cn-shanghai"
    methods: tuple[str, ...] = ("POST", "GET")
    timeout: float = 15
    initializer_timeout: float = 20
    memory: int = 512
    concurrency: int = 50
    name: str = ""
    account_id: str = "1234567890123456"

    def __post_init__(self) -> None:
        if self.runtime not in RUNTIMES:
            raise ValueError(f"unknown runtime {self.runtime!r}; known: {', '.join(RUNTIMES)}")
        unknown = [method for method in self.methods if method not in METHODS]
        if unknown or not self.methods:
            raise ValueError(f"methods must be some of {', '.join(METHODS)}; found {', '.join(unknown) or 'none'}")
        if not (0 < self.timeout <= LONGEST and 0 < self.initializer_timeout <= LONGEST):
            raise ValueError(f"timeouts must be more than 0 and at most {LONGEST} seconds")
        if not 1 <= self.concurrency <= MOST_CONCURRENT:
            raise ValueError(f"concurrency must be from 1 to {MOST_CONCURRENT}")

    @property
    def function_name(self) -> str:
        """The name of the function: `name`, else the package of its module, else the module itself."""
        return self.name or self._package or self._module

    @property
    def function_handler(self) -> str:
        """The handler as deployed, `file.method`: the module stands at the root of the code package."""
        return f"{self._module}.{self.handler.partition(':')[2]}"

    @property
    def _package(self) -> str:
        return self.handler.partition(":")[0].rpartition(".")[0].rpartition(".")[2]

    @property
    def _module(self) -> str:
        return self.handler.partition(":")[0].rpartition(".")[2]
