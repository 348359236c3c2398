"""The runtimes a package can be built for, and what each one can load."""

from dataclasses import dataclass

from local.package.errors import PackageError


@dataclass(frozen=True)
class Target:
    """One built-in Python runtime of Function Compute 3.0, on x86_64.

    Attributes:
        runtime: its name, as `s.yaml` has it.
        version: of its Python, major and minor.
        glibc: minor version of its C library: wheels may ask for 2.<glibc>, or less.
    """

    runtime: str
    version: tuple[int, int]
    glibc: int

    @property
    def python(self) -> str:
        """`3.12`: as uv's option and the interpreter's name have it."""
        return ".".join(map(str, self.version))

    @property
    def platform(self) -> str:
        """The platform as uv names it; it takes wheels for older ones as well (PEP 600)."""
        return f"x86_64-manylinux_2_{self.glibc}"

    @property
    def environment(self) -> dict[str, str]:
        """The values of all markers; the patch release is not published, no marker may turn on it."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }


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
