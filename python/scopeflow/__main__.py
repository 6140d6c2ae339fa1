"""`python -m scopeflow` is the `scopeflow` command."""

import sys

from ._cli import main

sys.exit(main())
