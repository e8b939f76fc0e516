"""Client order ids that say which order of a plan they are, so that an order is recognised by whoever reads it.

    grid-btc-usdt-uiDUC-x4f2kcc0700000003
    └────────┬────────┘ └─┬┘├┘└┬┘└─┬┘└┬┘
        bot's label    epoch│ slot │ generation
                          plan   cycle

A plan is what a bot was told to do: with other parameters it is another plan, with orders of its own, and so it is when it
begins anew (epoch). A slot has one order at a time, and each further order of it is of the next generation.
"""

import hashlib
import string
from typing import NamedTuple

from fillwire.domain.client_order_ids import bot_label, is_code, label_of

_DIGITS = string.digits + string.ascii_lowercase
_EPOCH, _PLAN, _SLOT, _CYCLE, _GENERATION = 4, 2, 3, 4, 3
EPOCHS, CYCLES, GENERATIONS = 36**_EPOCH, 36**_CYCLE, 36**_GENERATION
SLOT_NUMBERS = 36**2  # a slot is a letter and a number


class Step(NamedTuple):
    """One order of a plan.

    Attributes:
        slot: its place, which has one order at a time: three characters.
        cycle: which round of the plan.
        generation: which order of the slot in this cycle.
    """

    slot: str
    cycle: int
    generation: int

    @property
    def turn(self) -> tuple[int, int]:
        """Its place in the slot's time."""
        return self.cycle, self.generation


def slot_name(letter: str, number: int = 0) -> str:
    """Return the name of a slot."""
    if not 0 <= number < SLOT_NUMBERS:
        raise ValueError(f"slot {number} of {letter}: expected 0 to {SLOT_NUMBERS - 1}")
    return letter + _text(number, _SLOT - 1)


def slot_number(slot: str) -> int:
    """Return the number of a slot."""
    return int(slot[1:], 36)


class StepIds:
    """Client order ids of one bot's plan.

    Args:
        bot: name of the bot.
        plan: all that tells this plan from another one of the bot, its account included.
        epoch: when the plan began, below `EPOCHS`.
    """

    def __init__(self, bot: str, plan: str, epoch: int) -> None:
        self.bot = bot
        self.plan = plan
        self.epoch = epoch
        self.label = bot_label(bot)
        digest = hashlib.blake2b(plan.encode(), digest_size=8).digest()
        self._plan = _text(int.from_bytes(digest) % 36**_PLAN, _PLAN)
        self._head = f"{_text(epoch, _EPOCH)}{self._plan}"

    def id_of(self, step: Step) -> str:
        """Return the client order id of a step."""
        cycle, generation = _text(step.cycle, _CYCLE), _text(step.generation, _GENERATION)
        return f"{self.label}-{self._head}{step.slot}{cycle}{generation}"

    def is_own(self, client_order_id: str | None) -> bool:
        """Return whether an id is of the bot, be it of this plan or another."""
        return client_order_id is not None and label_of(client_order_id) == self.label

    def is_planned(self, client_order_id: str | None) -> bool:
        """Return whether an id was made for a plan of the bot, be it this one or another: not by hand in its name."""
        return self._code(client_order_id) is not None

    def epoch_of(self, client_order_id: str | None) -> int | None:
        """Return the epoch in which an id was made for such a plan of the bot, None if it was not."""
        code = self._code(client_order_id)
        if code is None or code[_EPOCH : _EPOCH + _PLAN] != self._plan:
            return None
        return int(code[:_EPOCH], 36)

    def step_of(self, client_order_id: str | None) -> Step | None:
        """Return which step of this plan an id names, None if it is of another plan or epoch, or none of the bot's."""
        code = self._code(client_order_id)
        if code is None or not code.startswith(self._head):
            return None
        slot = code[len(self._head) : len(self._head) + _SLOT]
        cycle, generation = code[-_CYCLE - _GENERATION : -_GENERATION], code[-_GENERATION:]
        return Step(slot, int(cycle, 36), int(generation, 36))

    def _code(self, client_order_id: str | None) -> str | None:
        if client_order_id is None or not self.is_own(client_order_id):
            return None
        code = client_order_id[len(self.label) + 1 :]
        return code if is_code(code) else None


def _text(number: int, width: int) -> str:
    text = ""
    for _ in range(width):
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    if number:
        raise ValueError(f"number too large for {width} digits")
    return text
