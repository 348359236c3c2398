from __future__ import annotations

from local.bench.imports import by_package

PRINTED = """\
import time: self [us] | cumulative | imported package
import time:       900 |        900 |   json.decoder
import time:       100 |       1000 | json
import time:      2000 |       2000 |     pydantic.main
import time:       500 |       2500 |   pydantic
import time:       300 |       3800 | shared.callers.file
import time:      1000 |       4800 | index
a line of the function's own
"""


def test_modules_are_summed_up_by_package_and_those_of_the_standard_library_together() -> None:
    found = by_package(PRINTED)

    assert found == {"pydantic": 2.5, "standard library": 1.0, "index": 1.0, "shared": 0.3}
    assert next(iter(found)) == "pydantic"
