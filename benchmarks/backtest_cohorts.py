"""Real cohorts with a real effect, for bench_backtest.py: who is in which arm, and what is split in halves.

None of them is about botulinum toxin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

import analysis as an
from analysis.readers import read_metadata
from analysis.study import Study

MOST = 200  # subjects of an arm that are looked at, to save time
_LEAST_DEPTH = 1_000
_SHALLOW = 0.05  # share of the samples that rarefying may leave out


@dataclass(frozen=True, eq=False)
class Cohort:
    """One contrast of one public table.

    Attributes
    ----------
    name, contrast, host : str
        The table, the arms in words, whose guts.
    study : Study
        Samples of both arms with at least `depth` reads, one a subject and arm.
    treated : numpy.ndarray of bool, shape (n_samples,)
        Which arm.
    subject, unit : numpy.ndarray of str, shape (n_samples,)
        Whose sample, and what is split in halves as a whole: a cage, or the subject.
    depth : int
        Reads to which samples are rarefied.
    sizes : tuple of int
        Subjects an arm of the experiments that are looked at.
    mean_sizes : tuple of int
        The same for Shannon.
    """

    name: str
    contrast: str
    host: str
    study: Study
    treated: np.ndarray
    subject: np.ndarray
    unit: np.ndarray
    depth: int
    sizes: tuple[int, ...]
    mean_sizes: tuple[int, ...]


def _cohort(
    study: Study,
    treated: np.ndarray,
    subject: np.ndarray,
    unit: np.ndarray | None = None,
    seed: int = 0,
    **told: object,
) -> Cohort:
    """Leave out shallow samples, second samples of a subject in an arm, and what is above the limit."""
    subject = np.asarray(subject).astype(str)
    unit = subject if unit is None else np.asarray(unit).astype(str)
    depths = np.asarray(study.depths)
    depth = max(_LEAST_DEPTH, int(np.quantile(depths, _SHALLOW)))
    order = np.random.default_rng(seed).permutation(len(depths))
    kept, seen, count = [], set(), {True: 0, False: 0}
    for row in order:
        arm = bool(treated[row])
        if depths[row] < depth or (subject[row], arm) in seen or count[arm] == MOST:
            continue
        seen.add((subject[row], arm))
        count[arm] += 1
        kept.append(row)
    kept = np.sort(kept)
    part = study.select(samples=np.isin(np.arange(len(depths)), kept))
    found = np.asarray(part.counts.sum(axis=0)).ravel() > 0
    part = part.select(features=found)
    return Cohort(
        study=part, treated=treated[kept], subject=subject[kept], unit=unit[kept], depth=depth, **told
    )


def _obesity(folder: Path, name: str, sizes: tuple[int, ...], mean_sizes: tuple[int, ...]) -> Cohort:
    path = folder / "sze_obesity/data" / name
    metadata = read_metadata(path / f"{name}.metadata")
    study = an.read_study(path / f"{name}.shared.gz", metadata=metadata, drop={"unmatched_samples"})
    obese = study.metadata["obese"].astype(str).str.upper()
    known = obese.isin(["TRUE", "FALSE"]).to_numpy()
    study = study.select(samples=known)
    return _cohort(
        study,
        (obese[known] == "TRUE").to_numpy(),
        study.sample_ids.to_numpy(),
        name=f"sze_{name}",
        contrast="obese or not",
        host="human",
        sizes=sizes,
        mean_sizes=mean_sizes,
    )


def _apgar(
    folder: Path, before: int, after: int, contrast: str, sizes: tuple[int, ...], mean_sizes: tuple[int, ...]
) -> Cohort:
    path = folder / "apgar_diet_cdiff/arizona_experiments/stool/data/misc"
    study = an.read_study(
        path / "euk_filt_mergedDietAim1table_051523-Copy1.qza",
        metadata=path / "processed_metadata.tsv",
        drop="unmatched_samples",
    )
    day = study.metadata["day_post_inf"].astype(int)
    study = study.select(samples=day.isin([before, after]).to_numpy())
    return _cohort(
        study,
        (study.metadata["day_post_inf"].astype(int) == after).to_numpy(),
        study.metadata["mouse_id"],
        name="apgar_diet_cdiff",
        contrast=contrast,
        host="mouse",
        sizes=sizes,
        mean_sizes=mean_sizes,
    )


def _vendors(folder: Path, sizes: tuple[int, ...], mean_sizes: tuple[int, ...]) -> Cohort:
    path = folder / "tomkovich_vendors/data/process"
    study = an.read_study(
        path / "vendors.subsample.shared",
        metadata=read_metadata(path / "processed_metadata.tsv"),
        drop={"unmatched_samples"},
    )
    study = study.select(samples=study.metadata["day"].isin([-1, 1]).to_numpy())
    return _cohort(
        study,
        (study.metadata["day"] == 1).to_numpy(),
        study.metadata["mouse_id"],
        study.metadata["unique_cage"],
        name="tomkovich_vendors",
        contrast="clindamycin: day -1 or 1, other mice",
        host="mouse",
        sizes=sizes,
        mean_sizes=mean_sizes,
    )


def _risk(
    folder: Path,
    reference: dict[str, str],
    treated: dict[str, str],
    contrast: str,
    sizes: tuple[int, ...],
    mean_sizes: tuple[int, ...],
) -> Cohort:
    study = an.read_study(folder / "risk_ccfa/data/RISK_CCFA.rda")
    told = study.metadata.astype(str)
    low, high = (
        np.logical_and.reduce([(told[column] == value).to_numpy() for column, value in arm.items()])
        for arm in (reference, treated)
    )
    study = study.select(samples=low | high)
    return _cohort(
        study,
        high[low | high],
        study.metadata["host_subject_id"],
        name="risk_ccfa",
        contrast=contrast,
        host="human",
        sizes=sizes,
        mean_sizes=mean_sizes,
    )


def _cho(folder: Path, sizes: tuple[int, ...], mean_sizes: tuple[int, ...]) -> Cohort:
    path = folder / "mlrepo/datasets/cho"
    study = an.read_study(path / "gg/otutable.txt", metadata=path / "mapping-orig.txt")
    return _cohort(
        study,
        (study.metadata["Source"] == "fecal").to_numpy(),
        study.metadata["MouseID"],
        name="mlrepo_cho",
        contrast="cecum or stool, other mice",
        host="mouse",
        sizes=sizes,
        mean_sizes=mean_sizes,
    )


#: The public tables behind all cohorts; see `analysis.provenance.inputs_of`.
INPUTS = ["apgar_stool", "tomkovich_vendors", "cho_antibiotics", "risk_ccfa"]
INPUTS += [f"sze_{name}" for name in ("goodrich", "baxter", "turnbaugh", "zupancic", "zeevi")]

# Sizes were chosen before any prediction was looked at, so that the subjects of an arm are at most about
# a quarter of those there are in the half.
LOADERS: dict[str, Callable[[Path], Cohort]] = {
    "antibiotic": partial(
        _apgar,
        before=-8,
        after=-3,
        contrast="antibiotic: day -8 or -3, other mice",
        sizes=(4, 5),
        mean_sizes=(2, 3),
    ),
    "new diet": partial(
        _apgar,
        before=-15,
        after=-8,
        contrast="new diet: day -15 or -8, other mice",
        sizes=(4, 6, 10),
        mean_sizes=(6, 12),
    ),
    "clindamycin": partial(_vendors, sizes=(4, 5), mean_sizes=(2, 4)),
    "cecum": partial(_cho, sizes=(4, 5), mean_sizes=(3, 5)),
    "obesity, goodrich": partial(_obesity, name="goodrich", sizes=(12, 24), mean_sizes=(12, 24)),
    "obesity, baxter": partial(_obesity, name="baxter", sizes=(6,), mean_sizes=(6,)),
    "obesity, turnbaugh": partial(_obesity, name="turnbaugh", sizes=(6,), mean_sizes=(6,)),
    "obesity, zupancic": partial(_obesity, name="zupancic", sizes=(9,), mean_sizes=(9,)),
    "obesity, zeevi": partial(_obesity, name="zeevi", sizes=(18,), mean_sizes=(18,)),
    "Crohn's disease": partial(
        _risk,
        reference={"diagnosis": "no", "body_site": "UBERON:ileum"},
        treated={"diagnosis": "CD", "body_site": "UBERON:ileum"},
        contrast="Crohn's disease or not, ileum",
        sizes=(10, 20),
        mean_sizes=(10, 20),
    ),
    "ileum": partial(
        _risk,
        reference={"diagnosis": "CD", "body_site": "UBERON:ileum"},
        treated={"diagnosis": "CD", "body_site": "UBERON:feces"},
        contrast="ileum or stool in Crohn's disease, other people",
        sizes=(5, 10),
        mean_sizes=(5, 10),
    ),
}
