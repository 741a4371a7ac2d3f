"""Errors that say what is wrong, where, what was expected and what to do next.

Every error of this package is a `ValueError` that lists all the faults found in one file or one call, so
that a table is mended once and not once for each fault.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# What users meet; the rest of this module is for those who raise.
__all__ = [
    "AnalysisError",
    "AnalysisWarning",
    "DepthError",
    "DesignError",
    "Fault",
    "IdError",
    "MetadataError",
    "ParameterError",
    "ReadError",
    "RoleError",
    "ScaledCountsWarning",
    "TableError",
    "TaxonomyError",
    "TreeError",
]

_NAMED = 5  # ids spelled out in a message; the rest are counted
_LONGEST_NAME = 200  # letters, above which nothing is looked for: the time grows with their square
_SEARCHED = 5_000  # candidates looked through for the nearest match
_LONGEST = 1_000  # letters of one part of a message: a damaged file can hold a name of megabytes
_TOLD = 50  # faults spelled out; the rest are counted


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    what : str
        What was found.
    where : str
        The place in the file or call: a line, a column, a sample, an argument.
    expected : str
        What would have been right.
    remedy : str
        What the reader can do now.

    Examples
    --------
    >>> import analysis as an
    >>> print(an.errors.Fault("-3 is negative", where="line 4", remedy="give counts"))
    line 4: -3 is negative
         to do: give counts
    """

    what: str
    where: str = ""
    expected: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """Write the fault as sentences on as few lines as it needs."""
        what, where, expected, remedy = map(shortened, (self.what, self.where, self.expected, self.remedy))
        text = f"{where}: {what}" if where else what
        if expected:
            text += f"\n     expected: {expected}"
        if remedy:
            text += f"\n     to do: {remedy}"
        return text


class AnalysisError(ValueError):
    """Base of all errors raised on bad input.

    Parameters
    ----------
    subject : str
        The file, table or call at fault.
    *faults : Fault
        Everything that is wrong with it.

    Examples
    --------
    >>> import analysis as an
    >>> raise an.errors.TableError("mice.tsv", an.errors.Fault("-3 is negative", where="line 4, sample 'S2'",
    ...                                    expected="counts of 0 or more"))
    Traceback (most recent call last):
        ...
    analysis.errors.TableError: mice.tsv: 1 fault
      1. line 4, sample 'S2': -3 is negative
         expected: counts of 0 or more
    """

    def __init__(self, subject: str, *faults: Fault) -> None:
        super().__init__(subject, *faults)  # args are the constructor's own, so that the error pickles
        self.subject = subject
        self.faults = faults

    def __str__(self) -> str:
        """List the faults, numbered."""
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) != 1 else "")
        lines = [f"{self.subject}: {count}"]
        lines += [f"  {number}. {fault}" for number, fault in enumerate(self.faults[:_TOLD], start=1)]
        if len(self.faults) > _TOLD:
            lines.append(f"  ... and {len(self.faults) - _TOLD:,} more")
        return "\n".join(lines)


class ReadError(AnalysisError):
    """A file is missing, damaged, unsafe, or in a format that is not read here.

    Examples
    --------
    >>> import analysis as an
    >>> an.read_study("no_such_table.biom")
    Traceback (most recent call last):
        ...
    analysis.errors.ReadError: no_such_table.biom: 1 fault
      1. there is no such file: no_such_table.biom
         to do: check the path and the working directory
    """


class TableError(AnalysisError):
    """The abundances themselves are wrong: negative, not numbers, transformed, empty.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> an.Study.from_frame(pd.DataFrame({"Dorea": [4, -3]}, index=["S1", "S2"]))
    Traceback (most recent call last):
        ...
    analysis.errors.TableError: table: 1 fault
      1. 1 number is negative: -3 in sample 'S2', feature 'Dorea'
         expected: counts of 0 or more
         to do: correct these cells in the file
    """


