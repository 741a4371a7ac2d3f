"""What a public table says about noise, as a small object that is saved, loaded and simulated from."""

from __future__ import annotations

import html
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.pilots.plans import LEVELS

if TYPE_CHECKING:
    from analysis.pilots.effects import Effect
    from analysis.study import Study

ARRAYS = ("log_quantiles", "loadings", "taxon_shares", "axis_shares", "depth_quantiles")
FRAME = ("mean_share", "prevalence", "dispersion")


@dataclass(frozen=True, eq=False, repr=False)
class Pilot:
    """How the guts of one population differ, fitted to one table by `fit_pilot`.

    Attributes
    ----------
    name : str
        What it is called.
    taxa : pandas.DataFrame
        One row a column of the simulated tables: mean_share, prevalence (both at `depth`), dispersion
        (variance of the share over its squared mean, the noise of sequencing taken out), members (1, or how
        many rare taxa the column stands for) and lineage where known.
    depth : int
        Reads a sample at which the pilot was fitted.
    depth_quantiles : numpy.ndarray, shape (21,)
        Reads a sample in the table, from the least to the most, by steps of 5 %.
    log_quantiles : numpy.ndarray, shape (n_taxa, n_nodes)
        Log share of each taxon against its standard normal score.
    log_floor : float
        Log share below which a taxon is absent.
    loadings : numpy.ndarray, shape (n_taxa, n_axes)
        How the scores move together: along Shannon, along richness, then along kinds of community.
    taxon_shares, axis_shares : numpy.ndarray, shape (n_taxa or n_axes, 4)
        How the variance of each score and axis divides over stratum, cluster, subject and sample.
    fit : pandas.DataFrame
        Real against simulated, a row a target; see `fit_table`.
    source : dict
        Name, sha256 and address of the table, citation, licence, the command that makes the pilot again, the
        numbers of samples, subjects, clusters and strata.
    shannon : dict
        Mean, SD, n and the shares of variance of Shannon (nats) at `depth`, in the real table.

    Examples
    --------
    >>> import analysis as an
    >>> pilot = an.pilots.load_pilot("turnbaugh_mice")
    >>> pilot
    Pilot turnbaugh_mice: 1000 taxa at 1,574 reads from 60 samples of 12 subjects
    >>> pilot.simulate(n_subjects=4, samples_per_subject=2).shape
    (8, 1000)
    """

    name: str
    taxa: pd.DataFrame
    depth: int
    depth_quantiles: np.ndarray
    log_quantiles: np.ndarray
    log_floor: float
    loadings: np.ndarray
    taxon_shares: np.ndarray
    axis_shares: np.ndarray
    fit: pd.DataFrame
    source: dict[str, Any] = field(default_factory=dict)
    shannon: dict[str, float] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.taxa)

    @property
    def has_repeats(self) -> bool:
        """Whether the table held several samples of some subjects."""
        return bool(self.source.get("repeats", False))

    @property
    def has_clusters(self) -> bool:
        """Whether the table held several subjects of some clusters."""
        return bool(self.source.get("clusters", False))

    @property
    def missed(self) -> tuple[str, ...]:
        """Name the targets that the simulated tables miss."""
        return tuple(self.fit.index[~self.fit["met"]])

    def simulate(
        self,
        n_subjects: int = 20,
        samples_per_subject: int = 1,
        cluster_size: int = 1,
        depth: int | None = None,
        effect: Effect | None = None,
        icc: float | None = None,
        seed: int = 0,
    ) -> Study:
        """Draw a fresh study from the pilot; the arguments are those of `simulate_study`.

        Parameters
        ----------
        n_subjects : int
            Subjects in all: half of them in each arm where an effect is given, else one arm.
        samples_per_subject : int
            Samples of each; with an effect, the first is taken before the treatment where there are several.
        cluster_size, depth, effect, icc, seed
            See `simulate_study`.
        """
        from analysis.pilots.plans import plan_arms
        from analysis.pilots.simulator import simulate_plan

        if effect is None:
            arms, times = [n_subjects], range(1, samples_per_subject + 1)
        else:
            arms = [n_subjects - n_subjects // 2, n_subjects // 2]
            start = 0 if samples_per_subject > 1 else 1
            times = range(start, start + samples_per_subject)
        plan = plan_arms(arms, tuple(times), cluster_size)
        return simulate_plan(self, plan, effect, depth=depth, icc=icc, seed=seed)

    def to_frame(self) -> pd.DataFrame:
        """Return the taxa with their share, prevalence, dispersion and shares of variance."""
        shares = pd.DataFrame(
            self.taxon_shares, index=self.taxa.index, columns=[f"{n}_share" for n in LEVELS]
        )
        return self.taxa.join(shares)

    def __repr__(self) -> str:
        """Say what it is in one line."""
        told = self.source
        missed = f"; misses {', '.join(self.missed)}" if self.missed else ""
        return (
            f"Pilot {self.name}: {len(self)} taxa at {self.depth:,} reads "
            f"from {told.get('samples', '?')} samples of {told.get('subjects', '?')} subjects{missed}"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>{self.fit.to_html(float_format='{:.3g}'.format)}"

    def save(self, path: str | Path) -> None:
        """Write the pilot to a small file; the same pilot gives the same bytes.

        Parameters
        ----------
        path : str or pathlib.Path
            Ending in ``.npz``. `analysis.pilots.reading.read_pilot` reads it.
        """
        header = {
            "name": self.name,
            "depth": self.depth,
            "log_floor": self.log_floor,
            "source": self.source,
            "shannon": self.shannon,
            "taxa": list(map(str, self.taxa.index)),
            "members": self.taxa["members"].tolist(),
            "lineage": self.taxa["lineage"].tolist() if "lineage" in self.taxa else None,
            "fit": self.fit.reset_index().to_dict("list"),
        }
        arrays = {name: np.asarray(getattr(self, name), dtype=np.float32) for name in ARRAYS}
        # A tenth of a percent of a share is far below what the table tells: 16 bits are enough.
        arrays["log_quantiles"] = arrays["log_quantiles"].astype(np.float16)
        arrays["loadings"] = arrays["loadings"].astype(np.float16)
        arrays["taxon_shares"] = arrays["taxon_shares"].astype(np.float16)
        arrays |= {name: self.taxa[name].to_numpy(dtype=np.float32) for name in FRAME}
        text = np.frombuffer(json.dumps(header, sort_keys=True).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, header=text, **arrays)
        Path(path).write_bytes(buffer.getvalue())
