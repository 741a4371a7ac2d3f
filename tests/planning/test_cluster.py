"""The same numbers on every backend of joblib: on a Dask cluster too, though one of its workers is killed."""

import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.linalg  # noqa: F401  # its BLAS is among those that are counted
from pandas.testing import assert_frame_equal
from threadpoolctl import threadpool_info, threadpool_limits

import analysis as an
from analysis.claims.rehearsal import rehearse
from analysis.designs import Design
from analysis.errors import ParameterError, one_fault
from analysis.pilots.effects import composition_shift
from analysis.pilots.fitting import fit_pilot
from analysis.pilots.shipped import load_pilot
from analysis.planning import replicates, spreading
from analysis.planning.community import CommunityEndpoint
from analysis.planning.endpoints import MeanEndpoint
from analysis.planning.power import power, power_curve, sample_size
from analysis.planning.replicates import run_missing
from analysis.planning.spreading import spread
from analysis.threads import one_thread

POST = Design(15, baseline=0)
SHANNON = MeanEndpoint(3.5, 0.6, icc=0.45)
DIGESTION = an.load_claims()["digestive_complaints_humans"]


def community_curve():
    endpoint = CommunityEndpoint(load_pilot("twins_genera"))
    return power_curve(POST, endpoint, [0.02, 0.05], [12, 20], n_sim=100, permutations=199)


def mean_curve():
    asked = {"method": "simulation", "n_sim": 2_000}
    return power_curve(Design(cluster_size=2), SHANNON, [-0.3, -0.5], [10, 20], **asked)


def community_size():
    endpoint = CommunityEndpoint(load_pilot("twins_genera"))
    return sample_size(POST, endpoint, 0.05, n_sim=100, permutations=199).to_frame()


def mean_size():
    return sample_size(Design(), SHANNON, -0.4, method="simulation", n_sim=2_000).to_frame()


def rehearsed():
    return rehearse(DIGESTION, 75, (0.0,), n_per_arm=10, seed=3).to_frame()


ASKED = [community_curve, mean_curve, community_size, mean_size, rehearsed]


@pytest.fixture(scope="module")
def local():
    """What one process finds, each worked out once."""
    return {ask: ask() for ask in ASKED}


# A Dask cluster


@contextmanager
def two_workers(folder):
    """Run a cluster of two processes that talk over the loopback."""
    distributed = pytest.importorskip("distributed")
    give_up_after(15 * 60)  # a cluster without workers waits for some, for ever
    where = {"dashboard_address": "127.0.0.1:0", "local_directory": str(folder)}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, **where) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client
    give_up_after(0)


def give_up_after(seconds):
    """Fail the test that runs then; 0: none."""

    def give_up(*_):
        raise TimeoutError("the cluster has not come to an end")

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, give_up)
        signal.alarm(seconds)


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with two_workers(tmp_path_factory.mktemp("workers")) as client:
        yield client


@pytest.fixture
def only_workers(monkeypatch):
    """Let no task run in this process."""

    def refuse(work, task):
        raise AssertionError("a task ran outside the cluster")

    monkeypatch.setattr(spreading, "_alone", refuse)


def process_ids(client):
    return list(client.run(os.getpid).values())


@pytest.mark.long
@pytest.mark.parametrize("ask", ASKED)
@pytest.mark.usefixtures("only_workers")
def test_a_cluster_gives_the_same_numbers(local, ask, client):
    with joblib.parallel_config(backend="dask"):
        assert_frame_equal(ask(), local[ask], check_exact=True)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.usefixtures("only_workers")
@pytest.mark.parametrize("ask", [community_curve, rehearsed])
def test_a_killed_worker_changes_nothing(local, ask, tmp_path, monkeypatch):
    with two_workers(tmp_path) as doomed, joblib.parallel_config(backend="dask"):
        first, second = process_ids(doomed)
        yielded = []

        def spread_and_kill(*given):
            for found in spread(*given):
                yield found
                if not yielded:  # most of the blocks are still to be done
                    os.kill(first, signal.SIGKILL)
                yielded.append(found)

        monkeypatch.setattr(replicates, "spread", spread_and_kill)
        assert_frame_equal(ask(), local[ask], check_exact=True)
        assert len(yielded) > 1
        assert first not in process_ids(doomed)
        assert second in process_ids(doomed)


@pytest.mark.long
def test_a_task_may_use_the_cluster_that_it_runs_on(local, client):
    def nested(_):
        with joblib.parallel_config(backend="dask"):
            return mean_curve()

    for found in client.gather(client.map(nested, range(3), pure=False)):
        assert_frame_equal(found, local[mean_curve], check_exact=True)


class Unloadable:
    """Can be sent, and not be received."""

    def __reduce__(self):
        return (_fail_to_load, ())


def _fail_to_load():
    raise ImportError("no such module")


def _wrong(task):
    raise one_fault(ParameterError, "task", f"{task} is wrong")


