"""What becomes of an event that the database has already, by its identity."""

from enum import StrEnum

from fillwire.domain.enums import Source
from fillwire.recorder.rows import Row, essence_of, fee_of, place_of, source_of


class Verdict(StrEnum):
    """What is done about a row whose identity is stored."""

    REPEATED = "repeated"  # nothing: it says nothing new
    BETTER = "better"  # it takes the place of the stored one
    SAME = "same"  # it is the very message that is stored, read once more
    CONTRADICTING = "contradicting"  # the stored one stays, and a person should see this one


def verdict_on(new: Row, stored: Row) -> Verdict:
    """Return what becomes of `new`.

    What a gateway inferred gives way to what the venue said; a fee that was not known is taken; what was read from a place
    of the stream takes the place of what was read from there or further on, so that reading all of it again ends in the
    same rows. Otherwise what came first stays.
    """
    stream_id, sequence = place_of(new)
    stored_stream_id, stored_sequence = place_of(stored)
    if new == stored:
        return Verdict.SAME
    if stream_id == stored_stream_id and sequence <= stored_sequence:
        return Verdict.BETTER
    if source_of(stored) == Source.INFERRED != source_of(new):
        return Verdict.BETTER
    if essence_of(new) != essence_of(stored):
        return Verdict.REPEATED if source_of(new) == Source.INFERRED else Verdict.CONTRADICTING
    if fee_of(stored) is None and fee_of(new) is not None:
        return Verdict.BETTER
    return Verdict.REPEATED
