"""The planner's numbers: what `analysis.sample_size` gave at every step of its controls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.errors import ParameterError, one_fault
from analysis.paths import data_path
from analysis.planner.settings import CONTROLS, QUESTIONS, Question, Setting

_PLACES = ("host", "endpoint", *CONTROLS[:-1])


@dataclass(frozen=True)
class Found:
    """What a setting of the planner comes to.

    Attributes
    ----------
    n_per_arm, total, cages, analysed_per_arm : int
        As in `analysis.planning.results.SampleSize`.
    stools, reads : int
        To be taken and sequenced in all, if nobody is lost; reads at the claim's depth.
    power, power_se : float
        Reached with that number, to three decimals, and its Monte Carlo error (0: closed form).
    type_i, type_i_se : float
        The same of the same test without an effect.
    n_low, n_high : int or None
        By simulation, the 95 % interval of n_per_arm that the search leaves.

    Examples
    --------
    >>> import analysis as an
    >>> from analysis.planner.settings import BEGIN
    >>> found = an.planner.load_grid().found(BEGIN)
    >>> found.n_per_arm, found.cages, found.power
    (58, 58, 0.908)
    """

    n_per_arm: int
    total: int
    cages: int
    analysed_per_arm: int
    stools: int
    reads: int
    power: float
    power_se: float
    type_i: float
    type_i_se: float
    n_low: int | None = None
    n_high: int | None = None


@dataclass(frozen=True)
class Block:
    """All settings of one host and endpoint.

    Attributes
    ----------
    question : Question
        The host, the endpoint and the controls.
    answers : dict of str to numpy.ndarray, shape (settings but for the power, powers)
        n, power and, by simulation, power_se, type_i, type_i_se, low and high.
    curve : dict of str to numpy.ndarray, shape (settings but for the power, points)
        n, power and power_se of the power curve; n is 0 where there are fewer points.
    """

    question: Question
    answers: dict[str, np.ndarray]
    curve: dict[str, np.ndarray]


@dataclass(frozen=True)
class Grid:
    """All the planner's numbers.

    Attributes
    ----------
    blocks : dict of str to Block
        By ``Question.key``.
    provenance : tuple of str
        First lines of the files: what made them, with which version.

    Examples
    --------
    >>> import analysis as an
    >>> grid = an.planner.load_grid()
    >>> list(grid.blocks)
    ['mice shannon', 'mice panel', 'mice composition', 'people shannon', 'people panel', 'people composition']
    """

    blocks: dict[str, Block]
    provenance: tuple[str, ...]

    def found(self, setting: Setting) -> Found:
        """Look a setting up.

        Parameters
        ----------
        setting : Setting
            A position of all the controls.

        Examples
        --------
        >>> import analysis as an
        >>> setting = an.planner.Setting(
        ...     "people", "shannon", effect=5, baseline=1, follow_up=1, cage=1, dropout=0, power=80
        ... )
        >>> an.planner.load_grid().found(setting).total
        190
        """
        answers = self.blocks[setting.question.key].answers
        place = setting.row, setting.question.axes["power"].place(setting.power)
        design = setting.design().resized(int(answers["n"][place]))
        stools = design.total * (design.baseline + design.follow_up)
        error, size = 0.0, (design.alpha, 0.0)
        interval: tuple[int, ...] = ()
        if setting.question.simulated:
            error, *size = (float(answers[name][place]) for name in ("power_se", "type_i", "type_i_se"))
            interval = int(answers["low"][place]), int(answers["high"][place])
        return Found(
            design.n_per_arm,
            design.total,
            design.n_cages,
            design.n_analysed[0],
            stools,
            stools * setting.question.reads,
            float(answers["power"][place]),
            error,
            *size,
            *interval,
        )

    def for_page(self) -> dict[str, dict[str, object]]:
        """Return what the page holds: whole numbers only, powers in thousandths, lists laid out flat."""
        page = {}
        for key, block in self.blocks.items():
            answers, curve = block.answers, block.curve
            page[key] = {
                "axes": {
                    name: [axis.first, axis.step, axis.count] for name, axis in block.question.axes.items()
                },
                "reads_each": block.question.reads,
                "points": curve["n"].shape[1],
                "n": _flat(answers["n"]),
                "reached": _flat(1_000 * answers["power"]),
            }
            if block.question.simulated:
                page[key] |= {
                    "curve_n": _flat(curve["n"]),
                    "curve_power": _flat(1_000 * curve["power"]),
                    "curve_se": _flat(1_000 * curve["power_se"]),
                    "se": _flat(1_000 * answers["power_se"]),
                    "type_i": _flat(1_000 * answers["type_i"]),
                    "type_i_se": _flat(1_000 * answers["type_i_se"]),
                    "low": _flat(answers["low"]),
                    "high": _flat(answers["high"]),
                }
        return page


@lru_cache(maxsize=1)
def load_grid() -> Grid:
    """Read the planner's numbers from data/results.

    Returns
    -------
    Grid
        Every position of the controls.

    Raises
    ------
    ParameterError
        Where the files do not hold the settings that the planner has, in their order.

    Examples
    --------
    >>> import analysis as an
    >>> trial = {"baseline": 1, "follow_up": 1, "cage": 1, "dropout": 0, "power": 80}
    >>> setting = an.planner.Setting("mice", "shannon", effect=10, **trial)
    >>> an.planner.load_grid().found(setting).total
    32
    """
    paths = [data_path(f"results/planner_{part}.csv") for part in ("grid", "composition")]
    closed, simulated = (pd.read_csv(path, comment="#") for path in paths)
    blocks = {
        question.key: _simulated_block(question, simulated)
        if question.simulated
        else _closed_block(question, closed)
        for question in QUESTIONS
    }
    return Grid(blocks, tuple(_first_line(path) for path in paths))


def _closed_block(question: Question, table: pd.DataFrame) -> Block:
    rows = _rows(question, table)
    powers = question.axes["power"].values
    numbers = {
        "n": rows[[f"n_{power:g}" for power in powers]].to_numpy(),
        "power": rows[[f"power_{power:g}" for power in powers]].to_numpy(),
    }
    return Block(question, numbers, numbers | {"power_se": np.zeros_like(numbers["power"])})


def _simulated_block(question: Question, table: pd.DataFrame) -> Block:
    rows = _rows(question, table)
    place = rows.groupby(list(_PLACES), sort=False).ngroup().to_numpy()
    powers = question.axes["power"].values
    answers = {
        new: np.column_stack([rows.loc[rows["asked"] == power, old] for power in powers]).round(3)
        for new, old in (
            ("n", "n_per_arm"),
            ("power", "power"),
            ("power_se", "power_se"),
            ("type_i", "type_i"),
            ("type_i_se", "type_i_se"),
            ("low", "n_low"),
            ("high", "n_high"),
        )
    }
    point = rows.groupby(place).cumcount().to_numpy()
    curve = {}
    for new, old in (("n", "n_per_arm"), ("power", "power"), ("power_se", "power_se")):
        curve[new] = np.zeros((place.max() + 1, point.max() + 1))
        curve[new][place, point] = rows[old].round(3)
    return Block(question, answers, curve)


def _rows(question: Question, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a question, once they are seen to be its settings in their order."""
    rows = table[(table["host"] == question.host) & (table["endpoint"] == question.endpoint)]
    first = question.axes["power"].first
    wanted = [
        [getattr(setting, name) for name in _PLACES]
        for setting in question.settings()
        if setting.power == first
    ]
    if rows[list(_PLACES)].drop_duplicates().to_numpy().tolist() != wanted:
        raise one_fault(
            ParameterError,
            "planner",
            f"the numbers for {question.key} are not those of its controls",
            expected=f"{len(wanted):,} settings, in order",
            remedy="work them out again: python data/scripts/planner_grid.py",
        )
    return rows


def _flat(values: np.ndarray) -> list[int]:
    return np.rint(values.ravel()).astype(int).tolist()


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().strip("# \n")
