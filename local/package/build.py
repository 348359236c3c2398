"""One build, from the sources to the zip."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.interpreters import find_interpreter
from local.package.archive import write_build, write_zip
from local.package.authorities import split_authorities
from local.package.bill import write_bill, write_licences
from local.package.bytecode import compile_folder
from local.package.components import read_components
from local.package.distributions import drop_unreached
from local.package.install import install
from local.package.targets import Target
from local.package.tree import add_sources, function_folder, make_readable, prune
from shared import __version__
from shared.clients import import_stubs

WANTED = Path("requirements", "function.in")
LOCK = Path("requirements", "function.txt")


@dataclass(frozen=True)
class Package:
    """What was built.

    Attributes:
        folder: the code, unpacked.
        archive: the zip of the folder.
        sha256: of the zip, in hex.
        build: what `healthz` answers, once it is deployed: hex digits, from the content.
        has_bytecode: whether it brings its bytecode.
    """

    folder: Path
    archive: Path
    sha256: str
    build: str
    has_bytecode: bool


def build_package(
    root: Path,
    function: str,
    target: Target,
    output: Path,
    *,
    report: Callable[[str], None],
    find: Callable[[str], str | None] = find_interpreter,
) -> Package:
    """Build `<output>/<function>/`, and beside it `.zip`, `.cdx.json` and `.licences.txt`; all of it or nothing.

    They replace what is there.

    Args:
        root: of the repository.
        function: name of a folder under `functions/`.
        target: the runtime.
        output: folder for the results.
        report: takes a line per step.
        find: finds an interpreter of a minor version; without one the package has no bytecode.

    Raises:
        PackageError: why there is no package.
    """
    function_folder(root, function)
    with _stage(output) as stage:
        folder, archive = stage / function, stage / f"{function}.zip"
        bill, licences = stage / f"{function}.cdx.json", stage / f"{function}.licences.txt"
        folder.mkdir()
        report(f"install {LOCK.as_posix()} for {target.runtime}")
        install(root / LOCK, target, folder)
        # Of certifi the authorities are shipped.
        absent = {*import_stubs.SDK, *import_stubs.OSS} - {"certifi"}
        kept = drop_unreached(folder, root.joinpath(WANTED).read_text(encoding="utf-8"), absent, target)
        report(f"keep {', '.join(kept)}")
        components = read_components(folder, kept)
        report(f"prune {prune(folder)} files that are never read")
        split_authorities(folder)
        report(f"add functions/{function} and shared")
        add_sources(root, function, folder)
        interpreter = find(target.python)
        if interpreter:
            report(f"compile with {interpreter}")
            compile_folder(folder, interpreter)
        build = write_build(folder)
        make_readable(folder)
        report("zip")
        sha256 = write_zip(folder, archive)
        report("write the bill of materials and the licences")
        write_licences(licences, components)
        write_bill(
            bill,
            application=function,
            version=__version__,
            runtime=target.runtime,
            components=components,
            archive_sha256=sha256,
        )
        for built in (folder, archive, bill, licences):
            _replace(output / built.name, built)
    return Package(output / function, output / f"{function}.zip", sha256, build, bool(interpreter))


@contextmanager
def _stage(output: Path) -> Iterator[Path]:
    """Yield a folder on the output's file system, so that what is built can be moved there in one go."""
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".package-", dir=output) as name:
        yield Path(name)


def _replace(path: Path, built: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    built.replace(path)
