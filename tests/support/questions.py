"""Asking a venue's questions without a venue."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpRequest, HttpResponse

T = TypeVar("T")


def asked(
    question: Question[T],
    answers: Iterable[HttpResponse] | Callable[[HttpRequest], HttpResponse],
    now_ns: int = 0,
) -> tuple[T, list[HttpRequest]]:
    """Return what a question comes to by these answers, and what it wanted asked; fails if it wants more."""
    answer = answers if callable(answers) else _in_turn(answers)
    requests: list[HttpRequest] = []
    try:
        make = next(question)
        while True:
            requests.append(make(now_ns))
            make = question.send(answer(requests[-1]))
    except StopIteration as end:
        found: T = end.value
        return found, requests


def _in_turn(answers: Iterable[HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    left = iter(answers)

    def answer(request: HttpRequest) -> HttpResponse:
        found = next(left, None)
        assert found is not None, f"one question too many: {request.target}"
        return found

    return answer
