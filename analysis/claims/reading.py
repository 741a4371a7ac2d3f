"""Read a file of claims, with every fault in one message."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from analysis.claims.model import Article, Claim, Field, Host, Source
from analysis.diversity.metrics import is_metric
from analysis.errors import Fault, Faults, ReadError, did_you_mean
from analysis.paths import data_path
from analysis.pilots.shipped import list_pilot_names
from analysis.records import make, read_toml
from analysis.taxa.panels import load_panels

_SCALES = {
    "alpha": ("percent", "own"),
    "community": ("omega_squared",),
    "panel": ("log_ratio",),
    "marker": ("ratio", "percent", "own"),
    "association": ("correlation",),
}
_NEEDED = ("exposure", "endpoint", "effect", "trial", "depth", "test")
_SHARE = "above 0 and at most 1"
_MOST = {"percent": 100.0, "omega_squared": 1.0, "correlation": 1.0}  # sizes that nothing can have


@dataclass(frozen=True)
class _Preamble:
    """What all claims of a file share."""

    article: Article
    sources: dict[str, Source]
    fields: dict[str, Field] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_claims(path: str | Path | None = None) -> dict[str, Claim]:
    """Read the claims of an article, each as a question that data could answer.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        A TOML file of the same shape as the project's own ``data/claims.toml``, which is the default. Its
        head says how to write one for another article.

    Returns
    -------
    dict of str to Claim
        In the order of the file.

    Raises
    ------
    ReadError
        Where the file is no TOML or something in it does not fit: a key that is missing, misspelt or of the
        wrong type, a source or column that is not there, a value that is impossible; all faults at once.

    Examples
    --------
    >>> import analysis as an
    >>> claims = an.load_claims()
    >>> claims["diversity_falls_mice"].effect.direction
    'lower'
    """
    path = data_path("claims.toml") if path is None else path
    content = read_toml(path, ReadError)
    subject = Path(path).name
    faults = Faults(subject, ReadError)
    entries = content.pop("claims", None)
    shared = make(_Preamble, content, "the file", faults)
    if not isinstance(entries, dict) or not entries:
        faults.add("there are no claims", expected="a table [claims.NAME] for each claim")
        entries = {}
    shared = shared or _stand_in(content)
    _among(faults, "the file", "hosts", shared.hosts, get_args(Host))
    claims, found = {}, []
    for name, entry in entries.items():
        where = f"[claims.{name}]"
        known = {"id": name, "fields": shared.fields, "sources": shared.sources, "article": shared.article}
        defaults = _defaults(shared.hosts, entry)
        own = Faults(subject, ReadError)
        claim = make(Claim, _merged(defaults, entry), where, own, **known)
        if claim is not None:
            _check(claim, where, own)
            claims[name] = claim
        found += [_at_home(fault, where, entry, defaults) for fault in own.found]
    faults.found += dict.fromkeys(found)  # what claims inherit is said once
    faults.raise_if_any()
    return {name: _own_entries(claim) for name, claim in claims.items()}


def _stand_in(content: dict[str, Any]) -> _Preamble:
    """Return the names of a faulty preamble, so that what the claims refer to can be checked all the same."""
    tables = {key: content.get(key) for key in ("fields", "sources", "hosts")}
    named = {key: table if isinstance(table, dict) else {} for key, table in tables.items()}
    named["hosts"] = {host: table for host, table in named["hosts"].items() if isinstance(table, dict)}
    return _Preamble(None, **named)  # type: ignore[arg-type]


def _defaults(hosts: dict[str, dict[str, Any]], entry: object) -> dict[str, Any]:
    """Return what a claim inherits; one about what is known inherits nothing."""
    if not isinstance(entry, dict) or entry.get("kind") == "knowledge":
        return {}
    host = entry.get("host")
    return hosts.get(host, {}) if isinstance(host, str) else {}


def _at_home(fault: Fault, where: str, entry: object, defaults: dict[str, Any]) -> Fault:
    """Move a fault of an inherited value to the host's table, where it can be mended."""
    place = fault.where.removeprefix(where).removeprefix(", ")
    steps = [step.rsplit(" ", 1)[0] for step in place.split(", ") if step]
    if fault.what.startswith("unknown key "):
        steps.append(fault.what.removeprefix("unknown key ").strip("'"))
    if not steps or _holds(entry, steps) or not _holds(defaults, steps):
        return fault
    host = entry["host"]  # type: ignore[index]  # without one there are no defaults
    return replace(fault, where=f"[hosts.{host}]" + (f", {place}" if place else ""))


