"""The folder of the package: dependencies, pruned, with the function and `shared/` on top of them."""

import shutil
from pathlib import Path, PurePosixPath

from local.package.archive import files_in
from local.package.errors import PackageError
from local.package.pruning import needless
from shared.pages import BUILD

_FUNCTION_FILES = ("index.py", "callers.toml", "openapi.json")
_SHARED = "shared"


def function_folder(root: Path, function: str) -> Path:
    """Return the folder of a function's sources.

    Args:
        root: of the repository.
        function: the folder's name.

    Raises:
        PackageError: there is no function of that name.
    """
    functions = sorted(path.parent.name for path in root.glob("functions/*/index.py"))
    if function not in functions:
        raise PackageError(f"unknown function {function!r}, known are {', '.join(functions) or 'none'}")
    return root / "functions" / function


def prune(folder: Path) -> int:
    """Remove what the function never needs and the folders left empty; return how many files went."""
    removed = needless(PurePosixPath(path.relative_to(folder).as_posix()) for path in files_in(folder))
    for name in removed:
        folder.joinpath(name).unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return len(removed)


def add_sources(root: Path, function: str, folder: Path) -> None:
    """Copy the function's files to the folder's top, where the platform looks for them, and `shared/` beside them.

    Raises:
        PackageError: unknown function, a file is missing, or a dependency has taken one of these names.
    """
    source = function_folder(root, function)
    taken = [name for name in (*_FUNCTION_FILES, BUILD, _SHARED) if folder.joinpath(name).exists()]
    if taken:
        raise PackageError(f"a dependency ships {', '.join(taken)}")
    try:
        for name in _FUNCTION_FILES:
            shutil.copyfile(source / name, folder / name)
        for authorities in source.glob("*.pem"):
            # For `SSL_CERT_FILE`: a store may have authorities of its own.
            shutil.copyfile(authorities, folder / authorities.name)
    except FileNotFoundError as error:
        raise PackageError(f"{error.filename}: {error.strerror}") from None
    # Bytecode of the Python that builds is not the target's.
    shutil.copytree(root / _SHARED, folder / _SHARED, ignore=shutil.ignore_patterns("__pycache__", "py.typed"))


def make_readable(folder: Path) -> None:
    """Let everybody read: the platform runs the code as a user of its own, and keeps the modes."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
