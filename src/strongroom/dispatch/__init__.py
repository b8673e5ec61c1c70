"""The pipeline of one request; the only code that walks the operation table."""

from strongroom.dispatch.answers import Facts, Outcome
from strongroom.dispatch.pipeline import Dispatcher, Prepared, Work
from strongroom.dispatch.usage import Usages, put_usages

__all__ = ["Dispatcher", "Facts", "Outcome", "Prepared", "Usages", "Work", "put_usages"]
