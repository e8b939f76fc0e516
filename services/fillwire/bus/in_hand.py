"""What a pull loop was delivered and has not acknowledged, and what it has handed out already."""

from collections.abc import Iterable

from fillwire.bus.durables import AckPolicy
from fillwire.bus.messages import Message


class InHand:
    """The messages of one pull loop, by their sequences in the stream.

    Args:
        ack_policy: the consumer's.
        ack_wait_s: the consumer's.

    Attributes:
        taken: sequence of the last message that was handed out.
        unsettled: messages that wait or were handed out and are not acknowledged, and when they came or were last
            reported; the loop adds to it. Empty where nothing is acknowledged.
    """

    def __init__(self, ack_policy: AckPolicy, ack_wait_s: float) -> None:
        self._ack_policy = ack_policy
        self._ack_wait_s = ack_wait_s
        self.taken = 0
        self._taken_stored_ns = 0  # when the stream stored it
        self._returned: set[int] = set()  # handed out, not handled: to be handed out again
        self.unsettled: dict[int, tuple[Message, float]] = {}

    def is_repeated(self, message: Message) -> bool:
        """Whether a message up to the one that was handed out last was itself handed out, and not given back."""
        # A stream that lost its end, or was made anew, gives sequences a second time: to messages stored later.
        return message.sequence not in self._returned and message.stored_time_ns <= self._taken_stored_ns

    def note_taken(self, message: Message) -> None:
        """Note that a message is being handed out."""
        sequence = message.sequence
        if sequence not in self._returned:
            self.taken = sequence
            self._taken_stored_ns = message.stored_time_ns
        self._returned.discard(sequence)

    def give_back(self, message: Message) -> None:
        """Note that a message could not be handled: it is to be handed out again."""
        if self.unsettled.pop(message.sequence, None) is not None:
            self._returned.add(message.sequence)

    def settle(self, message: Message, is_done: bool) -> None:
        """Note that a message was acknowledged, or refused."""
        sequence = message.sequence
        if is_done:
            self._returned.discard(sequence)
        else:
            self._returned.add(sequence)
        if self._ack_policy == "all":
            while self.unsettled and (earliest := next(iter(self.unsettled))) <= sequence:
                del self.unsettled[earliest]
        else:
            self.unsettled.pop(sequence, None)

    def note_reset(self) -> None:
        """Have nothing acknowledged by the old count of deliveries; what is in hand comes again, see `note_repeated`."""
        for message, _ in self.unsettled.values():
            message.answer_as(None)

    def note_repeated(self, message: Message) -> None:
        """Note that a message which was handed out has come again: it is done, or is acknowledged as this delivery."""
        in_hand = self.unsettled.get(message.sequence)
        if in_hand is None:
            message.ack()
        else:
            in_hand[0].answer_as(message)

    def forget(self, waiting: Iterable[Message]) -> None:
        """Forget messages that were not handed out: they come again."""
        for message in waiting:
            self.unsettled.pop(message.sequence, None)

    def report_progress(self, now_s: float) -> None:
        """Tell the broker of messages for whose acknowledgement it has waited long that they are still in hand."""
        for sequence, (message, since_s) in list(self.unsettled.items()):
            if now_s - since_s > self._ack_wait_s / 3:
                message.in_progress()
                self.unsettled[sequence] = (message, now_s)
