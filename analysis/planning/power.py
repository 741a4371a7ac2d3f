"""Power, sample size, power curves and smallest detectable effects, for every kind of endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

import analysis.planning.correlation
import analysis.planning.mean_engine  # noqa: F401  # both make their endpoints known
from analysis.arguments import check_choice, check_count, check_number
from analysis.designs import Design, Direction
from analysis.errors import Faults, ParameterError
from analysis.planning.checkpoint import opened
from analysis.planning.engine import Engine, Method, Settings, engine_for
from analysis.planning.results import Power, SampleSize, SmallestEffect


def power(
    design: Design,
    endpoint: Any,
    effect: Any,
    *,
    n_sim: int = 1_000,
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int = 1,
    method: Method | None = None,
    margin: float | None = None,
) -> Power:
    """Compute how often an experiment would find an effect, and how often it would cry wolf.

    Parameters
    ----------
    design : Design
        The experiment.
    endpoint : MeanEndpoint, CorrelationEndpoint, CommunityEndpoint or TaxaEndpoint
        What is measured and how much it varies.
    effect : float or as the endpoint says
        What the treatment does, signed, in the endpoint's own unit: -0.18 is a fall by 0.18 units of Shannon.
        For a CorrelationEndpoint the true correlation of the changes.
    n_sim : int
        Simulated experiments with the effect, and as many without it.
    permutations : int
        Per test, where the endpoint is tested by permutation.
    seed : int
        Of all that is drawn; results are the same for every `n_jobs` and backend.
    n_jobs : int
        Processes (-1: one a core). 1 leaves it to the caller's `joblib.parallel_config`, where there is one:
        see `power_curve` for a Dask cluster.
    method : {"closed", "simulation"}, optional
        By default closed forms where there are any.
    margin : float, optional
        Test that the effect is small. With ``sides=2``, above 0: equivalence within ± margin by two one-sided
        tests. With ``sides=1``, signed: below 0, that there is no fall by as much as the margin
        (non-inferiority), above 0, that there is no such rise. The effect is what is thought to be true.

    Returns
    -------
    Power
        With the type I error of the same test, and Monte Carlo errors of both.

    Raises
    ------
    DesignError, ParameterError
        For an effect that cannot exist, a margin that does not fit, too few units to test; all at once.

    Warns
    -----
    SizeWarning
        Where simulation shows a type I error off its nominal level.

    Notes
    -----
    A one-sided test looks in the direction of the effect, or in that of ``design.alternative``; an effect in
    the wrong direction then has a power below alpha. A two-sided test counts rejections on both sides.

    For a MeanEndpoint the closed forms are those of the noncentral t with its exact degrees of freedom, for
    ANCOVA averaged over the chance difference of the baselines: see `analysis.planning.means`. By simulation,
    samples are drawn and the same test is run on each experiment, as `compare_means` would. Both suppose
    normal values and one spread in all arms. `compare_means` without a baseline defaults to Welch's t, for
    which ``model="welch"`` is exact: ``pooled`` is too high by about .001 at 20 an arm, .005 at 10, .03 at 5.

    power_low and power_high are what the pilot's own uncertainty leaves: of the SD, where a MeanEndpoint
    knows its pilot_n, in closed form only (by simulation a note says that it is left out); of everything,
    where another endpoint has ``resamples``. An effect that was itself taken from a small pilot is another
    matter: without any effect, 20 a group then promise .17 on average.

    Examples
    --------
    >>> import analysis as an
    >>> score = an.MeanEndpoint(mean=0, sd=1, lowest=None)
    >>> found = an.power(an.Design(n_per_arm=64, baseline=0), score, effect=0.5)
    >>> round(found.power, 4), found.method
    (0.8015, 'closed')
    """
    settings = Settings(n_sim, permutations, seed, n_jobs, method, margin)
    faults = _begin("power", design)
    engine = _checked(faults, design, endpoint, [effect], settings)
    found = engine.power(design, endpoint, effect, settings)
    if getattr(endpoint, "resamples", 0):
        from analysis.planning.pilot_uncertainty import power_with_interval

        return power_with_interval(found, engine, design, endpoint, effect, settings)
    return found


def sample_size(
    design: Design,
    endpoint: Any,
    effect: Any,
    power: float = 0.8,
    *,
    max_n: int | None = None,
    n_sim: int = 1_000,
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int = 1,
    method: Method | None = None,
    margin: float | None = None,
    checkpoint: str | Path | None = None,
) -> SampleSize:
    """Find the smallest experiment that reaches a power.

    Parameters
    ----------
    design : Design
        The experiment; of its n_per_arm a search by simulation only takes where to begin.
    endpoint, effect, n_sim, permutations, seed, n_jobs, method, margin
        As in `power`.
    power : float
        To be reached.
    max_n : int, optional
        Largest n_per_arm that is thought of (subjects; divide by the cage size for cages).
    checkpoint : str or pathlib.Path, optional
        As in `power_curve`: each number of subjects that is tried, and each refit of a pilot, is kept.

    Returns
    -------
    SampleSize
        Subjects to enrol (losses made up for, cages full) and to be analysed, and the power reached.

    Raises
    ------
    DesignError, ParameterError
        As in `power`, and where no number of subjects, or none up to `max_n`, will do.

    Notes
    -----
    By simulation, a few numbers of subjects around the answer are tried and a probit line in the square root
    of n is fitted to their powers; n_low and n_high are its 95 % interval. An endpoint with a pilot and
    ``resamples`` widens it by what the pilot itself leaves open: the search is run again in every refit.

    Examples
    --------
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.45, sd=0.598, icc=0.65)
    >>> found = an.sample_size(an.Design(baseline=1), shannon, effect=shannon.percent(-5))
    >>> found.n_per_arm, found.total, round(found.n_exact, 2)
    (111, 222, 110.42)
    """
    settings = Settings(n_sim, permutations, seed, n_jobs, method, margin)
    faults = _begin("sample_size", design)
    _check_target(faults, design, power)
    if max_n is not None:
        check_count(faults, "max_n", max_n, 2, "subjects")
    engine = _checked(faults, design, endpoint, [effect], settings)
    asked = {"effect": effect, "power": power, "max_n": max_n}
    with opened(checkpoint, _told("sample_size", design, endpoint, settings, asked)) as parts:
        settings = replace(settings, parts=parts)
        found = engine.sample_size(design, endpoint, effect, power, max_n, settings)
        if getattr(endpoint, "resamples", 0):
            from analysis.planning.pilot_uncertainty import size_with_interval

            return size_with_interval(found, engine, design, endpoint, effect, max_n, settings)
    return found


def power_curve(
    design: Design,
    endpoint: Any,
    effects: Sequence[Any],
    n_per_arm: Sequence[int],
    *,
    n_sim: int = 1_000,
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int = 1,
    method: Method | None = None,
    margin: float | None = None,
    checkpoint: str | Path | None = None,
) -> pd.DataFrame:
    """Tabulate power over effects and numbers of subjects.

    Parameters
    ----------
    design : Design
        The experiment; its own n_per_arm is not used.
    effects, n_per_arm : sequence
        Every effect is combined with every number of subjects.
    endpoint, n_sim, permutations, seed, n_jobs, method, margin
        As in `power`.
    checkpoint : str or pathlib.Path, optional
        A file in which each simulated row is kept as soon as it is done. Called again in the same way with
        the same file, after whatever put an end to the first call, only the rows that are missing are
        simulated; the result is the same to the last bit. Delete the file to begin anew.

    Returns
    -------
    pandas.DataFrame
        One row a combination: effect, n_per_arm, total, cages, power, power_se, type_i, type_i_se, n_sim,
        method; each row as `power` gives it.

    Raises
    ------
    DesignError, ParameterError
        As for `power`, of all combinations at once; and for a checkpoint of other settings or versions, with
        each that differs.

    Notes
    -----
    Simulated experiments run wherever joblib can run them; on all workers of a Dask cluster within::

        client = distributed.Client("scheduler:8786")
        with joblib.parallel_config(backend="dask"):
            curve = power_curve(design, endpoint, effects, n_per_arm, checkpoint="curve.jsonl")

    With the default ``n_jobs=1`` backend and number of jobs are those of `joblib.parallel_config`, where the
    caller has set any; a cluster uses all its workers whatever `n_jobs` is, each of which needs this library.
    A worker that dies is made up for by the others. The result is the same for every backend and number of
    jobs: a block of experiments has its own random numbers, and runs with one thread of BLAS. (On processors
    of another kind a BLAS may round differently, in the last bit.) The closed forms
    of a MeanEndpoint keep nothing in a checkpoint.

    Examples
    --------
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.45, sd=0.598, icc=0.65)
    >>> curve = an.power_curve(an.Design(), shannon, effects=[-0.1, -0.2], n_per_arm=[50, 100])
    >>> curve["power"].round(3).tolist()
    [0.192, 0.339, 0.582, 0.871]
    """
    settings = Settings(n_sim, permutations, seed, n_jobs, method, margin)
    faults = _begin("power_curve", design)
    for name, values in (("effects", effects), ("n_per_arm", n_per_arm)):
        if not isinstance(values, Iterable) or isinstance(values, str | bytes):
            faults.add(f"{name}={values!r}", expected="a list of values", remedy=f"{name}=[...]")
    faults.raise_if_any()
    effects, sizes = list(effects), list(n_per_arm)
    for name, values in (("effects", effects), ("n_per_arm", sizes)):
        if not values:
            faults.add(f"{name} is empty", expected="at least one value")
    for n in sizes:
        check_count(faults, "n_per_arm", n, 2, "animals or people")
    engine = _checked(faults, design, endpoint, effects, settings)
    sizes = [int(n) for n in sizes]
    asked = {"effects": effects, "n_per_arm": sizes}
    with opened(checkpoint, _told("power_curve", design, endpoint, settings, asked)) as parts:
        return engine.curve(design, endpoint, effects, sizes, replace(settings, parts=parts))


def smallest_detectable_effect(
    design: Design,
    endpoint: Any,
    power: float = 0.8,
    *,
    direction: Direction | None = None,
    n_sim: int = 1_000,
    permutations: int = 999,
    seed: int = 0,
    n_jobs: int = 1,
    method: Method | None = None,
) -> SmallestEffect:
    """Find the smallest effect that an experiment finds with a given power.

    Parameters
    ----------
    design : Design
        The experiment.
    power : float
        To be reached.
    direction : {"less", "greater"}, optional
        Whether a fall or a rise is meant. By default ``design.alternative``, else a fall.
    endpoint, n_sim, permutations, seed, n_jobs, method
        As in `power`.

    Returns
    -------
    SmallestEffect
        The signed effect, also in percent of the mean.

    Raises
    ------
    DesignError, ParameterError
        Where not even the largest effect that can exist is found with that power.

    Examples
    --------
    >>> import analysis as an
    >>> shannon = an.MeanEndpoint(mean=3.45, sd=0.598, icc=0.65)
    >>> found = an.smallest_detectable_effect(an.Design(n_per_arm=111), shannon)
    >>> round(found.percent, 2)
    -4.99
    """
    settings = Settings(n_sim, permutations, seed, n_jobs, method)
    faults = _begin("smallest_detectable_effect", design)
    _check_target(faults, design, power)
    check_choice(faults, "direction", direction, (None, "less", "greater"))
    if direction and design.alternative and direction != design.alternative:
        faults.add(f"direction={direction!r} with a design that looks for {design.alternative!r}")
    engine = _checked(faults, design, endpoint, [], settings)
    less = (direction or design.alternative or "less") == "less"
    return engine.smallest_effect(design, endpoint, -1.0 if less else 1.0, power, settings)


def _told(
    function: str, design: Design, endpoint: Any, settings: Settings, asked: dict[str, object]
) -> dict[str, object]:
    """Name all that determines a result, for the head of a checkpoint."""
    how = {name: getattr(settings, name) for name in ("n_sim", "permutations", "seed", "method", "margin")}
    return {"function": function, "design": design, "endpoint": endpoint} | asked | how


def _begin(subject: str, design: object) -> Faults:
    """Open the list of faults; without a design nothing else can be checked."""
    faults = Faults(subject, ParameterError)
    if not isinstance(design, Design):
        faults.add(
            f"design is a {type(design).__name__}",
            expected="a Design",
            remedy="analysis.Design(n_per_arm=20), and the endpoint after it",
        )
        faults.raise_if_any()
    return faults


def _check_target(faults: Faults, design: Design, power: float) -> None:
    check_number(
        faults,
        "power",
        power,
        lambda x: design.alpha < x < 1,
        f"above alpha ({design.alpha:g}) and below 1",
        "no experiment is certain to find an effect" if power == 1 else "",
    )


def _checked(
    faults: Faults, design: Design, endpoint: Any, effects: Sequence[Any], settings: Settings
) -> Engine:
    """Find the engine, note what does not fit, and raise all faults at once."""
    engine = engine_for(endpoint)
    check_count(faults, "n_sim", settings.n_sim, 10, "simulated experiments")
    check_count(faults, "permutations", settings.permutations, 1, "permutations")
    check_count(faults, "seed", settings.seed, 0, "the random state")
    check_number(
        faults,
        "n_jobs",
        settings.n_jobs,
        lambda x: x == int(x) and x != 0,
        "a number of processes, or -1 for all cores",
    )
    check_choice(faults, "method", settings.method, (None, "closed", "simulation"))
    engine.check(design, endpoint, effects, settings, faults)
    faults.raise_if_any()
    return engine