def _holds(table: object, steps: list[str]) -> bool:
    for step in steps:
        if not isinstance(table, dict) or step not in table:
            return False
        table = table[step]
    return True


def _merged(defaults: object, entry: object) -> Any:
    """Lay an entry over the defaults of its host, table by table."""
    if not (isinstance(defaults, dict) and isinstance(entry, dict)):
        return entry
    return defaults | {key: _merged(defaults.get(key), value) for key, value in entry.items()}


def _own_entries(claim: Claim) -> Claim:
    """Leave only the columns and sources that the claim names."""
    columns = {key: claim.fields[key] for key in (*claim.metadata, *claim.confounders) if key in claim.fields}
    cited = {one.source: claim.sources[one.source] for one in claim.evidence if one.source in claim.sources}
    return replace(claim, fields=columns, sources=cited)


def _check(claim: Claim, where: str, faults: Faults) -> None:
    """Note what fits no other part of the claim or of the project."""
    _among(faults, where, "metadata", claim.metadata, claim.fields)
    _among(faults, where, "confounders", claim.confounders, claim.fields)
    _among(faults, where, "evidence", (one.source for one in claim.evidence), claim.sources)
    if claim.article is not None and not 1 <= claim.paragraph <= claim.article.paragraphs:
        expected = f"1 to {claim.article.paragraphs}"
        faults.add(f"{claim.paragraph}", where=f"{where}, paragraph", expected=expected)
    if not claim.testable:
        return
    missing = [name for name in _NEEDED if getattr(claim, name) is None]
    for name in missing:
        faults.add(
            f"the key {name!r} is missing",
            where=where,
            expected="all of " + ", ".join(_NEEDED),
            remedy='only a claim of kind = "knowledge" goes without',
        )
    if not missing:
        _check_endpoint(claim, where, faults)
        _check_numbers(claim, where, faults)


def _check_endpoint(claim: Claim, where: str, faults: Faults) -> None:
    endpoint, effect = claim.endpoint, claim.effect
    if effect.scale not in _SCALES[claim.kind]:
        expected = f"{' or '.join(map(repr, _SCALES[claim.kind]))} for kind = {claim.kind!r}"
        faults.add(f"scale = {effect.scale!r}", where=f"{where}, effect", expected=expected)
    if (effect.scale == "ratio") != endpoint.log and claim.kind == "marker":
        faults.add(
            f"scale = {effect.scale!r} with log = {str(endpoint.log).lower()}",
            where=f"{where}, endpoint",
            expected='log = true with scale = "ratio", and with no other',
        )
    if claim.kind == "community" and effect.direction != "differs":
        faults.add(
            f"direction = {effect.direction!r}",
            where=f"{where}, effect",
            expected='"differs": a composition is not higher or lower',
        )
    known = {"community": ("braycurtis",), "panel": tuple(load_panels())}
    if claim.kind in ("alpha", "association") and not is_metric(endpoint.metric):
        expected = "an alpha diversity, such as shannon"
        faults.add(f"{endpoint.metric!r} is none", where=f"{where}, endpoint, metric", expected=expected)
    if claim.kind in known:
        _among(faults, f"{where}, endpoint", "metric", [endpoint.metric], known[claim.kind])
    if endpoint.pilot is not None:
        _among(faults, f"{where}, endpoint", "pilot", [endpoint.pilot], list_pilot_names())
    if claim.kind == "association":
        for key in ("partner", "reliability", "partner_reliability"):
            if getattr(endpoint, key) is None:
                faults.add(f"the key {key!r} is missing", where=f"{where}, endpoint", remedy=f"write {key} =")
    if claim.kind in ("alpha", "community") and endpoint.pilot is None:
        faults.add("the key 'pilot' is missing", where=f"{where}, endpoint", expected="a public pilot")
    if claim.kind in ("panel", "marker") and None in (endpoint.mean, endpoint.sd):
        faults.add("mean and sd are missing", where=f"{where}, endpoint", expected="both, of single samples")


