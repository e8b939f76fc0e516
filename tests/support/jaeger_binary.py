"""Where Jaeger 2 is, for the tests that use a real one; docs/tracing.md says how to build it."""

import os
import shutil
from typing import Final

VARIABLE: Final = "FILLWIRE_JAEGER"
# Taken out of the environment: a `fillwire` that a test starts would refuse a variable that is none of its settings.
JAEGER: Final = os.environ.pop(VARIABLE, "") or shutil.which("jaeger")
"""Path of the binary: what the variable says, else `jaeger` on the path; None where there is none."""
