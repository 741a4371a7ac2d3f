"""One score a sample for a panel of taxa: a log-ratio, the summed fractions, and what they were made of."""

from __future__ import annotations

import html
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.arguments import is_finite
from analysis.errors import (
    AnalysisWarning,
    Faults,
    ParameterError,
    TaxonomyError,
    did_you_mean,
    listed,
    one_fault,
)
from analysis.study import Study, check_study
from analysis.taxa.panels import Panel, Taxon, comparable, load_panels
from analysis.taxonomy import RANKS

HALF_A_READ = 0.5


@dataclass(frozen=True, eq=False)
class PanelScores:
    """Scores of a panel for every sample, and what they were made of.

    Attributes
    ----------
    panel : Panel
        The list of taxa.
    scores : pandas.DataFrame, shape (n_samples, 3)
        ``log_ratio`` (natural log of up over down; NaN where `undefined` says why), ``fraction_up`` and
        ``fraction_down`` (of all reads of the sample, 0 to 1).
    matched : pandas.DataFrame
        One row for each name found: side, taxon, rank, name (as the table writes it), n_features, share (of
        all reads of the table).
    unmatched : tuple of str
        Taxa of the panel that no feature has.
    unclassified : pandas.Series
        For each rank of the panel the share of all reads without a name there, which the panel cannot see.
    pseudocount : float
        Added to both sides before the logarithm, in the table's own unit.
    undefined : pandas.Series of str
        Samples without a log-ratio, with the reason.
    """

    panel: Panel
    scores: pd.DataFrame
    matched: pd.DataFrame
    unmatched: tuple[str, ...]
    unclassified: pd.Series
    pseudocount: float
    undefined: pd.Series

    @property
    def against(self) -> str:
        """What the raised taxa are compared with."""
        return ", ".join(taxon.name for taxon in self.panel.down) or "all other taxa"

    def to_frame(self) -> pd.DataFrame:
        """Return the scores, one row a sample."""
        return self.scores.copy()

    def _repr_html_(self) -> str:
        lines = {
            "up": ", ".join(taxon.name for taxon in self.panel.up),
            "against": self.against,
            "not in this table": ", ".join(self.unmatched) or "none",
            "reads without a name": ", ".join(f"{x:.1%} at {rank}" for rank, x in self.unclassified.items()),
            "no log-ratio": f"{len(self.undefined)} of {len(self.scores)} samples",
            "limits": " ".join(self.panel.limits),
        }
        rows = "".join(f"<tr><th>{key}</th><td>{html.escape(text)}</td></tr>" for key, text in lines.items())
        summary = self.scores.describe().loc[["min", "50%", "max"]].rename({"50%": "median"})
        return (
            f"<table><caption>{html.escape(self.panel.title)}</caption>{rows}</table>"
            f"{summary.to_html(float_format='{:.4g}'.format)}"
        )


