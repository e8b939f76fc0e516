"""Which events a bot has handled, as far back as a repetition can come from."""


class SeenEvents:
    """Remembers at least the last `capacity` event ids, at most twice as many.

    Two generations instead of a queue: when the younger is full it becomes the elder, and the elder is forgotten.
    """

    __slots__ = ("_capacity", "_elder", "_younger")

    def __init__(self, capacity: int = 8192) -> None:
        self._capacity = capacity
        self._younger: set[str] = set()
        self._elder: set[str] = set()

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._younger or event_id in self._elder

    def add(self, event_id: str) -> None:
        """Remember an event as handled."""
        self._younger.add(event_id)
        if len(self._younger) >= self._capacity:
            self._elder = self._younger
            self._younger = set()
