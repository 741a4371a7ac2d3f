"""Columns of the metadata that tell who was given botulinum toxin, found by what they mean."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.claims.answers import BOTULINUM, ExposureWords, is_missing, read_answer, tidy, tidy_name
from analysis.errors import ParameterError, listed, one_fault

Asks = Literal["named", "valued", "could mention"]

# What may be left of a name after the words for the exposure, so that an answer of yes, a dose or a date says
# that it was given. Any other word may turn the question round ("botox_free", "pre_botox") or ask for
# something else ("botox_cost"; "bont_site", which a placebo has too).
_TELLS = re.compile(
    r"(?:units?|u|iu|mu|ng|ug|mg|pg|kg|per|dos(?:e|es|age|ing)|total|cumulative|amount|number|num|nr|n|counts?|"
    r"times?|cycles?|sessions?|rounds?|how|many|much|often|frequency|freq|ever|had|ha(?:s|ve)|been|did|do|you|"
    r"your|any|is|was|were|got|recei?ved?|given|gave|administ(?:ered|ration)|inj|inject(?:ed|ions?)|im|"
    r"intramuscular|treat(?:ed|ments?)|tx|trt|rx|therap(?:y|ies)|dates?|day|days|weeks?|months?|mo|years?|yrs?|"
    r"ago|age|at|of|in|on|with|by|for|the|an?|and|during|within|first|last|past|latest|most|recent(?:ly)?|six|"
    r"lifetime|since|after|post|start(?:ed)?|products?|brands?|name|formulations?|(?:sero|sub)?types?|toxins?|"
    r"neurotoxins?|drugs?|meds?|medications?|arms?|groups?|cohort|interventions?|condition|"
    r"exposures?(?: to)?|exposed(?: to)?|use(?:d|s|r|rs)?|using|usage|history|hx|prior|previous(?:ly)?|"
    r"current(?:ly)?|status|yes(?: (?:or )?no)?|yn|flag|indicator|binary|facial|cosmetic|aesthetic|"
    r"procedures?|[b-g]|q?\d+|\d+(?:u|iu|mo|m|d|w|y))"
)
_VERSUS = re.compile(r"(?:vs|versus|or|placebo|sham|saline|vehicle|controls?|study|trial)")
_AMOUNT = re.compile(
    r"\b(?:units?|u|iu|dose|doses|kg|ng|sessions?|numbers?|n|counts?|times?|cycles?|injections|days?|weeks?|months?|"
    r"years?|age|cumulative|total|amount|since)\b"
)
_SINCE = re.compile(r"\b(?:since|after|post)\b")
_SEROTYPE = re.compile(r"(?:(?:sero)?type )?[a-g]\d?")
_CHOICE = re.compile(
    r"treat|\barms?\b|group|interven|\bdrug\b|inject|condition|exposure|product|procedure|perturbation|therapy|"
    r"chem administration|agent|compound|regimen|\bdose|assign|allocat|substance|\babx\b|cohort"
)
_FREE = re.compile(
    r"note|comment|descri|free|histor|title|remark|text|\bother\b|detail|medications?\b|\bmeds\b|medicine|summary"
)
_FEW = 8  # distinct answers of a column that offers a choice, where its name does not tell


@dataclass(frozen=True, eq=False)
class ExposureColumn:
    """A column that tells, or could tell, who had the exposure.

    Attributes
    ----------
    column : str
        Its name.
    asks : {"named", "valued", "could mention"}
        "named": its name asks for the exposure. "valued": one of its answers is the exposure. "could
        mention": it asks for something else, and its text was searched.
    exposed : pandas.Series of boolean, shape (n_samples,)
        True, False, or missing where nothing clear is said; index: the samples.
    n_exposed, n_unexposed, n_unknown : int
        How many samples of each.
    why : str
        How the column was read.
    """

    column: str
    asks: Asks
    exposed: pd.Series
    n_exposed: int
    n_unexposed: int
    n_unknown: int
    why: str

    @property
    def counts_days(self) -> bool:
        """Whether it counts the days since an injection, which may have been one of placebo."""
        return bool(_SINCE.search(tidy_name(self.column)))


def find_exposure(metadata: pd.DataFrame, words: ExposureWords = BOTULINUM) -> tuple[ExposureColumn, ...]:
    """Find the columns that tell who had an exposure, by their names and by what stands in them.

    Parameters
    ----------
    metadata : pandas.DataFrame
        A row a sample.
    words : ExposureWords
        What is looked for.

    Returns
    -------
    tuple of ExposureColumn
        Those that ask for it first, then those that list it among their answers, then those that could
        mention it. An answer that does not speak of the exposure is unexposed only where the question offers
        it; a blank is unknown everywhere.

    Raises
    ------
    ParameterError
        Where the metadata are no data frame.

    Notes
    -----
    The bacterium (*Clostridium botulinum*), botulism, antitoxin and toxin genes are not the injection. "BTX"
    alone may mean benzene, toluene and xylene. A name of a symptom that the toxin is used for does not say
    that it was used.

    Examples
    --------
    >>> found = find_exposure(pd.DataFrame({"bont_units": [20, 0, None]}, index=["a", "b", "c"]))
    >>> [(one.column, one.asks, one.n_exposed, one.n_unexposed, one.n_unknown) for one in found]
    [('bont_units', 'named', 1, 1, 1)]
    """
    if not isinstance(metadata, pd.DataFrame):
        raise one_fault(
            ParameterError,
            "find_exposure",
            f"metadata is a {type(metadata).__name__}",
            expected="a pandas.DataFrame, a row a sample",
            remedy="give study.metadata",
        )
    columns = [_read(metadata[name], words) for name in metadata.columns]
    order = ("named", "valued", "could mention")
    return tuple(sorted(filter(None, columns), key=lambda one: order.index(one.asks)))


def _read(values: pd.Series, words: ExposureWords) -> ExposureColumn | None:
    """Read one column, or return None where it has nothing to do with the exposure."""
    full = tidy_name(values.name)
    name = re.sub(words.other, " ", full)
    named = bool(re.search(words.sure, name))
    if named:
        rest = _rest(re.sub(words.sure, " ", name), _TELLS)
        if not rest:
            return _asked(values, name, words)
        # a choice between it and a placebo tells by its answers, where these name it
        chosen = None if _rest(rest, _VERSUS) else _searched(values, name, words)
        if chosen is not None and chosen.asks == "valued":
            return chosen
        why = f"about {words.name}, but {rest!r} in its name does not say that it was given"
        return _column(values, "could mention", {}, why)
    if re.search(words.offers, name):
        answers = {one: _choice(one, words) for one in _distinct(values)}
        return _column(values, "named", answers, f"a question that offers {words.name} as an answer")
    if full != name:  # what is left speaks of the bacterium or an infection
        return None
    return _searched(values, name, words)


def _rest(name: str, known: re.Pattern) -> str:
    """Return what is left of a name without the words that are known."""
    left = re.sub(rf"(?<![a-z0-9]){known.pattern}(?![a-z0-9])", " ", name)
    return " ".join(re.findall(r"\w+", left))


def _asked(values: pd.Series, name: str, words: ExposureWords) -> ExposureColumn:
    """Read a column whose name asks for the exposure."""
    distinct = _distinct(values)
    answers = {one: read_answer(one, words, asked=True) for one in distinct}
    why = f"its name means {words.name}"
    numbers = set(pd.to_numeric(pd.Series(distinct, dtype=object), errors="coerce").dropna())
    if numbers == {1.0, 2.0} and not _AMOUNT.search(name):
        why += "; 1 and 2 are codes, and nothing says which is which"
        answers = {}
    elif _SINCE.search(name):  # day 0 is the day of the injection
        answers |= {one: True for one in distinct if _is_zero(one)}
    elif "type" in name:
        answers |= {one: True for one in distinct if _SEROTYPE.fullmatch(tidy(one))}
    unread = [one for one in distinct if answers.get(one) is None and not is_missing(one)]
    if unread and answers:
        why += f"; not understood: {listed(unread, 3)}"
    return _column(values, "named", answers, why)


def _searched(values: pd.Series, name: str, words: ExposureWords) -> ExposureColumn | None:
    """Look for the exposure in a column that does not ask for it."""
    distinct = _distinct(values) if _is_text(values) else []
    text = "\n".join(map(str, distinct)).casefold()
    hinted = any(hint in text for hint in words.hints)
    text = re.sub(words.other, " ", tidy(text)) if hinted else ""
    could = bool(re.search(words.could, name))
    if not re.search(words.sure, text):
        unsure = re.search(words.unsure, name) or re.search(words.unsure, text)
        if unsure:
            return _column(
                values, "could mention", {}, f"{unsure[0].strip()!r} may mean {words.name} or something else"
            )
        searched = "its text does not mention it" if len(distinct) else "it holds no text"
        why = f"does not ask for {words.name}; {searched}"
        return _column(values, "could mention", {}, why) if could else None
    answers = {one: read_answer(one, words, asked=False) for one in distinct}
    offered = [one for one, answer in answers.items() if answer is not None]
    few = len(distinct) <= _FEW and 2 * len(distinct) <= values.notna().sum()
    if offered and not _FREE.search(name) and (_CHOICE.search(name) or few):
        answers = {one: _choice(one, words) for one in distinct}
        return _column(values, "valued", answers, f"{words.name} stands in it: {listed(offered, 3)}")
    why = f"does not ask for {words.name}; its text speaks of it: {listed(offered or distinct, 3)}"
    return _column(values, "could mention", answers, why)


def _choice(value: object, words: ExposureWords) -> bool | None:
    """Read one of several answers offered: what was chosen instead means no."""
    text = re.sub(words.other, " ", tidy(value))
    if is_missing(value) or re.search(words.sure, text) or re.search(words.unsure, text):
        return read_answer(value, words, asked=False)
    return False


def _column(values: pd.Series, asks: Asks, answers: dict, why: str) -> ExposureColumn:
    read = pd.array([answers.get(one) for one in values.astype(object)], dtype="boolean")
    exposed = pd.Series(read, index=values.index, name=values.name)
    yes, no = int((exposed == True).sum()), int((exposed == False).sum())  # noqa: E712  # NA is neither
    return ExposureColumn(str(values.name), asks, exposed, yes, no, len(values) - yes - no, why)


def _distinct(values: pd.Series) -> list:
    return values.dropna().unique().tolist()


def _is_text(values: pd.Series) -> bool:
    types = pd.api.types
    return not (
        types.is_numeric_dtype(values) or types.is_bool_dtype(values) or types.is_datetime64_any_dtype(values)
    )


def _is_zero(value: object) -> bool:
    return pd.to_numeric(value, errors="coerce") == 0
