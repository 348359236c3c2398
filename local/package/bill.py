"""The contents of the zip: a bill of materials as a CycloneDX document, and the texts of the licences.

It is reproducible, like the zip: values that the format wants to be unique or current are derived from the zip or
fixed. cyclonedx-py is no substitute: it lists the packages of a running Python, and knows neither the zip's hash nor
the files that are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component as Entry
from cyclonedx.model.component import ComponentType
from cyclonedx.model.license import LicenseAcknowledgement, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from local.package.components import Component
from local.package.errors import PackageError

# That of the zip's entries.
_MOMENT = datetime(1980, 1, 1, tzinfo=timezone.utc)


def write_bill(
    path: Path, *, application: str, version: str, runtime: str, components: Sequence[Component], archive_sha256: str
) -> None:
    """Write the bill in CycloneDX 1.6, as JSON; the same input gives the same bytes.

    Args:
        path: of the file to write.
        application: name of the function.
        version: of the function.
        runtime: what it is built for.
        components: what it ships beside its own code.
        archive_sha256: of the zip, in hex.
    """
    root = Entry(
        name=application,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=f"{application}@{version}",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=archive_sha256)],
        properties=[Property(name=f"{application}:runtime", value=runtime)],
    )
    libraries = [_entry(component) for component in components]
    bill = Bom(
        serial_number=uuid5(NAMESPACE_URL, f"sha256:{archive_sha256}"),
        metadata=BomMetaData(component=root, timestamp=_MOMENT),
        components=libraries,
    )
    bill.register_dependency(root, libraries)
    path.write_text(JsonV1Dot6(bill).output_as_string(indent=2) + "\n", encoding="utf-8")


def _entry(component: Component) -> Entry:
    return Entry(
        name=component.name,
        version=component.version,
        type=ComponentType.LIBRARY,
        # Unlike the random one that would stand here otherwise.
        bom_ref=component.purl,
        purl=PackageURL.from_string(component.purl),
        licenses=[LicenseExpression(component.licence, acknowledgement=LicenseAcknowledgement.DECLARED)]
        if component.licence
        else (),
    )


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
    path.write_text("\n".join(_licence_lines(components)), encoding="utf-8")


def _licence_lines(components: Iterable[Component]) -> Iterator[str]:
    for component in components:
        header = f"{component.name} {component.version}: {component.licence}"
        yield from (header, "=" * len(header), "")
        if not component.licence_texts:
            yield from ("(ships no text of its licence)", "")
        for name, text in component.licence_texts:
            yield from (name, "-" * len(name), "", text.strip("\n"), "")