def panel_scores(
    study: Study, panel: str | Panel = "gevers_axis", *, pseudocount: float | None = None
) -> PanelScores:
    """Score every sample by a panel: the natural log of raised over lowered taxa, and both summed fractions.

    Parameters
    ----------
    study : Study
        Counts or fractions, with a taxonomy.
    panel : str or Panel
        An id of `load_panels`, or a panel.
    pseudocount : float, optional
        Added to both sides, in the table's own unit. Default: half a read for counts; nothing for fractions,
        which do not say how many reads a zero stands for.

    Returns
    -------
    PanelScores
        Scores, what was matched through which names, and what was not.

    Raises
    ------
    ParameterError, TaxonomyError
        Where there is no such panel, no taxonomy, or no name at a rank that the panel needs.

    Warns
    -----
    AnalysisWarning
        Where no feature of the table belongs to a side: its log-ratios are then NaN.

    Notes
    -----
    A feature counts for the taxon that names it at the taxon's own rank, so a genus unknown within
    Enterobacteriaceae still counts for the family. Where two taxa of a panel name one feature at different
    ranks, the lower rank has it: no read counts twice. Names are compared without case, without brackets
    above genus (there they mark a proposed name, in genera a wrong one), without GTDB's suffixes, and with
    one mark for ``/``, ``-``, ``_`` and the blank.

    With half a read on both sides the log-ratio is the empirical logit, nearly free of the bias that zeros
    bring [1]_, [2]_ and finite in samples that lack one side. There it still depends on depth, so compare
    arms of like depth. Where both sides are empty nothing was measured and the score is NaN. Without a
    lowered side the ratio is to all other reads. Fractions are taken as parts of the whole (1, or 100 for
    percent), so what a table of fractions left out counts among the others.

    References
    ----------
    .. [1] Haldane JBS 1956, Ann Hum Genet 20:309, doi:10.1111/j.1469-1809.1956.tb01285.x
    .. [2] Anscombe FJ 1956, Biometrika 43:461, doi:10.1093/biomet/43.3-4.461

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> from analysis.taxonomy import taxonomy_table
    >>> table = pd.DataFrame([[10, 90], [0, 50]], index=["s1", "s2"], columns=["a", "b"])
    >>> lineages = ["d__Bacteria;g__Escherichia-Shigella", "d__Bacteria;g__Blautia"]
    >>> study = an.Study.from_frame(table, taxonomy=taxonomy_table(lineages, ["a", "b"]))
    >>> an.panel_scores(study, "escherichia_shigella").scores.round(3)
               log_ratio  fraction_up  fraction_down
    sample_id
    s1            -2.154          0.1            0.9
    s2            -4.615          0.0            1.0
    """
    check_study(study, "panel_scores")
    chosen = panel if isinstance(panel, Panel) else _find_panel(panel)
    added = _pseudocount(study, pseudocount)
    taxonomy = _usable_taxonomy(study, chosen)
    taxa = (*chosen.up, *chosen.down)
    owner, names = match_taxa(taxonomy, taxa)
    rises, falls = (owner >= 0) & (owner < len(chosen.up)), owner >= len(chosen.up)
    sides = (("up", chosen.up, rises), ("down", chosen.down, falls))
    missing = [side for side, wanted, found in sides if wanted and not found.any()]
    unmatched = tuple(taxon.name for place, taxon in enumerate(taxa) if not (owner == place).any())
    if missing:
        warnings.warn(
            f"{study.source.name}, panel {chosen.id!r}: no feature belongs to {' or '.join(missing)} "
            f"({listed(unmatched, 10)} not found), so there are no log-ratios; see how it writes them",
            AnalysisWarning,
            stacklevel=2,
        )
    scores, reasons = _score(study, rises, falls if chosen.down else None, added, missing)
    shares = np.asarray(study.counts.sum(axis=0), dtype=float)
    shares /= shares.sum() or 1.0
    unseen = {
        rank: float(shares[(taxonomy[rank] == "").to_numpy()].sum())
        for rank in RANKS
        if any(taxon.rank == rank for taxon in taxa)
    }
    return PanelScores(
        panel=chosen,
        scores=scores,
        matched=_matched(chosen, owner, names, shares),
        unmatched=unmatched,
        unclassified=pd.Series(unseen, name="share", dtype=float),
        pseudocount=added,
        undefined=reasons[reasons != ""],
    )


def match_taxa(taxonomy: pd.DataFrame, taxa: Sequence[Taxon]) -> tuple[np.ndarray, np.ndarray]:
    """Say which taxon each feature counts for.

    Parameters
    ----------
    taxonomy : pandas.DataFrame, shape (n_features, 7)
        Columns `RANKS`; "" where a rank is unknown.
    taxa : sequence of Taxon
        The taxa, no two with a name in common at one rank.

    Returns
    -------
    owner : numpy.ndarray of int, shape (n_features,)
        The taxon's place in `taxa`; -1 for none.
    names : numpy.ndarray of str, shape (n_features,)
        The name it was matched through, as the table writes it.

    Examples
    --------
    >>> from analysis.taxonomy import taxonomy_table
    >>> table = taxonomy_table(["k__Bacteria;g__Escherichia/Shigella", "k__Bacteria;g__Blautia"], ["a", "b"])
    >>> match_taxa(table, [Taxon("Escherichia-Shigella", "Genus")])[0].tolist()
    [0, -1]
    """
    owner = np.full(len(taxonomy), -1)
    names = np.full(len(taxonomy), "", dtype=object)
    for rank in reversed(RANKS):
        wanted = {
            comparable(name, rank): place
            for place, taxon in enumerate(taxa)
            if taxon.rank == rank
            for name in (taxon.name, *taxon.also)
        }
        if not wanted:
            continue
        codes, unique = pd.factorize(taxonomy[rank].astype(object))
        found = np.array([wanted.get(comparable(name, rank), -1) if name else -1 for name in unique])[codes]
        free = (owner < 0) & (found >= 0)
        owner[free] = found[free]
        names[free] = taxonomy[rank].to_numpy(dtype=object)[free]
    return owner, names


