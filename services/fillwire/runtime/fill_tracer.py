"""What counts and traces fills on their path, and makes the ids of their traces: the extension, as all others know it."""

from fillwire._fastparse import (  # noqa: TID251 - this is the module that may
    AccountTracer,
    FillTracer,
    call_ids,
    child_id,
    fill_ids,
)

__all__ = ["AccountTracer", "FillTracer", "call_ids", "child_id", "fill_ids"]
