"""The callers file: who may call."""

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.callers.caller import Caller, Defaults, Expressions
from shared.callers.handshakes import Handshake
from shared.callers.schemes import SCHEMES, Ram, keys_of
from shared.problems import ConfigurationError, Forbidden, Unauthorized
from shared.runtime.event import Request
from shared.validation import TABLE_TYPES, Table, describe, says, unknown_key

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DEFAULT_CALLER = "default"
# What to do about an error of TOML, by how the library's message begins.
_TOML_REMEDIES = {
    "Invalid value": "a text stands in quotes, true and false in lower case",
    "Invalid statement": "each line is [callers.NAME], KEY = VALUE, or the rest of a list",
    "Invalid initial character for a key": "a table in braces stands in one line, without a comma at its end",
    "Expected '='": "write KEY = VALUE",
    "Expected newline": 'inside "…" a quote is written \\", or the whole text stands in \'…\'',
    "Cannot declare": "each caller has one table, with all of its keys",
    "Cannot overwrite": "this key or table is there already: remove one",
    "Illegal character": "a text stands in one line, between two quotes of the same kind",
    "Unescaped": "inside \"…\" a backslash is written twice, or the whole text stands in '…'",
    "Unclosed": "a comma or the bracket at the end is missing",
}
_NOT_ASCII = "write quotes, commas, brackets and spaces in English (ASCII), and put a name with other letters in quotes"
_TOML_PLACE = re.compile(r"\(at line ([0-9]+), column ([0-9]+)\)")
_TABLE_OF_CALLER = "each caller has a table [callers.NAME]"
# The parts of a key's place: callers, the name, the key.
_OF_A_CALLER = 3
_TABLE = "{ KEY = VALUE }"
_LIST = ', in brackets: ["…"]'
RESERVED_NAMES = ("healthz", "initialize")


def _not_reserved(name: str) -> str:
    if name in RESERVED_NAMES:
        raise PydanticCustomError("reserved", "Name is that of a page of the function: name the caller otherwise")
    return name


CallerName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$"),
    says("Name should have lower-case letters, digits, - and _ alone, and begin with a letter or a digit"),
    AfterValidator(_not_reserved),
]


class Callers(Table):
    """The whole file."""

    callers: Annotated[dict[CallerName, Caller], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_direct_caller(self) -> "Callers":
        names = [name for name, caller in self.callers.items() if isinstance(caller.auth, Ram)]
        if len(names) > 1:
            raise PydanticCustomError(
                "ram", "auth.scheme: ram is for one caller, here it has {n}: keep one", {"n": ", ".join(names)}
            )
        return self

    def take_options(self) -> bool:
        """Whether a handshake of any caller comes with OPTIONS."""
        return any(caller.takes("OPTIONS") for caller in self.callers.values())

    def of(self, request: Request) -> tuple[str, Caller]:
        """Return name and caller of a request: by the last segment of its path, or the one for direct invocation.

        Raises:
            Forbidden: a direct invocation, and no caller is for them.
            Unauthorized: nobody has that name.
        """
        if request.direct:
            for name, caller in self.callers.items():
                if isinstance(caller.auth, Ram):
                    return name, caller
            raise Forbidden("no caller has the scheme ram")
        name = request.caller_path or DEFAULT_CALLER
        try:
            return name, self.callers[name]
        except KeyError:
            raise Unauthorized("no such caller") from None


def load_callers(path: str | Path) -> Callers:
    """Return the callers in a TOML file, read again only when the file has changed.

    Raises:
        ConfigurationError: the file is missing, unreadable or wrong; one error that lists everything.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - at every invocation; a `Path` takes several times as long
        return _load(str(path), (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    except OSError as error:
        raise ConfigurationError(f"callers file {path}: {error.strerror}") from None
    except ValidationError as error:
        lines = describe(error, sentence_for=_sentence_for)
        raise ConfigurationError(*(f"callers file: {line}" for line in lines)) from None
    except RecursionError:
        raise ConfigurationError("callers file: nested too deep") from None
    except ValueError as error:
        reason = "not UTF-8; save it as UTF-8" if isinstance(error, UnicodeDecodeError) else "a value cannot be read"
        raise ConfigurationError(f"callers file: {reason}") from None


@lru_cache(maxsize=1)
def _load(path: str, _version: tuple[int, ...]) -> Callers:
    # Some editors put a byte order mark before the text.
    text = Path(path).read_text(encoding="utf-8-sig")
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"callers file: {_fault_of_toml(str(error), text)}") from None
    return Callers.model_validate(document)


def _fault_of_toml(message: str, text: str) -> str:
    """Return the library's message, which has the place and no content, with what to do."""
    place = _TOML_PLACE.search(message)
    line = text.splitlines()[int(place[1]) - 1] if place else ""
    if place and not line[int(place[2]) - 1 : int(place[2])].isascii():
        return f"{message}; {_NOT_ASCII}"
    remedies = (remedy for beginning, remedy in _TOML_REMEDIES.items() if message.startswith(beginning))
    return "; ".join((message, *remedies))


def _sentence_for(kind: str, location: tuple[int | str, ...]) -> str | None:
    """Return what to say of an error that the whole file explains better than its place, `None` for any other."""
    if kind in ("missing", "too_short") and location == ("callers",):
        return f"Value is required; {_TABLE_OF_CALLER}"
    if kind == "extra_forbidden":
        return _unknown_key(location)
    if kind == "list_type":
        is_of_tables = location[-1] == "handshakes"
        return f"Value should be a list{f': [[callers.{location[1]}.handshakes]]' if is_of_tables else _LIST}"
    if kind in TABLE_TYPES:
        is_caller = len(location) == _OF_A_CALLER - 1
        return f"Value should be a table: {f'[callers.{location[1]}], in single brackets' if is_caller else _TABLE}"
    return None


def _unknown_key(location: tuple[int | str, ...]) -> str:
    """Return the sentence for a key that its table does not take: where it belongs, or which was meant."""
    key = str(location[-1])
    if len(location) == 1:
        return unknown_key(key, ["callers"], _TABLE_OF_CALLER)
    table: type[BaseModel] = Caller
    own = f"[callers.{location[1]}]"
    homes = {
        "auth": {key for name in SCHEMES for key in keys_of(name)},
        f"[callers.{location[1]}.parameters] or [callers.{location[1]}.defaults]": Expressions.model_fields,
        f"[[callers.{location[1]}.handshakes]]": Handshake.model_fields,
    }
    if len(location) > _OF_A_CALLER:
        # TOML has no way back: keys after the head of a table belong to that table.
        table = {"parameters": Expressions, "defaults": Defaults}.get(str(location[2]), Handshake)
        homes = {f"{own}, above every [callers.{location[1]}.…]": Caller.model_fields, **homes}
    for home, keys in homes.items():
        if key in keys:
            return f"Key belongs in {home}"
    return unknown_key(key, table.model_fields, f"this table takes {', '.join(table.model_fields)}")
