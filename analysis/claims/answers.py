"""What one answer in the metadata says of an exposure: yes, no, or nothing that can be relied on."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

# Answers that say nothing, no and yes; all as `tidy` writes them.
_MISSING = {
    "", "na", "n/a", "#n/a", "nan", "null", "-", "--", ".", "?", "missing", "unknown", "unspecified",
    "not known", "not provided", "not collected", "not applicable", "not available", "not reported",
    "not recorded", "not answered", "not asked", "not sure", "no answer", "no data", "no response",
    "restricted access", "prefer not to answer", "prefer not to say", "do not know", "don't know",
    "i do not know", "i don't know", "unsure", "maybe", "possibly", "labcontrol test", "pending",
}  # fmt: skip
_NO = {
    "no", "n", "false", "f", "never", "none", "not", "unexposed", "untreated", "unchecked",
    "unselected", "absent", "negative", "nothing", "naive", "control", "controls", "reference", "water",
    "pbs", "mock",
}  # fmt: skip
_YES = {
    "yes", "y", "true", "t", "checked", "selected", "present", "treated", "injected", "exposed",
    "given", "received", "active", "verum", "ever", "current", "currently", "past", "former", "daily",
    "weekly", "monthly", "yearly", "annually", "regularly", "rarely", "occasionally", "sometimes",
    "often", "frequently", "once", "twice",
}  # fmt: skip
_OFTEN = re.compile(
    r"(?:yes|every|each|about|within|in|during|less than|more than|over|once|twice|rarely|occasionally|"
    r"regularly|last|past|a few|few|several|\d+)\b.*\b(?:times?|days?|weeks?|months?|years?|sessions?)\b"
)
_DENIAL = re.compile(r"(?:no|not|never|none|nothing|without|i (?:have|do|did|had) (?:not|never))\b")
_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?(?:e[+-]?\d+)?)\s*(?:u|units?|iu|mu|ng|ug|mg|pg)?(?:\s*/?\s*kg)?")
_DATE = re.compile(r"(?:\d{4}[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ]\d{2,4})(?:[t ].*)?")

_MARKS = dict.fromkeys(map(ord, "®™[]()\"'\u201c\u201d\u2018\u2019"))

_CONTROL = (
    r"(?:placebo|sham|saline|vehicle|(?:heat )?inactivated|inactive|(?:heat )?denatured|(?:heat )?killed|"
    r"heat treated|boiled|mock|dummy|control)"
)
_GIVEN_INSTEAD = re.compile(rf"\b{_CONTROL}s?\b")
_EITHER = re.compile(
    rf"(?:\b(?:or|vs\.?|versus|then|followed by)\b|/|->|→)\s*{_CONTROL}\b|"
    rf"\b{_CONTROL}\s*(?:\b(?:or|vs\.?|versus|then|followed by)\b|/|->|→)"
)
_PARTS = re.compile(r"[,;|\n+&]|\band\b|\bbut\b|\. ")
_DOUBT = re.compile(
    r"\?|\b(?:unknown|unsure|not sure|maybe|possibl[ey]|perhaps|consider\w*|plan(?:s|ned|ning)?|"
    r"interest(?:ed)?|candidate|eligible|awaiting|scheduled|expect\w*|wants?|wishes|hopes?|hoping|allerg\w*|"
    r"mother|father|parents?|sister|brother|wife|husband|partner|friends?|daughter|son|family|"
    r"offer(?:ed|s)?|recommend\w*|suggest\w*|advised?|told|discuss\w*|refer(?:red|ral)|"
    r"might|could|would|should|may (?:be|help|need|try|get|have)|contra ?indicat\w*|avoid\w*|against|"
    r"dislikes?|hates?|afraid|fears?|scared|opposed?|not (?:provided|applicable|collected|recorded)|"
    r"intraluminal|gavage|orally|by mouth|per os|ingest\w*)\b"
)
# Things that are called after it, and things that act against it.
_NAMESAKE = (
    r"(?:like|alternatives?|substitutes?|style|shampoo|hair|cream|serum|mask|lotion|gel|peptides?|"
    r"antagonists?|inhibitors?|blockers?|mimetics?|binding|receptors?|challenge)"
)
_DECLINED = (
    r"(?:(?:was|were|has been|is) )?(?:declin(?:ed|es)|refus(?:ed|es|al)|den(?:ied|ies)|withheld|cancell?ed|"
    r"(?:not|never) (?:(?:been|yet|ever) )?(?:given|received|used|done|taken|tried|injected|administered|had|"
    r"treated|exposed|applied|performed))"
)
_NOT = (
    r"(?:(?<![a-z])(?:no|not|never|non|none|without|denies|denied|declined|refused|nor|neither|zero)|"
    r"(?<![a-z0-9.,])0+(?:[.,]0+)? ?(?:u|units?|iu)(?: of)?(?: ?/ ?kg)?)"
)
# What may stand between a denial and what it denies; other words leave it open what was denied.
_LINK = (
    r"(?:any|receiv\w+|ha[ds]|ha(?:ve|ving)|been|being|given|injected|treated|with|of|history|prior|previous\w*|"
    r"us(?:ed?|es|ing)|on|taken?|taking|ever|yet|an?|the|to|expos\w+|get|getting|got|recent|by|for|th[eo]se|"
    r"this|procedures?|such|as|like|injections?|treatments?|therapy|facial|cosmetic|other|or|in|past|last|fillers?|"
    r"medications?|drugs?|undergone|administered|dose|units?|\d+|months?|years?|six|following|type)"
)
_OTHERWISE = re.compile(
    r"(?<![a-z])(?:no|not|never|non|without)\b(?:\s+\w+)*?\s+(?:longer|only|just|respon\w*|since|after|until|"
    r"effect\w*|side|adverse|problems?|complications?|changes?|improv\w*|benefits?|reactions?|relief|issues?|"
    r"help\w*|work(?:s|ed|ing)?|tolerat\w*|success\w*|satisf\w*|continued)\b"
)
_ZERO = r"(?:no|none|never|n|false|0+(?:[.]0+)?(?: ?(?:u|units?|iu))?(?: ?/? ?kg)?|absent|not|negative)"


@dataclass(frozen=True)
class ExposureWords:
    """Words by which metadata speak of an exposure: regular expressions over tidied text.

    Attributes
    ----------
    name : str
        What it is called in messages.
    sure : str
        Means the exposure.
    unsure : str
        May mean it, or something else.
    other : str
        Holds such words and means something else: the bacterium, an infection, an antibody.
    offers : str
        Names of questions that offer the exposure as one of several answers.
    could : str
        Names of columns that do not ask for it, but where somebody may have written it.
    hints : tuple of str
        Pieces of text, one of which is in whatever `sure` or `unsure` match: a quick first look.
    """

    name: str
    sure: str
    unsure: str
    other: str
    offers: str
    could: str
    hints: tuple[str, ...]


_MAKERS = r"(?:ona|abo|inco|rima|pra|daxi|leti|nivo|rela|evo)"
_BRANDS = (
    r"dysport|azzalure|alluzience|xeomin|bocouture|jeuveau|nuceiva|myobloc|neurobloc|daxxify|letybo|vistabel|"
    r"relfydess|botulax|nabota|meditoxin|neuronox|hutox"
)
_TOXIN_OF = r"(?:botulinum|bont)(?: ?(?:type )?[a-g]\d?)?(?: ?neuro)? ?(?:toxin\w*)?(?: ?(?:type )?[a-g]\d?)?"
BOTULINUM = ExposureWords(
    name="botulinum toxin",
    sure=(
        rf"(?<![a-z])(?:botox(?:(?!free|naive|like)[a-z])*|{_MAKERS}bot(?:ulinum)?(?:toxin)?[ab]?(?![a-z])|"
        rf"{_MAKERS}?botulinum(?: ?type [a-g]| [a-g])? ?(?:neuro ?)?toxins?[a-g]?(?![a-z])|"
        r"botulinum (?=(?:type )?[ab]\b|\d|units?\b|inj|dose|treat)|botulin(?:us)?(?:toxin|(?= toxin))|"
        r"toxina botulinica|toxine botulique|bont(?: ?[a-g]\d?)?(?![a-z])|"
        r"btx ?(?:[ab](?![a-z])|(?=type|units?|inj|dose))|"
        rf"(?:{_BRANDS})(?![a-z])|m03ax01)"
    ),
    unsure=r"(?<![a-z])(?:btx|botulinum|neurotoxin|neuromodulator|anti ?wrinkle injections?)(?![a-z])",
    other=(
        r"(?<![a-z])(?:clostridium|clostridia|cl?\.?|s|species) botulinum(?!(?: neuro| type| [a-g])* ?toxin)|"
        rf"(?<![a-z])anti ?{_TOXIN_OF}|"
        rf"(?<![a-z]){_TOXIN_OF} (?:genes?|antitoxin|toxoid|vaccine|spores?|immun\w+|antibod\w+|pcr|cfu|"
        r"infect\w+|cultures?|carriage|coloni\w+|antigen|elisa|assay|producing|positive|negative|"
        r"detected|in (?:the )?stool|in serum|isolates?|strain|abundance)\b"
    ),
    offers=r"^facial procedures?(?: (?:in the )?(?:last|past) (?:six|6) months)?$",
    could=(
        r"^(?!.*(?:antibiotic|abx|diabet|acne|contracept|supplement)).*(?:cosmetic|migraine|"
        r"(?<![a-z])med(?:s|ications?|icines?)(?![a-z])|(?<![a-z])drugs?(?![a-z])|prescri|"
        r"chem administration|perturbation|medic hist|facial procedure|ihmc medication)"
    ),
    hints=("bot", "bont", "btx", "neurotoxin", "neuromod", "wrinkle", "m03ax", *_BRANDS.split("|")),
)


def tidy(value: object) -> str:
    """Write text in lower case without accents, marks and underscores, for comparison.

    Examples
    --------
    >>> tidy("BoNT/A_Units ")
    'bont a units'
    """
    text = str(value).translate(_MARKS)
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    text = text.casefold()
    # a hyphen between letters is a blank, but not the sign of an exponent: 5e-05
    hyphen = r"(?<=[a-z0-9])-(?=[a-z0-9])(?!(?<=\de-)\d)"
    text = re.sub(rf"(?<=bont)\s*[/-]\s*(?=[a-g](?![a-z]))|{hyphen}|_", " ", text)
    return re.sub(r"[ \t]+", " ", text).strip()


def tidy_name(column: object) -> str:
    """Write a column's name as `tidy` does, with words told apart that only a capital separates.

    Examples
    --------
    >>> tidy_name("BoNTUnits"), tidy_name("FACIAL_PROCEDURES")
    ('bont units', 'facial procedures')
    """
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", str(column).replace("BoNT", "Bont "))
    return re.sub(r"(?<![a-z])botox(?=[a-z])", "botox ", tidy(re.sub(r"[.:\-]", " ", text)))


def is_missing(value: object) -> bool:
    """Say whether an answer is none: blank, unknown, not provided and the like."""
    text = tidy(value)
    return text in _MISSING or text.startswith(("missing:", "missing ", "not provided"))


def read_answer(value: object, words: ExposureWords, *, asked: bool) -> bool | None:
    """Say what one answer means.

    Parameters
    ----------
    value : object
        As it stands in the metadata.
    words : ExposureWords
        What is looked for.
    asked : bool
        Whether the column asks for the exposure, so that "yes", a dose or a date means it too.

    Returns
    -------
    bool or None
        None: it says nothing, or nothing that is clear.

    Examples
    --------
    >>> [read_answer(text, BOTULINUM, asked=False) for text in ("Botox, fillers", "no botox", "Botox?")]
    [True, False, None]
    """
    if is_missing(value):
        return None
    text = re.sub(words.other, " ", tidy(value))
    if re.search(words.sure, text):
        return _mentioned(text, words)
    return _plain(text.strip()) if asked and not re.search(words.unsure, text) else None


def _mentioned(text: str, words: ExposureWords) -> bool | None:
    """Read an answer that names the exposure, part by part."""
    text = re.sub(r",\s*(no|none|never)\s*$", r": \1", text)
    if re.match(r"(?:no|none|never)\s*[,;|]", text):
        return None  # "No; Botox": the answer is no, or it is what follows
    parts = [part.strip() for part in _PARTS.split(text) if re.search(words.sure, part)]
    found = [_part(part, words) for part in parts]
    return True if True in found else False if False in found else None


def _part(part: str, words: ExposureWords) -> bool | None:
    sure = f"(?:{words.sure})"
    more = r"(?:\s+(?:[ab]|type [ab]|toxin|injections?|treatment|units?|group|arm))*"
    if _declined(part, sure, more):
        return False
    if _DOUBT.search(part) or _EITHER.search(part):
        return None
    if re.search(rf"{sure}{more}\s*{_NAMESAKE}\b|\b(?:anti|hair|topical)\s+{sure}", part):
        return None
    if (
        re.search(rf"{_NOT}(?:\s+{_LINK})*\s+{sure}", part)
        or re.search(rf"\b(?:pre|before|prior to)(?:\s+(?:the|first|any))*\s+{sure}", part)
        or re.search(rf"\b{_CONTROL}(?:\s+(?:for|of|group|arm))?\s+{sure}", part)
        or re.search(rf"{sure}{more}\s*(?:naive|free|\b{_CONTROL})\b", part)
        or re.search(rf"{sure}{more}\s*[:=-]?\s*{_ZERO}\s*$", part)
        or re.search(rf"{sure}\s*-\s*$", part)
    ):
        return False
    if re.search(rf"{_NOT}\b.*{sure}|{sure}.*{_NOT}\b", part) and not _OTHERWISE.search(part):
        return None  # something is denied, but it is not clear what
    return True


def _declined(part: str, sure: str, more: str) -> bool:
    """Say whether a part ends in that it was not taken up: "Botox declined", "Botox - denies"."""
    return bool(re.search(rf"{sure}{more}\s*[:=-]?\s*{_DECLINED}\s*$", part))


def _plain(text: str) -> bool | None:
    """Read an answer to a question that asks for the exposure."""
    number = _NUMBER.fullmatch(text)
    if number:
        amount = float(number[1].replace(",", "."))
        return None if amount < 0 else amount > 0
    if _DATE.fullmatch(text):
        return True
    if text in _NO or _DENIAL.match(text) or _GIVEN_INSTEAD.search(text):
        return False
    if text in _YES or text.startswith("yes") or _OFTEN.match(text):
        return True
    return None