@pytest.mark.long
@pytest.mark.usefixtures("client", "only_workers")
def test_what_goes_wrong_on_a_worker_is_raised():
    with joblib.parallel_config(backend="dask"):
        with pytest.raises(ParameterError, match="is wrong"):
            list(spread(_wrong, range(3)))
        # joblib itself would wait for ever.
        with pytest.raises(Exception, match=r"deserial|no such module|[Cc]ancelled"):
            list(spread(Unloadable(), range(3)))
        assert sorted(spread(abs, [-1, 2])) == [(0, 1), (1, 2)]


@pytest.mark.long
def test_the_back_test_runs_on_a_cluster(shared_data, tmp_path, monkeypatch):
    folder = str(Path(__file__).resolve().parents[2] / "benchmarks")
    monkeypatch.syspath_prepend(folder)
    import backtest_cohorts
    import bench_backtest

    cohort = backtest_cohorts.LOADERS["cecum"](shared_data)
    few = ["--splits", "2", "--draws", "20", "--simulations", "16", "--permutations", "99", "--jobs", "1"]
    options = bench_backtest.parser().parse_args(few)
    found = {}
    local = bench_backtest.back_test(cohort, options, found)
    with two_workers(tmp_path) as client, joblib.parallel_config(backend="dask"):
        client.run(sys.path.insert, 0, folder)
        assert_frame_equal(bench_backtest.back_test(cohort, options), local, check_exact=True)
    first, second = found
    del found[second]
    found[first] = dict(found[first])
    assert_frame_equal(bench_backtest.back_test(cohort, options, found), local, check_exact=True)


# The other backends


@pytest.mark.long  # each process takes seconds to import SciPy and pandas
@pytest.mark.parametrize(
    ("backend", "ask"),
    [
        ("threading", community_curve),
        ("threading", rehearsed),
        ("loky", community_curve),
        ("multiprocessing", mean_curve),
    ],
)
def test_every_backend_gives_the_same_numbers(local, ask, backend):
    with joblib.parallel_config(backend=backend, n_jobs=2):
        assert_frame_equal(ask(), local[ask], check_exact=True)


def _backend(_):
    return type(joblib.parallel.get_active_backend()[0]).__name__, os.getpid()


def _nested(_):
    return run_missing(_backend, {"a": 0, "b": 1}, n_jobs=2)


def test_the_callers_backend_is_taken_and_tasks_spread_nothing(monkeypatch):
    used = []
    parallel = joblib.Parallel

    def spied(**given):
        made = parallel(**given)
        used.append((type(made._backend).__name__, made.n_jobs))
        return made

    monkeypatch.setattr(joblib, "Parallel", spied)
    names = {"a": 0, "b": 1, "c": 2}
    alone = ("SequentialBackend", os.getpid())
    assert run_missing(_backend, names) == [alone] * 3
    assert used == []
    with joblib.parallel_config(backend="threading", n_jobs=3):
        assert run_missing(_nested, names) == [[alone] * 2] * 3
        assert run_missing(_backend, names, n_jobs=2) == [alone] * 3
    with joblib.parallel_config(backend="threading"):
        assert run_missing(_backend, names) == [alone] * 3  # as joblib has it: one, unless told otherwise
    assert used == [("ThreadingBackend", 3), ("ThreadingBackend", 2)]


def test_what_is_there_is_not_done_again():
    found = {"b": 7}
    assert run_missing(abs, {"a": -1, "b": -2}, found) == [1, 7]
    assert found == {"a": 1, "b": 7}


# One thread of BLAS


def threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_thread_holds_until_the_last_has_left():
    with threadpool_limits(2):
        before = threads()
        with one_thread:
            assert threads() == {1}
            with one_thread:
                pass
            with joblib.parallel_config(backend="threading", n_jobs=2):
                assert run_missing(lambda _: threads(), dict.fromkeys("abcd")) == [{1}] * 4
            assert threads() == {1}
        assert threads() == before


def _fitted(study):
    pilot = fit_pilot(study, max_taxa=40)
    return np.concatenate([pilot.loadings.ravel(), pilot.log_quantiles.ravel(), pilot.taxon_shares.ravel()])


@pytest.mark.long
@pytest.mark.parametrize("of", ["power", "effect", "fit", "permanova"])
def test_numbers_do_not_depend_on_the_threads_of_blas(of):
    pilot = load_pilot("twins_genera")
    study = pilot.simulate(n_subjects=60, seed=3)
    distances = an.beta_diversity(study, "braycurtis")
    arms = pd.DataFrame({"arm": ["a", "b"] * 30}, index=study.sample_ids)
    asked = {
        "power": lambda: power(Design(60, baseline=0), CommunityEndpoint(pilot), 0.02, n_sim=64).to_frame(),
        "effect": lambda: pd.DataFrame(composition_shift(pilot, 0.03).log_fold),
        "fit": lambda: pd.DataFrame(_fitted(study)),
        "permanova": lambda: an.permanova(distances, arms, "arm").to_frame(),
    }
    found = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            found.append(asked[of]())
    assert_frame_equal(*found, check_exact=True)