def _check_numbers(claim: Claim, where: str, faults: Faults) -> None:
    trial, effect, endpoint = claim.trial, claim.effect, claim.endpoint
    exposure = claim.exposure
    least, most = (1.0 if effect.scale == "ratio" else 0.0), _MOST.get(effect.scale, math.inf)
    highest = f" and below {most:g}" if most < math.inf else ""
    rules = {
        "exposure, units": (exposure.units, 0 < exposure.units < math.inf, "above 0"),
        "exposure, units_per_kg": (exposure.units_per_kg, 0 < exposure.units_per_kg < math.inf, "above 0"),
        "exposure, sessions": (exposure.sessions, exposure.sessions >= 1, "1 or more"),
        "effect, smallest": (effect.smallest, least < effect.smallest < most, f"above {least:g}{highest}"),
        "effect, margin": (
            effect.margin,
            least < effect.margin <= effect.smallest,
            f"above {least:g} and at most smallest: what is too small to matter is below what is of interest",
        ),
        "trial, alpha": (trial.alpha, 0 < trial.alpha <= 0.5, "above 0 and at most 0.5"),
        "trial, power": (trial.power, trial.alpha < trial.power < 1, "above alpha and below 1"),
        "trial, dropout": (trial.dropout, 0 <= trial.dropout < 1, "0 or more and below 1"),
        "trial, cluster_size": (trial.cluster_size, trial.cluster_size >= 1, "1 or more"),
        "trial, window": (trial.window, trial.window >= 0, "0 or more days"),
        "trial, baseline_days": (
            trial.baseline_days,
            all(day <= 0 for day in trial.baseline_days) and _no_repeats(trial.baseline_days),
            "different days up to 0, the day of the first injection",
        ),
        "trial, follow_up_days": (
            trial.follow_up_days,
            bool(trial.follow_up_days)
            and all(day > 0 for day in trial.follow_up_days)
            and _no_repeats(trial.follow_up_days),
            "one or more different days after 0",
        ),
        "endpoint, icc": (
            endpoint.icc,
            min(endpoint.icc, endpoint.cluster_icc) >= 0 and endpoint.icc + endpoint.cluster_icc <= 1,
            "icc and cluster_icc of 0 or more, together at most 1",
        ),
        "endpoint, mean": (
            endpoint.mean,
            endpoint.mean is None or math.isfinite(endpoint.mean),
            "a finite number",
        ),
        "endpoint, sd": (endpoint.sd, endpoint.sd is None or 0 < endpoint.sd < math.inf, "above 0"),
        "endpoint, reliability": (endpoint.reliability, _is_share(endpoint.reliability), _SHARE),
        "endpoint, partner_reliability": (
            endpoint.partner_reliability,
            _is_share(endpoint.partner_reliability),
            _SHARE,
        ),
        "depth, proportion": (claim.depth.proportion, 0 < claim.depth.proportion <= 1, "above 0, at most 1"),
        "depth, confidence": (claim.depth.confidence, 0 < claim.depth.confidence < 1, "between 0 and 1"),
        "depth, min_reads": (claim.depth.min_reads, claim.depth.min_reads >= 1, "1 or more"),
    }
    for place, (value, good, expected) in rules.items():
        if not good:
            faults.add(f"{value}", where=f"{where}, {place}", expected=expected)


def _no_repeats(days: tuple[int, ...]) -> bool:
    return len(set(days)) == len(days)


def _is_share(value: float | None) -> bool:
    return value is None or 0 < value <= 1


def _among(faults: Faults, where: str, key: str, names: Iterable[str], known: Iterable[str]) -> None:
    there = list(known)
    for name in names:
        if name not in there:
            faults.add(f"{name!r} is not known", where=f"{where}, {key}", remedy=did_you_mean(name, there))
