"""Who may log in, read again while the console runs: whoever is left out is logged out."""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from fillwire.console.sessions import Key, Sessions
from fillwire.console.viewers import Role, Viewer
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings import ConsoleUserSettings, ConsoleUsersRead, SettingsRefused, current
from fillwire.runtime.settings.sections import LEAST_SECRET
from fillwire.runtime.settings.stamps import Looks
from fillwire.runtime.supervision import Supervisor, cancel

_log = get_log(__name__)

LOOK_S: Final = 2.0


def keys_of(users: Iterable[ConsoleUserSettings]) -> list[Key]:
    """Return the keys by which these users log in; a token that is kept in a file is read at each login."""
    return [
        Key(partial(current, user.token, LEAST_SECRET), Viewer(user.user, Role(user.role)), user.once)
        for user in users
    ]


class Users:
    """Looks at the files that say who may log in, and gives the sessions what they say when they are changed.

    What cannot be used leaves everything as it was.

    Args:
        sessions: the open ones.
        load: reads the users anew.
        look_s: time between two looks, in seconds.
    """

    def __init__(self, sessions: Sessions, load: Callable[[], ConsoleUsersRead], look_s: float) -> None:
        self._sessions = sessions
        self._load = load
        self._look_s = look_s
        self._looks = Looks()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to look."""
        self._task = supervisor.spawn(self._run(), "users")

    async def stop(self) -> None:
        """Look no longer."""
        await cancel(self._task)

    async def _run(self) -> None:
        while True:
            if await self._looks.is_due():
                await self._read()
            await asyncio.sleep(self._look_s)

    async def _read(self) -> None:
        try:
            read = await asyncio.to_thread(self._load)
        except SettingsRefused as error:
            self._looks.note_read(error.stamps)
            _log.warning("users_not_read", reason=f"those read before stay: {str(error).splitlines()[0]}")
            return
        self._looks.note_read(read.stamps)
        ended = self._sessions.let_in(keys_of(read.users))
        _log.info("users_read", users=len(read.users), logged_out=sorted({viewer.name for viewer in ended}))