class IdError(AnalysisError):
    """Sample or feature ids are repeated, or do not match between files.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> an.Study.from_frame(pd.DataFrame({"Dorea": [4, 3]}, index=["S1", "S1"]))
    Traceback (most recent call last):
        ...
    analysis.errors.IdError: table: 1 fault
      1. 1 sample id(s) stand more than once: 'S1'
         expected: each sample id once
         to do: rename them, or add up the rows that belong together, in the file
    """


class MetadataError(AnalysisError):
    """A metadata table or one of its columns cannot be used.

    Examples
    --------
    >>> import analysis as an
    >>> study = an.load_dataset("turnbaugh_mice")
    >>> an.plots.alpha_by_group(study.depths, study.metadata["diet"].iloc[1:])
    Traceback (most recent call last):
        ...
    analysis.errors.MetadataError: column 'diet': 1 fault
      1. 1 sample(s) have no value: 'PM1:20080107'
         to do: study.select(samples=...) those that have one
    """


class TaxonomyError(AnalysisError):
    """A taxonomy cannot be read, or lacks the rank that was asked for.

    Examples
    --------
    >>> import analysis as an
    >>> an.load_dataset("turnbaugh_mice").collapse("Clan")
    Traceback (most recent call last):
        ...
    analysis.errors.TaxonomyError: rank: 1 fault
      1. 'Clan' is not a taxonomic rank
         to do: did you mean 'Class'? There are: 'Domain', 'Phylum', 'Class', 'Order', 'Family',
         'Genus', 'Species'
    """


class TreeError(AnalysisError):
    """A phylogeny is unrooted, lacks tips or branch lengths.

    Examples
    --------
    >>> import analysis as an
    >>> an.alpha_diversity(an.load_dataset("turnbaugh_mice"), "faith_pd")
    Traceback (most recent call last):
        ...
    analysis.errors.TreeError: turnbaugh_mice: 1 fault
      1. the study has no tree
         expected: a rooted phylogeny with a tip for every feature
         to do: give one: read_study(..., tree='tree.nwk')
    """


class DepthError(AnalysisError):
    """A rarefaction depth that some sample does not reach.

    Examples
    --------
    >>> import analysis as an
    >>> an.rarefy(an.load_dataset("turnbaugh_mice"), depth=900)
    Traceback (most recent call last):
        ...
    analysis.errors.DepthError: turnbaugh_mice: 1 fault
      1. 1 of 139 samples have under 900 reads and would go: 'PM9:20071211' (848)
         expected: a depth of at most 848 reads
         to do: choose a smaller depth, or leave these out with drop_shallow=True
    """


class RoleError(AnalysisError):
    """A column's role in the design is missing or impossible.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame({"Dorea": [4, 3]}, index=["S1", "S2"])
    >>> diets = pd.DataFrame({"diet": ["chow", "fat"]}, index=table.index)
    >>> study = an.Study.from_frame(table, metadata=diets)
    >>> study.with_roles(treatment="diets")
    Traceback (most recent call last):
        ...
    analysis.errors.RoleError: table: 1 fault
      1. treatment=: there is no column 'diets'
         to do: did you mean 'diet'? There are: 'diet'
    """


class DesignError(AnalysisError):
    """The design cannot answer the question asked of it: too few units, no permutation, one arm.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> cages = pd.DataFrame({"diet": list("aabb"), "cage": list("1122")}, index=list("wxyz"))
    >>> distances = [[0, 1, 4, 5], [1, 0, 3, 4], [4, 3, 0, 1], [5, 4, 1, 0]]
    >>> an.permanova(pd.DataFrame(distances, cages.index, cages.index), cages, "diet", plots="cage")
    Traceback (most recent call last):
        ...
    analysis.errors.DesignError: testing 'diet': 1 fault
      1. the smallest p this design can reach is 1: 2 whole units of 'cage' (2 samples each) are
         exchanged freely, and of 2 arrangements 2 split them in the same way
         expected: a design that can reach p <= 0.05
         to do: 4 units an arm would do; alpha=None gives the figures all the same
    """


