"""Where Jaeger 2 is, for the tests that use a real one; docs/tracing.md says how to build it."""

import shutil
from typing import Final

from support.variables import taken

VARIABLE: Final = "FILLWIRE_JAEGER"
JAEGER: Final = taken(VARIABLE) or shutil.which("jaeger")
"""Path of the binary: what the variable says, else `jaeger` on the path; None where there is none."""
