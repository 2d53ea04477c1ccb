"""`python -m optical_memory.cli`: the same as the command `optical-memory`."""

import sys

from optical_memory.cli import main

sys.exit(main())
