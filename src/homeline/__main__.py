"""`python -m homeline` is the command `homeline`."""

import sys

from homeline.cli import main

sys.exit(main())
