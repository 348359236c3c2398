"""The licences of what the zip ships beside its own code, as one text file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from local.package.components import Component
from local.package.errors import PackageError


def write_licences(path: Path, components: Sequence[Component]) -> None:
    """Write each component's name, version and licence, and the texts it brings; the same input gives the same bytes.

    Args:
        path: of the file to write.
        components: what is shipped.

    Raises:
        PackageError: a component has no licence; nothing is written.
    """
    unknown = [f"{component.name} {component.version}" for component in components if not component.licence]
    if unknown:
        raise PackageError(
            f"no licence known of {', '.join(unknown)}: "
            "look it up and add it to the table EXCEPTIONS in local/package/components.py"
        )
    path.write_text("\n".join(_lines(components)), encoding="utf-8")


def _lines(components: Iterable[Component]) -> Iterator[str]:
    for component in components:
        header = f"{component.name} {component.version}: {component.licence}"
        yield from (header, "=" * len(header), "")
        if not component.licence_texts:
            yield from ("(ships no text of its licence)", "")
        for name, text in component.licence_texts:
            yield from (name, "-" * len(name), "", text.strip("\n"), "")