class ParameterError(AnalysisError):
    """An argument is outside what the function accepts.

    Examples
    --------
    >>> import analysis as an
    >>> an.detection_depth(proportion=1e-4, confidence=95)
    Traceback (most recent call last):
        ...
    analysis.errors.ParameterError: detection_depth: 1 fault
      1. confidence=95
         expected: a probability above 0 and below 1
    """


class AnalysisWarning(UserWarning):
    """Base of the warnings raised here: the result stands, but read this first.

    Examples
    --------
    >>> import warnings
    >>> import analysis as an
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("error", an.errors.AnalysisWarning)  # stop at the first
    ...     depth = an.detection_depth(1e-3)
    """


class ScaledCountsWarning(AnalysisWarning):
    """Whole numbers that look like fractions scaled up to a constant sum, not like reads.

    Examples
    --------
    >>> import warnings
    >>> import pandas as pd
    >>> import analysis as an
    >>> shares = pd.DataFrame({"Dorea": [700000, 200000], "Blautia": [300000, 800000]}, index=["S1", "S2"])
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     study = an.Study.from_frame(shares)
    >>> [one.category.__name__ for one in told]
    ['ScaledCountsWarning']
    """


class Faults:
    """Collects faults and raises them together.

    Parameters
    ----------
    subject : str
        The file, table or call being checked.
    error : type of AnalysisError
        What to raise.

    Examples
    --------
    >>> faults = Faults("mice.tsv", TableError)
    >>> faults.add("-3 is negative", where="line 4")
    >>> bool(faults)
    True
    """

    def __init__(self, subject: str, error: type[AnalysisError] = AnalysisError) -> None:
        self.subject = subject
        self.error = error
        self.found: list[Fault] = []

    def add(self, what: str, *, where: str = "", expected: str = "", remedy: str = "") -> None:
        """Note one more fault; the arguments are those of `Fault`."""
        self.found.append(Fault(what, where=where, expected=expected, remedy=remedy))

    def __bool__(self) -> bool:
        return bool(self.found)

    def raise_if_any(self) -> None:
        """Raise the error with all faults noted so far, if there is one."""
        if self.found:
            raise self.error(self.subject, *self.found)


def one_fault(
    error: type[AnalysisError],
    subject: str,
    what: str,
    *,
    where: str = "",
    expected: str = "",
    remedy: str = "",
) -> AnalysisError:
    """Build an error with a single fault, to be raised by the caller; arguments as in `Fault`."""
    return error(subject, Fault(what, where=where, expected=expected, remedy=remedy))


def shortened(text: str, most: int = _LONGEST) -> str:
    """Leave out the middle of a long text, and say so.

    Examples
    --------
    >>> shortened("abcdefghij", most=4)
    'ab [6 letters left out] ij'
    """
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} [{len(text) - 2 * half:,} letters left out] {text[-half:]}"


def listed(ids: Iterable[object], most: int = _NAMED) -> str:
    """Spell out the first few ids and count the rest.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    names = [repr(str(name)) for name in ids]
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def nearest(name: object, candidates: Sequence[object]) -> str | None:
    """Find the candidate spelled most like a name, or None where nothing is near.

    Examples
    --------
    >>> nearest("treatmnt", ["day", "treatment"])
    'treatment'
    """
    if len(str(name)) > _LONGEST_NAME:
        return None
    pool = [str(candidate) for candidate in candidates[:_SEARCHED]]
    by_folded = {candidate.casefold(): candidate for candidate in reversed(pool)}
    match = difflib.get_close_matches(str(name).casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[match[0]] if match else None


def did_you_mean(name: object, candidates: Sequence[object]) -> str:
    """Name the nearest candidate and the first few others, as a remedy's first sentence.

    Examples
    --------
    >>> did_you_mean("treatmnt", ["day", "treatment"])
    "did you mean 'treatment'? There are: 'day', 'treatment'"
    """
    near = nearest(name, candidates)
    there = f"There are: {listed(candidates, most=12)}" if len(candidates) else "There are none"
    return f"did you mean {near!r}? {there}" if near else there
