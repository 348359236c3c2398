"""Builds what is deployed: one function with all it needs, as a folder and as a reproducible zip.

    sources + locked wheels → prune → bytecode → folder and zip

The package is built for a target: a runtime of Function Compute, which need not be the Python that builds it.
"""

from local.package.build import Package, build_package
from local.package.errors import PackageError
from local.package.targets import TARGETS, Target

__all__ = ["TARGETS", "Package", "PackageError", "Target", "build_package"]
