"""Signatures as the code has them: annotations unquoted, a line a parameter where one line is too long."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from functools import cached_property
from typing import Any

PROPERTIES = (property, cached_property)
_WIDTH = 88
_MARKS = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


def written(thing: Any, name: str) -> str:
    """Return how a function or class is called, or what type a property has.

    Parameters
    ----------
    thing : callable or property
        What is called.
    name : str
        What users write for it.

    Returns
    -------
    str
        Empty where there is nothing to be given and nothing to be said.

    Examples
    --------
    >>> from analysis.diversity.rarefaction import rarefy
    >>> print(written(rarefy, "an.rarefy"))
    an.rarefy(study: Study, depth: int, seed: int = 0, drop_shallow: bool = False) -> Study
    """
    signature = signature_of(thing)
    if signature is None:
        return ""
    result = "" if signature.return_annotation is signature.empty else _text(signature.return_annotation)
    if isinstance(thing, PROPERTIES):
        return f"{name}: {result}"
    result = f" -> {result}" if result and not inspect.isclass(thing) else ""
    parameters = list(_parameters(signature))
    line = f"{name}({', '.join(parameters)}){result}"
    if len(line) <= _WIDTH:
        return line
    return "\n".join([f"{name}(", *(f"    {one}," for one in parameters), f"){result}"])


def signature_of(thing: Any) -> inspect.Signature | None:
    """Return the signature of what a user calls or reads, without ``self``; None where Python knows none."""
    try:
        signature = inspect.signature(function_of(thing))
    except (TypeError, ValueError):
        return None
    kept = [one for name, one in signature.parameters.items() if name not in {"self", "cls"}]
    return signature.replace(parameters=kept)


def function_of(thing: Any) -> Any:
    """Return the function in a property, a class method or a static method; all else as it is."""
    for inner in ("fget", "func", "__func__"):
        thing = getattr(thing, inner, None) or thing
    return thing


def _parameters(signature: inspect.Signature) -> Iterator[str]:
    starred = False
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not starred:
            yield "*"
        starred |= one.kind in {one.KEYWORD_ONLY, one.VAR_POSITIONAL}
        text = _MARKS.get(one.kind, "") + one.name
        if one.annotation is not one.empty:
            text += f": {_text(one.annotation)}"
        if one.default is not one.empty:
            text += f" = {_default(one.default)}"
        yield text


def _text(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    """Return a default as code; dots where no code says it, as for one made afresh each time."""
    text = repr(value)
    return "..." if text.startswith("<") else text
