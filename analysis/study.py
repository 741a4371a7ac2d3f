"""The one object that everything starts from: a table, its samples, its features and where it came from."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from analysis.arguments import is_one_of
from analysis.copies import Lent
from analysis.errors import (
    Faults,
    IdError,
    ParameterError,
    RoleError,
    TableError,
    TaxonomyError,
    listed,
    one_fault,
)
from analysis.roles import COLUMN_ROLES, KEPT, Kept, Roles, change_roles, check_roles
from analysis.selection import find_positions
from analysis.source import Source
from analysis.taxonomy import collapse_features, find_rank, to_ranks
from analysis.validation import (
    Kind,
    check_abundances,
    check_frame,
    check_tips,
    check_unique,
    numbers_of,
    warn_if_scaled,
)

if TYPE_CHECKING:
    from skbio import TreeNode

_WIDTH = 110


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """An abundance table with its samples, features, tree and provenance; never changed in place.

    Parameters
    ----------
    counts : scipy.sparse.csr_array, shape (n_samples, n_features)
        Reads (whole numbers) or fractions. Stored zeros are removed, columns sorted, arrays made read-only.
    sample_ids, feature_ids : pandas.Index of str
        Unique names of the rows and columns.
    metadata : pandas.DataFrame, optional
        One row a sample, indexed by `sample_ids` in the same order. Empty where none was given. A study hands
        out copies: ``dataclasses.replace(study, metadata=...)`` makes a study with other columns.
    taxonomy : pandas.DataFrame, optional
        One row a feature, indexed by `feature_ids`: a column a rank (others are left out), or one
        column "Taxon" of lineages. Kept as the seven ranks, "" where one is unknown.
    tree : skbio.TreeNode, optional
        A phylogeny whose tips hold every feature.
    source : Source
        Where it came from.
    roles : Roles
        What the metadata columns mean; set with `with_roles`.

    Raises
    ------
    TableError, IdError, MetadataError, TaxonomyError, TreeError
        Where the parts do not fit each other or the numbers are not abundances.
    ParameterError
        Where metadata or taxonomy is no data frame, or the tree no tree.

    Examples
    --------
    >>> import pandas as pd
    >>> import analysis as an
    >>> table = pd.DataFrame([[5, 0, 3], [1, 1, 0]], index=["s1", "s2"], columns=["a", "b", "c"])
    >>> study = an.Study.from_frame(table)
    >>> study.depths.tolist()
    [8, 2]
    """

    counts: sparse.csr_array
    sample_ids: pd.Index
    feature_ids: pd.Index
    metadata: pd.DataFrame | None = Lent()  # type: ignore[assignment]  # noqa: RUF009
    taxonomy: pd.DataFrame | None = Lent()  # type: ignore[assignment]  # noqa: RUF009
    tree: TreeNode | None = None
    source: Source = field(default_factory=Source)
    roles: Roles = field(default_factory=Roles)

    def __post_init__(self) -> None:
        _check_parts(self)
        name = self.source.name
        sample_ids = pd.Index([str(i) for i in self.sample_ids], name="sample_id", dtype=object)
        feature_ids = pd.Index([str(i) for i in self.feature_ids], name="feature_id", dtype=object)
        if self.counts.shape != (len(sample_ids), len(feature_ids)):
            raise one_fault(
                IdError,
                name,
                f"the table is {self.counts.shape[0]} x {self.counts.shape[1]}, "
                f"with {len(sample_ids)} sample ids and {len(feature_ids)} feature ids",
                expected="samples as rows and features as columns, one id for each",
            )
        check_unique(sample_ids, "sample", name)
        check_unique(feature_ids, "feature", name)
        counts, kind = check_abundances(self.counts, sample_ids, feature_ids, name)
        for array in (counts.data, counts.indices, counts.indptr):
            array.flags.writeable = False
        metadata = self._fitted(self.metadata, sample_ids, feature_ids, "metadata", IdError)
        if metadata is None:
            metadata = pd.DataFrame(index=sample_ids)
        taxonomy = self._fitted(self.taxonomy, feature_ids, sample_ids, "taxonomy", TaxonomyError)
        if taxonomy is not None:
            taxonomy = to_ranks(taxonomy)
        if self.tree is not None:
            check_tips(self.tree, feature_ids, name)
        for attribute, value in (
            ("counts", counts),
            ("sample_ids", sample_ids),
            ("feature_ids", feature_ids),
            ("metadata", metadata),
            ("taxonomy", taxonomy),
            ("_kind", kind),
        ):
            object.__setattr__(self, attribute, value)

    def _fitted(
        self,
        frame: pd.DataFrame | None,
        ids: pd.Index,
        other_ids: pd.Index,
        part: str,
        error: type[IdError | TaxonomyError],
    ) -> pd.DataFrame | None:
        """Return a copy of a frame whose index is the ids, or refuse it."""
        if frame is None:
            return None
        check_frame(frame, part, self.source.name)
        found = pd.Index([str(i) for i in frame.index], dtype=object)
        if not found.equals(ids):
            missing, extra = ids.difference(found), found[found.duplicated() | ~found.isin(ids)]
            what, remedy = "rows in another order", f"put them in order with {part}.loc[table's ids]"
            if len(missing) and not len(other_ids.difference(found)):
                what = f"its rows are named as the other side of the table ({other_ids.name}s), "
                what += "which looks transposed"
                remedy = "give table.T: samples as rows and features as columns"
            elif len(missing):
                remedy = f"add the missing rows to the {part}, or leave these out of the table with .loc"
                what = f"no row for {len(missing)} id(s): {listed(missing)}"
            elif len(extra):
                what = f"{len(extra)} row(s) too many: {listed(extra)}"
            raise one_fault(
                error,
                self.source.name,
                f"{part}: {what}",
                expected=f"one row for each {ids.name}, in the table's order",
                remedy=remedy,
            )
        return frame.set_axis(ids, axis=0).copy()

    @classmethod
    def from_frame(
        cls,
        table: pd.DataFrame,
        metadata: pd.DataFrame | None = None,
        taxonomy: pd.DataFrame | None = None,
        tree: TreeNode | None = None,
        name: str = "table",
    ) -> Study:
        """Make a study from a data frame with samples as rows and features as columns.

        Parameters
        ----------
        table : pandas.DataFrame, shape (n_samples, n_features)
            Counts or fractions.
        metadata, taxonomy, tree
            As for `Study`.
        name : str
            What messages and figures call it.

        Raises
        ------
        TableError
            Where the table is no data frame or holds text, dates, complex numbers or booleans.
        TableError, IdError, MetadataError, TaxonomyError, TreeError, ParameterError
            As for `Study`.

        Warns
        -----
        ScaledCountsWarning
            Whole numbers that look like fractions scaled to a constant sum.
        """
        check_frame(table, "the table", name, TableError)
        values = numbers_of(table, name)
        study = cls(
            sparse.csr_array(values), table.index, table.columns, metadata, taxonomy, tree, Source(name=name)
        )
        if study.kind == "counts":
            warn_if_scaled(study.counts, name)
        return study

    @property
    def kind(self) -> Kind:
        """What the numbers are: "counts" (whole reads) or "fractions"."""
        return self._kind  # type: ignore[attr-defined]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of samples and of features."""
        return self.counts.shape

    @property
    def depths(self) -> pd.Series:
        """Reads (or the sum of fractions) of each sample; a copy, as the metadata and the taxonomy are."""
        return pd.Series(self._sums.copy(), index=self.sample_ids, name="depth")

    @cached_property
    def _sums(self) -> np.ndarray:
        return self.counts.sum(axis=1)

    def column(self, role: str) -> pd.Series:
        """Return the metadata column that plays a role.

        Parameters
        ----------
        role : {"subject", "time", "treatment", "cluster"}
            The role.

        Raises
        ------
        RoleError
            Where there is no such role, or it is not set.
        """
        if not is_one_of(role, COLUMN_ROLES):
            raise one_fault(
                RoleError,
                self.source.name,
                f"{role!r} is no role of a column",
                expected=f"one of {listed(COLUMN_ROLES)}",
                remedy="study.metadata[...] gives a column by its own name",
            )
        name = getattr(self.roles, role)
        if name is None:
            raise one_fault(
                RoleError,
                self.source.name,
                f"no column has the role {role!r}",
                remedy=f"study.with_roles({role}=...) names it. Columns: {listed(self.metadata.columns, 20)}",
            )
        return self.metadata[name]

    def with_roles(
        self,
        *,
        subject: str | Kept | None = KEPT,
        time: str | Kept | None = KEPT,
        treatment: str | Kept | None = KEPT,
        reference: object = KEPT,
        cluster: str | Kept | None = KEPT,
        baseline: object = KEPT,
        follow_up: object = KEPT,
    ) -> Study:
        """Say what metadata columns mean; what is not named keeps the role it had, None unsets it.

        A new time column drops the former baseline and follow-up, a new treatment column the reference.

        Parameters
        ----------
        subject, time, treatment, cluster : str, optional
            Column names: who was sampled, when, what was given, what is shared (a cage).
        reference : scalar, optional
            The level of the treatment column to compare with.
        baseline, follow_up : scalar or sequence, optional
            Values of the time column before and after the treatment began; text such as "7" is read as a
            number where the column holds numbers.

        Returns
        -------
        Study
            A new study with these roles.

        Raises
        ------
        RoleError
            Where a column, level or time does not exist; all faults at once, with the nearest name.
        """
        given = {
            "subject": subject,
            "time": time,
            "treatment": treatment,
            "reference": reference,
            "cluster": cluster,
            "baseline": baseline,
            "follow_up": follow_up,
        }
        roles = change_roles(self.roles, given, self.metadata)
        check_roles(roles, self.metadata, self.source.name)
        return replace(self, roles=roles)

    def select(self, samples: object = None, features: object = None) -> Study:
        """Keep some samples or features, in the order asked for.

        Parameters
        ----------
        samples, features : iterable of ids, or boolean Series or array, optional
            What to keep. A boolean Series is matched by its index. Features that no kept sample has stay.

        Returns
        -------
        Study
            A new study; its source notes what was kept.

        Raises
        ------
        IdError
            Where an id does not exist (with the nearest), or a mask does not fit.
        ParameterError
            Where it is neither ids nor a mask: a set (it has no order), a slice, a number, a function.
        """
        study = self
        if samples is not None:
            rows = find_positions(samples, study.sample_ids, study.source.name)
            note = f"{len(rows)} of {len(study.sample_ids)} samples kept"
            study = replace(
                study,
                counts=study.counts[rows],
                sample_ids=study.sample_ids[rows],
                metadata=study.metadata.iloc[rows],
                source=study.source.noting(note),
            )
        if features is not None:
            columns = find_positions(features, study.feature_ids, study.source.name)
            note = f"{len(columns)} of {len(study.feature_ids)} features kept"
            study = replace(
                study,
                counts=study.counts[:, columns],
                feature_ids=study.feature_ids[columns],
                taxonomy=None if study.taxonomy is None else study.taxonomy.iloc[columns],
                source=study.source.noting(note),
            )
        return study

    def collapse(self, rank: str) -> Study:
        """Add up the features that share a lineage down to a rank; the total of each sample stays.

        Parameters
        ----------
        rank : str
            Domain (or Kingdom), Phylum, Class, Order, Family, Genus or Species.

        Returns
        -------
        Study
            A study whose features are the groups, without a tree. Features unclassified at the rank are kept
            under the lowest rank known, as "Clostridiales (unclassified)".

        Raises
        ------
        TaxonomyError
            Where there is no taxonomy or no such rank.
        """
        rank = find_rank(rank)
        if self.taxonomy is None:
            raise one_fault(
                TaxonomyError,
                self.source.name,
                "the study has no taxonomy",
                remedy="give one: read_study(..., taxonomy='taxonomy.tsv')",
            )
        membership, groups = collapse_features(self.taxonomy, rank)
        return replace(
            self,
            counts=self.counts @ membership,
            feature_ids=groups.index,
            taxonomy=groups,
            tree=None,
            source=self.source.noting(f"{self.shape[1]} features added up to {len(groups)} by {rank}"),
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the table as a dense data frame, samples as rows."""
        return pd.DataFrame(self.counts.toarray(), index=self.sample_ids, columns=self.feature_ids)

    def summary(self) -> pd.Series:
        """Describe the study in a few lines: size, depth, filling, metadata, roles, source."""
        depths = self.depths
        fmt = ",.0f" if self.kind == "counts" else ".4g"
        lines = {
            "samples": f"{self.shape[0]:,}",
            "features": f"{self.shape[1]:,}",
            "values": "read counts" if self.kind == "counts" else "fractions, not counts",
            "depth (min, median, max)": ", ".join(
                format(x, fmt) for x in (depths.min(), depths.median(), depths.max())
            ),
            "filled": f"{self.counts.nnz / np.prod(self.shape):.2%}",
            "metadata": ", ".join(map(str, self.metadata.columns)) or "none",
            "roles": "; ".join(f"{role}: {value}" for role, value in self.roles.described().items())
            or "not set",
            "taxonomy": "none" if self.taxonomy is None else "to " + _deepest(self.taxonomy),
            "tree": "none" if self.tree is None else "yes",
            "source": f"{self.source.name} ({self.source.format})",
            "notes": "; ".join(self.source.notes) or "none",
        }
        return pd.Series(lines, name=self.source.name)

    def __repr__(self) -> str:
        """Return the summary as text."""
        lines = self.summary()
        margin = max(map(len, lines.index)) + 2
        text = [
            textwrap.fill(f"{key:<{margin}}{value}", _WIDTH, subsequent_indent=" " * margin)
            for key, value in lines.items()
        ]
        return "\n".join([f"Study {self.source.name}", *text])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(key)}</th>"
            f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
            for key, value in self.summary().items()
        )
        return (
            f"<table><caption>Study: {html.escape(self.source.name)}</caption><tbody>{rows}</tbody></table>"
        )


def check_study(value: object, subject: str) -> None:
    """Raise `ParameterError` where an argument is no study."""
    if not isinstance(value, Study):
        raise one_fault(
            ParameterError,
            subject,
            f"a {type(value).__name__}",
            where="study=",
            expected="a Study",
            remedy="read one with read_study(path), or make one with Study.from_frame(table)",
        )


def metadata_of(given: object, subject: str) -> pd.DataFrame:
    """Return the metadata of a study, or a data frame as it is; refuse anything else.

    Parameters
    ----------
    given : Study or pandas.DataFrame
        One row a sample.
    subject : str
        The call, for the messages.

    Raises
    ------
    ParameterError
        Where it is neither.
    MetadataError
        Where the data frame names a column twice.
    """
    if isinstance(given, Study):
        return given.metadata
    check_frame(given, "metadata", subject)
    return given  # type: ignore[return-value]


def _check_parts(study: Study) -> None:
    """Refuse parts of the wrong type, all at once."""
    named = isinstance(study.source, Source)
    faults = Faults(study.source.name if named else "study", ParameterError)
    if not named:
        faults.add(f"a {type(study.source).__name__}", where="source=", expected="an analysis.source.Source")
    if not isinstance(study.roles, Roles):
        faults.add(
            f"a {type(study.roles).__name__}", where="roles=", expected="Roles, as study.with_roles() makes"
        )
    for part in ("sample_ids", "feature_ids"):
        ids = getattr(study, part)
        flat = isinstance(ids, Sequence | pd.Index | pd.Series | np.ndarray) and not isinstance(ids, str)
        if not flat or getattr(ids, "ndim", 1) != 1:
            faults.add(f"a {type(ids).__name__}", where=f"{part}=", expected="a list or pandas.Index of ids")
    counts = study.counts
    if not (sparse.issparse(counts) or isinstance(counts, np.ndarray)) or counts.ndim != 2:
        faults.add(
            f"a {type(counts).__name__}",
            where="counts=",
            expected="a scipy.sparse.csr_array, samples x features",
            remedy="Study.from_frame(table) takes a data frame",
        )
    elif counts.dtype.kind not in "biuf":
        faults.add(f"values of type {counts.dtype}", where="counts=", expected="numbers")
    faults.raise_if_any()


def _deepest(taxonomy: pd.DataFrame) -> str:
    named = [rank for rank in taxonomy.columns if (taxonomy[rank] != "").any()]
    return named[-1] if named else "no rank"
