"""The locked requirements, reduced to those of one target.

pip evaluates environment markers for the interpreter that runs it, whatever `--python-version` says: installing for
python3.10 under Python 3.12 would leave out what only 3.10 needs. So the markers are evaluated here, and pip gets a
list without any.
"""

from collections.abc import Iterator

from packaging.markers import InvalidMarker, Marker

from local.package.errors import PackageError
from local.package.targets import Target


def select(lock: str, target: Target) -> str:
    """Return the requirements that the target needs, without markers, hashes kept.

    Args:
        lock: text of a requirements file in which every line is `name==version [; marker] --hash=…`.
        target: what for.

    Raises:
        PackageError: a line is no pinned requirement with a hash, or its marker cannot be read.
    """
    environment = environment_of(target)
    selected = []
    for line in _logical_lines(lock):
        requirement, *hashes = line.split(" --hash=")
        pin, _, marker = (part.strip() for part in requirement.partition(";"))
        if "==" not in pin or not hashes:
            raise PackageError(f"requirement is not locked by version and hash: {requirement.strip()}")
        if not marker or _applies(marker, environment):
            selected.append(" ".join([pin, *(f"--hash={value.strip()}" for value in hashes)]) + "\n")
    return "".join(selected)


def _logical_lines(text: str) -> Iterator[str]:
    """Yield the lines without comments, continued ones joined."""
    lines = (line.strip() for line in text.splitlines())
    # A comment may stand between a requirement and the end of its continuation.
    kept = "\n".join(line for line in lines if line and not line.startswith("#"))
    for line in kept.replace("\\\n", " ").splitlines():
        yield " ".join(line.removesuffix("\\").split())


def _applies(marker: str, environment: dict[str, str]) -> bool:
    try:
        return Marker(marker).evaluate(environment)
    except InvalidMarker as error:
        raise PackageError(f"marker {marker!r}: {error}") from None


def environment_of(target: Target) -> dict[str, str]:
    """Return the values of all markers on the target; its patch release is not published, no marker may turn on it."""
    return {
        "implementation_name": "cpython",
        "implementation_version": f"{target.python}.0",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{target.python}.0",
        "python_version": target.python,
        "sys_platform": "linux",
        "extra": "",
    }
