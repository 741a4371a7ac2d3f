"""Where the project's own data files are."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data_path(name: str = "") -> Path:
    """Return the path of a file in the project's data folder.

    Parameters
    ----------
    name : str
        Its path inside the folder, for example "panels.toml"; "" for the folder itself.

    Notes
    -----
    A wheel carries the folder as ``analysis/_data``; a clone has it beside the package as ``data``.
    """
    installed = _PACKAGE / "_data"
    return (installed if installed.is_dir() else _PACKAGE.parent / "data") / name
