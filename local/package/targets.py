"""The runtimes a package can be built for, and what each one can load."""

from dataclasses import dataclass

from local.package.errors import PackageError

# manylinux2014 is the older name of manylinux_2_17, the least that wheels of today are built for.
_OLDEST_MANYLINUX = 17


@dataclass(frozen=True)
class Target:
    """One built-in Python runtime of Function Compute 3.0, on x86_64.

    Attributes:
        runtime: its name, as `s.yaml` has it.
        version: of its Python, major and minor.
        glibc: minor version of its C library: every shared object must do with 2.<glibc>.
    """

    runtime: str
    version: tuple[int, int]
    glibc: int

    @property
    def python(self) -> str:
        """`3.12`: as pip's option and the interpreter's name have it."""
        return ".".join(map(str, self.version))

    @property
    def abi(self) -> str:
        """`cp312`: the tag of extensions built for this minor version."""
        return "cp" + "".join(map(str, self.version))

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels that load there, best first (PEP 600)."""
        tags = [f"manylinux_2_{minor}_x86_64" for minor in range(self.glibc, _OLDEST_MANYLINUX - 1, -1)]
        return (*tags, "manylinux2014_x86_64", "linux_x86_64")


# Function Compute, "Python" runtimes (2026-06-02): python3.12 is Debian 11, python3.10 is Debian 10.
TARGETS: dict[str, Target] = {
    target.runtime: target for target in (Target("python3.12", (3, 12), 31), Target("python3.10", (3, 10), 28))
}
DEFAULT_RUNTIME = "python3.12"


def target_of(runtime: str) -> Target:
    """Return the target of this name.

    Raises:
        PackageError: there is none.
    """
    try:
        return TARGETS[runtime]
    except KeyError:
        raise PackageError(f"unknown runtime {runtime!r}, known are {', '.join(TARGETS)}") from None
