"""The process that renders: one JSON object on standard input, one on standard output.

In: {"main": UCI text, "secrets": UCI text, "facts": Facts}. Out: Rendered, and exit code 0; or {"error": words}, and 1.
"""

from __future__ import annotations

import json
import sys

from homeline import config, telephony
from homeline.errors import HomelineError
from homeline.render import render


def main() -> int:
    try:
        asked = json.load(sys.stdin)
        facts = telephony.Facts.from_json(asked["facts"])
        rendered = render(config.read(asked["main"], asked["secrets"]), facts)
    except HomelineError as error:
        print(json.dumps({"error": str(error)}))
        return 1
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        print(json.dumps({"error": f"the request to render cannot be read: {type(error).__name__}"}))
        return 1
    print(telephony.dumps(rendered))
    return 0


if __name__ == "__main__":
    sys.exit(main())
