"""The clean-up of a public table, written as data in its catalogue entry and carried out step by step.

A step is a table with ``do`` and what that needs; each leaves a note in ``study.source.notes``. Columns are
those of the metadata, or "sample_id".

=========  ==========================  ================================================================
do         needs                       does
=========  ==========================  ================================================================
text       columns                     numbers that are names become text: 18 or 18.0 is "18"
missing    columns, values             these words are missing; a column of numbers otherwise becomes one
replace    column, values              old = new, for some values of a column
map        column, from, values        a new column: old = new, for every value
join       column, form                a new column from others, such as "{group}-{mouse}"
extract    column, from, pattern       a new column: the group of a regular expression
drop       column, values or missing,  leaves samples out; refused unless their number is the one stated
           samples, reason
=========  ==========================  ================================================================
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.errors import Faults, MetadataError, ReadError, did_you_mean, listed, one_fault
from analysis.readers.metadata import metadata_of
from analysis.readers.opening import open_file
from analysis.source import SourceFile
from analysis.study import Study

SAMPLE_ID = "sample_id"
_FIELD = re.compile(r"\{([^{}]+)\}")
Step = Mapping[str, object]


def prepare(study: Study, steps: Sequence[Step]) -> Study:
    """Carry out the clean-up steps of a catalogue entry.

    Parameters
    ----------
    study : Study
        As read from its files.
    steps : sequence of mapping
        See the table of this module; checked with `check_steps` before.

    Returns
    -------
    Study
        Cleaned, with a note a step.

    Raises
    ------
    MetadataError
        Where a step does not fit the data: no such column or value, or another number of samples than stated.
    """
    for number, step in enumerate(steps, start=1):
        where = f"step {number} ({step['do']})"
        study = _STEPS[str(step["do"])][0](study, step, where)
    return study


def metadata_of_first_rows(
    path: str | os.PathLike[str], id_column: str | None = None
) -> tuple[pd.DataFrame, SourceFile]:
    """Read sample metadata in which some samples have several rows, and keep the first of each.

    Parameters
    ----------
    path : str or path-like
        As for `read_metadata`.
    id_column : str, optional
        The column of sample ids; the first without it.

    Returns
    -------
    tuple of pandas.DataFrame and SourceFile
        The metadata, with the number of rows left out in ``.attrs["notes"]``, and the file's checksum.
    """
    opened = open_file(path)
    told = metadata_of(opened)
    place = told.header.index(id_column) if id_column in told.header else 0
    ids = told.columns[place]
    first = [k for k, name in enumerate(ids) if name not in ids[:k]]
    note = f"{len(ids) - len(first)} of {len(ids)} metadata rows dropped, being further rows of a sample"
    once = replace(
        told,
        columns=[[cells[k] for k in first] for cells in told.columns],
        line_numbers=[told.line_numbers[k] for k in first],
        notes=[*told.notes, note],
    )
    return once.frame(id_column), SourceFile("metadata", opened.path, opened.sha256)


def check_steps(steps: object, where: str, faults: Faults) -> None:
    """Note what is wrong with the steps of a catalogue entry.

    Parameters
    ----------
    steps : object
        What stands under ``steps``.
    where : str
        The entry, for messages.
    faults : Faults
        Collects what is wrong.
    """
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        faults.add("steps is no list of tables", where=where, expected=f"[[{where.strip('[]')}.steps]]")
        return
    for number, step in enumerate(steps, start=1):
        place = f"{where}, step {number}"
        kind = step.get("do")
        if kind not in _STEPS:
            remedy = did_you_mean(kind, list(_STEPS))
            faults.add(f"do = {kind!r} is no step", where=place, remedy=remedy)
            continue
        _, needed, optional = _STEPS[str(kind)]
        compare_keys(step, ["do", *needed], list(optional), place, faults)
        _check_types(step, place, faults)
        if kind == "drop" and ("values" in step) == ("missing" in step):
            faults.add(
                "values or missing", where=place, expected="one of the two", remedy="write one of them"
            )


def compare_keys(entry: Mapping, needed: list[str], optional: list[str], where: str, faults: Faults) -> None:
    """Note keys that an entry lacks, and keys that are not known with the nearest that is."""
    for key in needed:
        if key not in entry:
            faults.add(f"the key {key!r} is missing", where=where, remedy=f"write {key} = ... in it")
    for key in entry:
        if key not in (*needed, *optional):
            faults.add(f"unknown key {key!r}", where=where, remedy=did_you_mean(key, [*needed, *optional]))


_TEXTS = ("column", "from", "form", "pattern", "reason")


def _check_types(step: Step, where: str, faults: Faults) -> None:
    """Note values of a wrong type, a regular expression that is none, a form without a column."""
    for key in _TEXTS:
        if key in step and not isinstance(step[key], str):
            faults.add(f"{key} = {step[key]!r} is no text", where=where, expected="text in quotes")
    if "columns" in step and not _is_list_of_text(step["columns"]):
        faults.add("columns is no list of names", where=where, expected='columns = ["a", "b"]')
    pairs = step["do"] in ("replace", "map")
    if "values" in step and not isinstance(step["values"], dict if pairs else list):
        expected = "values = { old = new }" if pairs else 'values = ["a", "b"]'
        faults.add(f"values = {step['values']!r}", where=where, expected=expected)
    if "samples" in step and (not isinstance(step["samples"], int) or isinstance(step["samples"], bool)):
        faults.add(f"samples = {step['samples']!r} is no number of samples", where=where)
    if "missing" in step and step["missing"] is not True:
        faults.add(f"missing = {step['missing']!r}", where=where, expected="missing = true")
    if isinstance(step.get("form"), str) and not _FIELD.search(str(step["form"])):
        faults.add("the form names no column", where=where, expected='such as form = "{cage}-{mouse}"')
    if isinstance(step.get("pattern"), str):
        try:
            groups = re.compile(str(step["pattern"])).groups
        except re.error as error:
            faults.add(f"the pattern is no regular expression: {error}", where=where)
        else:
            if groups != 1:
                faults.add(f"the pattern has {groups} groups", where=where, expected="one, in parentheses")


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def as_text(values: pd.Series) -> pd.Series:
    """Write values as text; 18.0 is "18", and what is missing stays missing."""
    texts = [None if pd.isna(value) else _text(value) for value in values]
    return pd.Series(texts, index=values.index, dtype="str")


def _text(value: object) -> str:
    whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def _column(study: Study, name: object, where: str) -> pd.Series:
    if name == SAMPLE_ID:
        return pd.Series(study.sample_ids, index=study.sample_ids, dtype="str")
    columns = list(study.metadata.columns)
    if name not in columns:
        raise one_fault(
            MetadataError,
            study.source.name,
            f"there is no column {str(name)!r}",
            where=where,
            remedy=did_you_mean(name, columns),
        )
    return study.metadata[name]


def _with(study: Study, columns: Mapping[str, pd.Series], note: str) -> Study:
    metadata = study.metadata.assign(**columns)
    return replace(study, metadata=metadata, source=study.source.noting(note))


def _as_numbers(texts: pd.Series) -> pd.Series:
    """Return numbers where all that is not missing is a number, else the texts."""
    numbers = pd.to_numeric(texts, errors="coerce")
    return numbers if numbers.notna().equals(texts.notna()) and texts.notna().any() else texts


def _to_text(study: Study, step: Step, where: str) -> Study:
    columns = {name: as_text(_column(study, name, where)) for name in step["columns"]}  # type: ignore[attr-defined]
    return _with(study, columns, f"taken as names, not numbers: {', '.join(columns)}")


def _to_missing(study: Study, step: Step, where: str) -> Study:
    words = [_text(value) for value in step["values"]]  # type: ignore[attr-defined]
    columns, total = {}, 0
    for name in step["columns"]:  # type: ignore[attr-defined]
        before = _column(study, name, where)
        texts = as_text(before)
        hit = texts.isin(words)
        total += int(hit.sum())
        if hit.any():
            columns[name] = _as_numbers(texts.mask(hit))
    return _with(study, columns, f"{total} cell(s) taken as missing: {listed(words)}")


def _replaced(study: Study, step: Step, where: str) -> Study:
    name = str(step["column"])
    texts = as_text(_column(study, name, where))
    pairs = {str(old): _text(new) for old, new in step["values"].items()}  # type: ignore[attr-defined]
    _refuse_unknown(study, [old for old in pairs if not (texts == old).any()], name, texts, where)
    changed = texts.replace(pairs)
    columns = {name: _as_numbers(changed) if study.metadata[name].dtype.kind in "if" else changed}
    told = ", ".join(f"{old!r} to {new!r}" for old, new in pairs.items())
    return _with(study, columns, f"{name}: {int(texts.isin(pairs).sum())} cell(s) changed, {told}")


def _mapped(study: Study, step: Step, where: str) -> Study:
    texts = as_text(_column(study, step["from"], where))
    pairs = {str(old): new for old, new in step["values"].items()}  # type: ignore[attr-defined]
    left = sorted(set(texts.dropna()) - set(pairs))
    if left:
        raise one_fault(
            MetadataError,
            study.source.name,
            f"{len(left)} value(s) of {step['from']!r} are not mapped: {listed(left)}",
            where=where,
            expected="old = new for every value",
        )
    values = pd.Series([pairs.get(text) for text in texts], index=texts.index).infer_objects()
    return _with(study, {str(step["column"]): values}, f"{step['column']} was made from {step['from']}")


def _joined(study: Study, step: Step, where: str) -> Study:
    form = str(step["form"])
    names = _FIELD.findall(form)
    parts = {name: as_text(_column(study, name, where)).fillna("") for name in names}
    values = [
        _FIELD.sub(lambda found, i=i: parts[found[1]].iloc[i], form).strip()
        for i in range(len(study.sample_ids))
    ]
    column = pd.Series(values, index=study.sample_ids, dtype="str")
    return _with(study, {str(step["column"]): column}, f"{step['column']} was made as {form!r}")


def _extracted(study: Study, step: Step, where: str) -> Study:
    texts = as_text(_column(study, step["from"], where))
    found = texts.str.extract(str(step["pattern"]), expand=False)
    failed = texts[found.isna() & texts.notna()]
    if len(failed):
        raise one_fault(
            MetadataError,
            study.source.name,
            f"{len(failed)} value(s) of {step['from']!r} do not match {step['pattern']!r}: {listed(failed)}",
            where=where,
        )
    note = f"{step['column']} was taken from {step['from']} by {step['pattern']!r}"
    return _with(study, {str(step["column"]): _as_numbers(found)}, note)


def _dropped(study: Study, step: Step, where: str) -> Study:
    name = str(step["column"])
    texts = as_text(_column(study, name, where))
    if "values" in step:
        values = [_text(value) for value in step["values"]]  # type: ignore[attr-defined]
        _refuse_unknown(study, [v for v in values if not (texts == v).any()], name, texts, where)
        out, told = texts.isin(values), f"{name} is {listed(values)}"
    else:
        out, told = texts.isna(), f"{name} is missing"
    if out.sum() != step["samples"]:
        raise one_fault(
            ReadError,
            study.source.name,
            f"in {out.sum()} of {len(out)} samples {told}",
            where=where,
            expected=f"{step['samples']} samples to leave out, as the catalogue says",
        )
    kept = ~out.to_numpy()
    note = f"{out.sum()} of {len(out)} samples dropped, as {told}: {step['reason']}"
    return replace(
        study,
        counts=study.counts[kept],
        sample_ids=study.sample_ids[kept],
        metadata=study.metadata[kept],
        source=study.source.noting(note),
    )


def _refuse_unknown(study: Study, unknown: list[str], name: str, texts: pd.Series, where: str) -> None:
    if unknown:
        raise one_fault(
            MetadataError,
            study.source.name,
            f"no sample has {name} = {listed(unknown)}",
            where=where,
            remedy=did_you_mean(unknown[0], sorted(texts.dropna().unique())),
        )


# do: (function, needed keys, optional keys)
_STEPS: dict[str, tuple[Callable[[Study, Step, str], Study], tuple[str, ...], tuple[str, ...]]] = {
    "text": (_to_text, ("columns",), ()),
    "missing": (_to_missing, ("columns", "values"), ()),
    "replace": (_replaced, ("column", "values"), ()),
    "map": (_mapped, ("column", "from", "values"), ()),
    "join": (_joined, ("column", "form"), ()),
    "extract": (_extracted, ("column", "from", "pattern"), ()),
    "drop": (_dropped, ("column", "samples", "reason"), ("values", "missing")),
}
