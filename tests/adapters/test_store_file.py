"""The database as a file: opening, locks, damage, full disks, versions, copies."""

from __future__ import annotations

import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.store_kit import NOW, long_text, part, plan
from homeline.adapters import store_file
from homeline.adapters.store import Store
from homeline.adapters.store_schema import MIGRATIONS
from homeline.errors import StoreDamaged, StoreError, StoreFull

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "homeline.db"


def filled(path: Path, count: int = 200) -> None:
    store = Store.open(path)
    store.receive([part(long_text("a", 1), at=NOW + n) for n in range(count)], NOW, plan)
    store.close()


def names(path: Path) -> set[str]:
    return {p.name for p in path.parent.iterdir()}


# -- opening --------------------------------------------------------------------------------------------------------


def test_folder_and_files_are_the_owners_alone(path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store.open(path)
        store.receive([part("a")], NOW, plan)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()} == {0o600}
        store.close()
    finally:
        os.umask(old)


def test_no_shared_memory_file_appears(path: Path) -> None:
    store = Store.open(path)
    store.receive([part("a")], NOW, plan)
    assert names(path) == {"homeline.db", "homeline.db-wal"}
    assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._db.execute("PRAGMA locking_mode").fetchone() == ("exclusive",)
    store.close()
    assert names(path) == {"homeline.db"}


def test_what_was_stored_is_there_again(path: Path) -> None:
    filled(path, 3)
    store = Store.open(path)
    assert len(store.list_messages().messages) == 3
    assert store.notices == []
    store.close()


def test_the_instance_is_made_once(path: Path, tmp_path: Path) -> None:
    seen = []
    for _ in range(2):
        store = Store.open(path)
        seen.append(store.instance)
        store.close()
    other = Store.open(tmp_path / "other.db")
    assert seen[0] == seen[1] != other.instance
    assert len(other.instance) == 16
    other.close()


def test_settings(path: Path) -> None:
    store = Store.open(path)
    assert store.setting("pin") is None
    store.set_setting("pin", "a")
    store.set_setting("pin", "b")
    assert store.setting("pin") == "b"
    store.set_setting("pin", None)
    assert store.setting("pin") is None
    store.close()


