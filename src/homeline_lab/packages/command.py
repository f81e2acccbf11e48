"""`homeline-lab packages ipk|apk|sizes`: what `make ipk`, `make apk` and `make sizes` run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from homeline_lab.debian import CannotGet
from homeline_lab.packages import apk, ipk, making, sizes
from homeline_lab.packages.branches import BRANCHES, branch
from homeline_lab.packages.recipe import RecipeError

DIST = making.REPOSITORY / "dist"


def main(argv: list[str]) -> int:
    """0 when all is made, 1 with the reason where it is not."""
    parser = argparse.ArgumentParser(prog="homeline-lab packages", description=__doc__)
    parser.add_argument("what", choices=("ipk", "apk", "sizes"))
    parser.add_argument("--branch", choices=[each.name for each in BRANCHES], help="one branch alone")
    parser.add_argument("--dist", type=Path, default=DIST, help="where the packages go (dist/)")
    args = parser.parse_args(argv)
    wanted = [branch(args.branch)] if args.branch else BRANCHES
    try:
        if args.what == "sizes":
            print(sizes.report())
            return 0
        if args.what == "apk":
            apk.find()  # before anything is built for it
        for each in wanted:
            if args.what == "apk" and each.manager != "apk":
                continue
            folder = args.dist / f"openwrt-{each.name}"
            with making.made(each) as packages:
                if args.what == "ipk":
                    ipk.write_feed(folder, packages, making.epoch())
                else:
                    apk.write(folder, packages, making.epoch())
            print(f"{folder}: {', '.join(package.name for package in packages)}")
    except (RecipeError, CannotGet) as e:
        print(f"packages: {e}", file=sys.stderr)
        return 1
    return 0
