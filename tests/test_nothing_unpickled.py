"""Nothing that is read can run code: no module unpickles, evaluates, or extracts files."""

import ast
import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import analysis as an
from analysis.catalogue import read_catalogue
from analysis.errors import AnalysisError, ReadError
from analysis.pilots.reading import read_pilot
from analysis.readers import read_alpha, read_distances, read_metadata, read_taxonomy, read_tree
from analysis.taxa.panels import load_panels

MODULES = sorted(Path(an.__file__).parent.rglob("*.py"))
IMPORTS = {
    "pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "jsonpickle", "tarfile",
}  # fmt: skip
CALLS = {  # what is called, by the last words of its name
    "eval", "exec", "compile", "__import__", "extractall", "extract", "unpack_archive", "read_pickle",
    "read_hdf",
    "joblib.load", "np.load", "numpy.load", "np.fromfile", "format.read_array", "yaml.load", "yaml.load_all",
    "yaml.full_load", "yaml.unsafe_load", "yaml.Loader", "yaml.UnsafeLoader",
}  # fmt: skip
HARMLESS = ("re.compile", ".str.extract")  # patterns


def name_of(node):
    """Write a dotted name, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{name_of(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def offences(source):
    """Name what in a module could run what is read."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in IMPORTS]
        elif isinstance(node, ast.ImportFrom):
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in (node.module, *whole) if name in IMPORTS | CALLS]
        elif isinstance(node, ast.Call):
            name = name_of(node.func)
            ends = {name, ".".join(name.split(".")[-2:]), name.rsplit(".", 1)[-1]}
            if ends & CALLS and not name.endswith(HARMLESS):
                found.append(name)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found += ["allow_pickle"] * (getattr(node.value, "value", True) is not False)
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: "/".join(path.parts[-2:]))
def test_no_module_runs_what_it_reads(module):
    assert not offences(module.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from joblib import load\nimport joblib\njoblib.load(x)",
        "np.load(x, allow_pickle=True)",
        "eval(x)", "yaml.load(x)", "from yaml import unsafe_load", "archive.extractall()",
        "pd.read_pickle(x)",
    ],
)  # fmt: skip
def test_the_guard_sees(source):
    assert offences(source)


class Trap:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


READERS = [
    an.read_study, read_metadata, read_taxonomy, read_tree, read_distances, read_alpha, read_pilot,
    an.load_claims,
    read_catalogue, load_panels,
]  # fmt: skip


def traps(mark):
    """Return pickles in every wrapping that a library might open by itself."""
    values = np.array([Trap(mark)], dtype=object)
    array, arrays, zipped = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(array, values, allow_pickle=True)
    np.savez(arrays, header=values, log_quantiles=values, allow_pickle=True)
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("x/metadata.yaml", "type: !!python/object/apply:os.system ['true']")
        archive.writestr("x/data/table.biom", pickle.dumps(Trap(mark)))
    return {
        "pickle": pickle.dumps(Trap(mark)),
        "old pickle": pickle.dumps(Trap(mark), protocol=0),
        "npy": array.getvalue(),
        "npz": arrays.getvalue(),
        "qza": zipped.getvalue(),
    }


@pytest.mark.parametrize("kind", ["pickle", "old pickle", "npy", "npz", "qza"])
@pytest.mark.parametrize("read", READERS, ids=lambda read: read.__name__)
def test_a_pickle_is_refused_and_not_run(read, kind, tmp_path):
    mark, path = tmp_path / "was-run", tmp_path / "file"
    path.write_bytes(traps(mark)[kind])
    with pytest.raises(AnalysisError):
        read(path)
    assert not mark.exists()


def test_the_trap_works(tmp_path):
    mark = tmp_path / "was-run"
    pickle.loads(traps(mark)["pickle"])
    assert mark.exists()


def test_a_pilot_with_objects_among_its_arrays_is_refused(tmp_path):
    path, mark = tmp_path / "pilot.npz", tmp_path / "was-run"
    path.write_bytes(traps(mark)["npz"])
    with pytest.raises(ReadError, match="pickled objects are never read"):
        read_pilot(path)
    assert not mark.exists()
