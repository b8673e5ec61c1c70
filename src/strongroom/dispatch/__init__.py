"""The pipeline of one request; the only code that walks the operation table."""

from strongroom.dispatch.answers import Facts, Outcome, fault_body
from strongroom.dispatch.pipeline import Dispatcher, Prepared, Work

__all__ = ["Dispatcher", "Facts", "Outcome", "Prepared", "Work", "fault_body"]
