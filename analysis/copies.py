"""Data frames that an object hands out as copies, so that nobody changes it in place."""

from __future__ import annotations

import pandas as pd

_LAZY = int(pd.__version__.split(".")[0]) >= 3  # copies are made on writing


class Lent:
    """A data frame that each caller gets as a copy of its own, so that no study changes in place.

    With pandas 3 the copy shares its memory until it is written to.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"_{name}"

    def __get__(self, study: object, owner: type | None = None) -> pd.DataFrame | None:
        frame = None if study is None else study.__dict__[self.name]
        return frame.copy(deep=not _LAZY) if isinstance(frame, pd.DataFrame) else frame

    def __set__(self, study: object, frame: pd.DataFrame | None) -> None:
        study.__dict__[self.name] = frame
