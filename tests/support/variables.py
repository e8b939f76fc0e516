"""Variables of the environment that are meant for the tests and not for what they start."""

import os


def taken(name: str) -> str:
    """Return what a variable says, empty if it is not set, and leave it under another name.

    A `fillwire` that a test starts would refuse a variable that is none of its settings; the processes of tests that run in
    parallel inherit the other name.

    Args:
        name: such as `FILLWIRE_JAEGER`.
    """
    aside = f"_{name}"
    given = os.environ.pop(name, None)
    if given is not None:
        os.environ[aside] = given
    return os.environ.get(aside, "")
