"""Every error of the library, in one tree:

OpticalMemoryError
├── InvalidHistoryError      a history, turn or file that cannot be understood
├── UnreadableTextError      text that the face cannot draw or the model was not trained to read
├── GridError                a grid of cells that the model does not read, or that does not fill a page
├── PictureError             a picture that cannot be read, or is too large
├── CheckpointError          weights that are missing, damaged, or of another architecture
├── DeviceError              a device that does not exist or cannot do what is asked
├── SpliceError              rows that do not fit the places made for them
├── BudgetError              a budget that cannot be met
├── StoreError               a store on disk that cannot be used: of a newer version, without a scope
│   └── DamagedStoreError    one whose file is damaged: it can be replaced or deleted, not read
└── MissingExtraError        an optional package that is not installed
"""


class OpticalMemoryError(Exception):
    """Base of all errors raised on purpose; the message says what came, what was expected, what to do."""


class InvalidHistoryError(OpticalMemoryError, ValueError):
    """A history, turn or file that cannot be understood."""


class UnreadableTextError(OpticalMemoryError, ValueError):
    """Text that the face cannot draw or the model was not trained to read."""


class GridError(OpticalMemoryError, ValueError):
    """A grid of cells that the model does not read, or that does not fill a page."""


class PictureError(OpticalMemoryError, ValueError):
    """A picture that cannot be read, or is too large."""


class CheckpointError(OpticalMemoryError):
    """Weights that are missing, damaged, or of another architecture."""


class DeviceError(OpticalMemoryError):
    """A device that does not exist or cannot do what is asked."""


class SpliceError(OpticalMemoryError, ValueError):
    """Rows that do not fit the places made for them."""


class BudgetError(OpticalMemoryError, ValueError):
    """A budget that cannot be met.

    `budget`: the least that holds with the fidelity asked for; `min_fidelity`: the most that holds within the budget asked for,
    None if nothing does, or if it is pinned pages that do not fit.
    """

    def __init__(self, message: str, budget: int | None = None, min_fidelity: float | None = None) -> None:
        super().__init__(message)
        self.budget = budget
        self.min_fidelity = min_fidelity


class StoreError(OpticalMemoryError):
    """A store on disk that cannot be used: of a newer version, or without a scope."""


class DamagedStoreError(StoreError):
    """A store whose file is damaged: it can be replaced or deleted, not read."""


class MissingExtraError(OpticalMemoryError, ImportError):
    """An optional package that is not installed; the message names its pip line."""