def run_child(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


TRY_TO_OPEN = """
    import sys
    from pathlib import Path
    from homeline.adapters.store import Store
    from homeline.errors import StoreError
    try:
        Store.open(Path(sys.argv[1])).close()
    except StoreError as error:
        print(type(error).__name__, error)
    else:
        print("opened")
"""


def test_only_one_program_has_it_open(path: Path) -> None:
    store = Store.open(path)
    assert "another program has the database open" in run_child(TRY_TO_OPEN, str(path)).stdout
    store.close()
    assert run_child(TRY_TO_OPEN, str(path)).stdout == "opened\n"


def test_no_permission_is_said() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "homeline.db"
        filled(path, 1)
        Path(folder).chmod(0o755)
        path.chmod(0o400)
        nobody = TRY_TO_OPEN.replace("    try:", "    import os\n    os.getuid() or os.setuid(65534)\n    try:", 1)
        assert run_child(nobody, str(path)).stdout.endswith("cannot be opened: permission denied.\n")
        path.chmod(0o600)
        Store.open(path).close()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file is not a folder"):
        Store.open(tmp_path / "file" / "homeline.db")


# -- file systems that refuse ---------------------------------------------------------------------------------------

NO_LOCKS = """
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <dlfcn.h>
static int refuse(const char *name, int fd, int command, void *argument) {
    if (command == F_SETLK || command == F_SETLKW || command == F_GETLK) { errno = ENOLCK; return -1; }
    int (*real)(int, int, ...) = (int (*)(int, int, ...))dlsym(RTLD_NEXT, name);
    return real(fd, command, argument);
}
#define WRAP(name) int name(int fd, int command, ...) { \\
    va_list list; va_start(list, command); void *argument = va_arg(list, void *); va_end(list); \\
    return refuse(#name, fd, command, argument); }
WRAP(fcntl)
WRAP(fcntl64)
"""

WITHOUT_LOCKS = """
    import os, sys
    from pathlib import Path
    from adapters.store_kit import NOW, part, plan
    from homeline.adapters.store import Store
    path = Path(sys.argv[1])
    store = Store.open(path)
    store.receive([part("a")], NOW, plan)
    print(store._db.execute("PRAGMA journal_mode").fetchone()[0], sorted(os.listdir(path.parent)), flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), 9)
    store.close()
"""


@pytest.fixture(scope="module")
def no_locks(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A library that makes every file system one without locks."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("a C compiler is needed to take the locks away")
    folder = tmp_path_factory.mktemp("no-locks")
    (folder / "refuse.c").write_text(NO_LOCKS)
    library = folder / "refuse.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "refuse.c", "-ldl"], check=True)
    return str(library)


def test_a_file_system_without_locks(path: Path, no_locks: str) -> None:
    killed = run_child(WITHOUT_LOCKS, str(path), "killed", LD_PRELOAD=no_locks)
    assert killed.stdout == "truncate ['homeline.db', 'homeline.db-journal', 'homeline.db.lock']\n", killed.stderr
    assert killed.returncode == -9
    again = run_child(WITHOUT_LOCKS, str(path), "closed", LD_PRELOAD=no_locks)  # the lock is stale
    assert again.returncode == 0, again.stderr
    store = Store.open(path)  # and moved to a file system with locks
    assert len(store.list_messages().messages) == 1
    store.close()


def test_without_locks_only_one_program_has_it_open(path: Path, no_locks: str) -> None:
    filled(path, 1)
    guard = store_file._guard(path)
    assert "another program has the database open" in run_child(TRY_TO_OPEN, str(path), LD_PRELOAD=no_locks).stdout
    guard.close()
    assert run_child(TRY_TO_OPEN, str(path), LD_PRELOAD=no_locks).stdout == "opened\n"


# -- damage ---------------------------------------------------------------------------------------------------------


def no_database(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough for a header" * 100)


def damaged_header(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[:16] = bytes(16)
    path.write_bytes(content)


def damaged_schema(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[100:4096] = os.urandom(3996)
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def damaged_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for start in range(len(content) // 2, len(content), 4096):
        content[start : start + 2048] = b"\xa5" * 2048
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [no_database, damaged_header, damaged_schema, cut_short])
def test_damage_seen_at_opening(path: Path, harm: Callable[[Path], None]) -> None:
    filled(path)
    harm(path)
    spoilt = path.read_bytes()
    store_file.suspect_mark(path).touch()  # half a file looks sound until its pages are read
    store = Store.open(path)
    (notice,) = store.notices
    (aside,) = (p for p in path.parent.iterdir() if ".damaged-" in p.name and not p.name.endswith("-wal"))
    assert str(aside) in notice
    assert aside.read_bytes() == spoilt
    assert store.list_messages().messages == []
    assert store.receive([part("after")], NOW, plan)[0].new
    store.close()
    store = Store.open(path)
    assert (store.notices, len(store.list_messages().messages)) == ([], 1)
    store.close()


def test_damage_seen_later(path: Path) -> None:
    filled(path)
    damaged_middle(path)
    store = Store.open(path)  # was closed cleanly, so the pages are not all read
    with pytest.raises(StoreDamaged):
        for number in range(300):
            store.receive([part("new", at=NOW + 10_000 + number)], NOW, plan)
            store.list_messages(text="z", limit=500)
    assert store.damaged
    store.close()
    store = Store.open(path)
    assert len(store.notices) == 1
    assert not store.damaged
    assert store.receive([part("after")], NOW, plan)[0].new
    store.close()


def test_a_suspicion_without_damage_ends(path: Path) -> None:
    filled(path, 1)
    store_file.suspect_mark(path).touch()
    store = Store.open(path)
    assert (store.notices, len(store.list_messages().messages)) == ([], 1)
    store.close()
    assert names(path) == {"homeline.db"}


def test_damaged_files_do_not_pile_up(path: Path) -> None:
    for _ in range(store_file.KEPT_DAMAGED + 2):
        filled(path, 1)
        no_database(path)
        store = Store.open(path)
        assert len(store.notices) == 1
        store.close()
    assert (
        len([name for name in names(path) if ".damaged-" in name and not name.endswith("-wal")])
        == store_file.KEPT_DAMAGED
    )


# -- no space -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", folder], check=False).returncode:
        pytest.skip("no small file system can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@needs_root
def test_a_full_disk_is_survived(tiny_disk: Path) -> None:
    store = Store.open(tiny_disk / "homeline.db")
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    stored = 0
    with pytest.raises(StoreFull, match="no space is left"):
        for number in range(10_000):
            store.receive([part(long_text("a", 1), at=NOW + number)], NOW, plan)
            stored += 1
    assert stored > 0
    with pytest.raises(StoreFull):
        store.receive([part("still full" * 10, at=NOW - n) for n in range(50)], NOW, plan)
    assert not store.damaged
    assert len(store.list_messages(limit=500).messages) == min(stored, 500)  # it can still be read
    ballast.unlink()
    assert store.receive([part("room again")], NOW, plan)[0].new
    store.close()
    store = Store.open(tiny_disk / "homeline.db")
    assert store.notices == []
    assert store.list_messages().messages[0].id == stored + 1
    store.close()


@needs_root
def test_no_room_for_a_database(tiny_disk: Path) -> None:
    ballast = os.open(tiny_disk / "ballast", os.O_WRONLY | os.O_CREAT)
    with pytest.raises(OSError, match="No space"):
        while True:
            os.write(ballast, bytes(4096))
    os.close(ballast)
    with pytest.raises(StoreFull):
        Store.open(tiny_disk / "homeline.db")


def test_a_full_file_is_survived(path: Path) -> None:
    store = Store.open(path)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(StoreFull):
        store.receive([part(long_text("a", 1), at=NOW + n) for n in range(200)], NOW, plan)
    assert store.list_messages().messages == []
    store._db.execute("PRAGMA max_page_count=100000")
    assert len(store.receive([part(long_text("a", 1), at=NOW + n) for n in range(200)], NOW, plan)) == 200
    store.close()


def test_a_write_that_the_system_refuses(path: Path) -> None:
    """What a broken flash does: an I/O error, not a full disk."""
    child = run_child(
        """
        import resource, signal, sys
        from pathlib import Path
        from adapters.store_kit import NOW, part, plan
        from homeline.adapters.store import Store
        from homeline.errors import StoreError
        store = Store.open(Path(sys.argv[1]))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            for number in range(1000):
                store.receive([part("a" * 100, at=NOW + number)], NOW, plan)
        except StoreError as error:
            print(type(error).__name__, store.damaged)
        """,
        str(path),
    )
    assert child.stdout == "StoreDamaged True\n", child.stderr
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    store = Store.open(path)  # all that was committed is there, and the file is sound
    assert store.notices == []
    assert len(store.list_messages(limit=500).messages) > 20
    store.close()


# -- versions -------------------------------------------------------------------------------------------------------

SECOND = "CREATE TABLE extra (id INTEGER PRIMARY KEY); INSERT INTO extra SELECT id FROM message;"


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def test_a_new_file_has_the_newest_version(path: Path) -> None:
    Store.open(path).close()
    assert version(path) == len(MIGRATIONS)
    Store.open(path).close()
    assert version(path) == len(MIGRATIONS)
    assert names(path) == {"homeline.db"}  # no copy, nothing was migrated


def test_a_file_is_migrated_with_what_is_in_it(path: Path) -> None:
    filled(path, 3)
    opened = store_file.open_file(path, (*MIGRATIONS, SECOND))
    assert opened.connection.execute("SELECT count(*) FROM extra").fetchone() == (3,)
    store_file.close_file(opened, path)
    assert version(path) == len(MIGRATIONS) + 1
    copy = path.with_name(f"homeline.db.version-{len(MIGRATIONS)}")
    assert version(copy) == len(MIGRATIONS)
    store_file.close_file(store_file.open_file(path, (*MIGRATIONS, SECOND)), path)


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    filled(path, 3)
    with pytest.raises(StoreError, match="no such table"):
        store_file.open_file(path, (*MIGRATIONS, SECOND + "INSERT INTO nowhere VALUES (1);"))
    assert version(path) == len(MIGRATIONS)
    store = Store.open(path)
    assert len(store.list_messages().messages) == 3
    assert store._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
    store.close()


def test_a_newer_version_is_refused_in_words(path: Path) -> None:
    filled(path, 1)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS) + 1}")
    connection.close()
    with pytest.raises(StoreError, match="made by a newer Homeline"):
        Store.open(path)
    assert names(path) == {"homeline.db"}


# -- copies ---------------------------------------------------------------------------------------------------------


def test_a_copy_is_whole_and_private(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("an older copy")
    store = Store.open(path)
    store.receive([part("a")], NOW, plan)
    store.backup(target)
    store.receive([part("b")], NOW, plan)
    store.close()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copied = Store.open(target)
    assert [message.text for message in copied.list_messages().messages] == ["a"]
    copied.close()


def test_a_copy_that_cannot_be_written_leaves_the_older_one(path: Path, tmp_path: Path) -> None:
    store = Store.open(path)
    with pytest.raises(StoreError, match="the copy cannot be written"):
        store.backup(tmp_path / "nowhere" / "copy.db")
    store.close()


@pytest.mark.parametrize("harm", [no_database, damaged_header, damaged_schema])
def test_ids_are_not_given_again_after_damage(path: Path, harm: Callable[[Path], None]) -> None:
    """Whoever keeps the id of a message, or of a delivery that is under way, must not meet another one under it."""
    filled(path, 5)
    harm(path)
    store = Store.open(path)
    (receipt,) = store.receive([part("new")], NOW, plan)
    assert receipt.event is not None
    assert receipt.event.id > 5
    assert store.list_deliveries()[0].id > 5
    store.close()


def test_ids_go_on_where_the_damaged_file_tells_them(path: Path) -> None:
    filled(path)
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'message'").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    store_file.suspect_mark(path).touch()
    store = Store.open(path)
    (receipt,) = store.receive([part("new")], NOW, plan)
    assert receipt.event is not None
    assert 200 < receipt.event.id <= 200 + store_file.IDS_IN_LOG + 1
    store.close()