def _score(
    study: Study, rises: np.ndarray, falls: np.ndarray | None, added: float, missing: list[str]
) -> tuple[pd.DataFrame, pd.Series]:
    """Return the scores, and for each sample why it has no log-ratio, or ""."""
    total = study.depths.to_numpy(dtype=float)
    whole = total if study.kind == "counts" else np.full(len(total), 100.0 if total.max() > 1.001 else 1.0)
    up = study.counts[:, rises].sum(axis=1).astype(float)
    down = np.maximum(whole - up, 0.0) if falls is None else study.counts[:, falls].sum(axis=1).astype(float)
    neither, one = (up == 0) & (down == 0), (up == 0) | (down == 0)
    reasons = np.select(
        [total == 0, np.full(len(up), bool(missing)), neither, one & (added == 0)],
        [
            "no reads",
            f"no feature of the table belongs to {' or '.join(missing)}",
            "no reads on either side",
            "one side is zero and nothing was added",
        ],
        default="",
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "log_ratio": np.where(reasons == "", np.log((up + added) / (down + added)), np.nan),
            "fraction_up": np.where(total > 0, up / whole, np.nan),
            "fraction_down": np.where(total > 0, down / whole, np.nan),
        }
    ids = study.sample_ids
    return pd.DataFrame(columns, index=ids), pd.Series(reasons.astype(object), index=ids, name="reason")


def _matched(panel: Panel, owner: np.ndarray, names: np.ndarray, shares: np.ndarray) -> pd.DataFrame:
    """List each name found, with its features and share of the reads."""
    hits = pd.DataFrame({"place": owner, "name": names, "share": shares})[owner >= 0]
    found = hits.groupby(["place", "name"], as_index=False).agg(
        n_features=("share", "size"), share=("share", "sum")
    )
    taxa = (*panel.up, *panel.down)
    found.insert(0, "side", ["up" if place < len(panel.up) else "down" for place in found["place"]])
    found.insert(1, "taxon", [taxa[place].name for place in found["place"]])
    found.insert(2, "rank", [taxa[place].rank for place in found["place"]])
    return found.drop(columns="place")


def _find_panel(name: object) -> Panel:
    panels = load_panels()
    if not (isinstance(name, str) and name in panels):
        raise one_fault(
            ParameterError, "panel=", f"there is no panel {name!r}", remedy=did_you_mean(name, list(panels))
        )
    return panels[name]


def _pseudocount(study: Study, given: float | None) -> float:
    if given is None:
        return HALF_A_READ if study.kind == "counts" else 0.0
    if not (is_finite(given) and given >= 0):
        raise one_fault(
            ParameterError, "pseudocount=", f"{given!r} cannot be added", expected="a number of 0 or more"
        )
    return float(given)


def _usable_taxonomy(study: Study, panel: Panel) -> pd.DataFrame:
    """Return the taxonomy, or refuse a study that has no names at a rank of the panel."""
    faults = Faults(study.source.name, TaxonomyError)
    if study.taxonomy is None:
        faults.add("the study has no taxonomy", remedy="give one: read_study(..., taxonomy='taxonomy.tsv')")
        faults.raise_if_any()
    there = [rank for rank in RANKS if (study.taxonomy[rank] != "").any()]
    for rank in RANKS:
        needing = [taxon.name for taxon in (*panel.up, *panel.down) if taxon.rank == rank]
        if needing and rank not in there:
            faults.add(
                f"no feature has a name at the rank {rank}, which {listed(needing, 10)} need",
                where=f"panel {panel.id!r}",
                expected=f"names at {rank}; the taxonomy has {', '.join(there) or 'none'}",
                remedy="give a taxonomy with that rank, or choose a panel of the ranks that are there",
            )
    faults.raise_if_any()
    return study.taxonomy
