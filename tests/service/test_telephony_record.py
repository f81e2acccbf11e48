"""What a running Asterisk has read, told from when it started and when files were written."""

from __future__ import annotations

from pathlib import Path

import pytest

from homeline.service.telephony_record import Record


class Router:
    """Two folders: one that lasts, one that a reboot empties."""

    def __init__(self, root: Path) -> None:
        self.lasting, self.passing = root / "restart", root / "ram"
        self.record = Record(self.lasting, self.passing)

    def daemon_again(self) -> Record:
        self.record = Record(self.lasting, self.passing)
        return self.record

    def reboot(self) -> Record:
        self.passing.unlink(missing_ok=True)
        return self.daemon_again()


@pytest.fixture
def router(tmp_path: Path) -> Router:
    return Router(tmp_path)


def test_files_that_are_written_first_are_read_at_asterisks_start(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(110.0)
    assert (router.record.needs_restart, router.record.stale) == (False, ())


def test_an_asterisk_that_ran_before_needs_a_restart_once(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(50.0)
    assert (router.record.needs_restart, router.record.stale) == (True, ("pjsip.conf",))
    router.record.took(["pjsip.conf"])
    router.record.met(120.0)
    assert (router.record.needs_restart, router.record.stale) == (False, ())


def test_a_change_that_a_reload_brings_needs_none(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(110.0)
    router.record.wrote(["extensions.conf"], "A", 200.0)
    assert (router.record.needs_restart, router.record.stale) == (False, ("extensions.conf",))
    router.record.took(["extensions.conf"])
    assert router.record.stale == ()


def test_a_change_that_is_taken_back_needs_none(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(110.0)
    router.record.wrote(["pjsip.conf"], "B", 200.0)
    assert router.record.needs_restart
    router.record.wrote(["pjsip.conf"], "C", 210.0)
    assert router.record.needs_restart
    router.record.wrote(["pjsip.conf"], "A", 220.0)
    assert not router.record.needs_restart


def test_the_daemons_restart_forgets_nothing(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(110.0)
    router.record.wrote(["pjsip.conf", "rtp.conf"], "B", 200.0)
    record = router.daemon_again()
    record.met(110.0)
    assert (record.needs_restart, record.stale) == (True, ("pjsip.conf", "rtp.conf"))


def test_a_reboot_starts_asterisk_with_the_files_on_disk(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    record = router.reboot()
    record.met(7.0)
    assert not record.needs_restart
    record.wrote(["pjsip.conf"], "A", 20.0)  # such as another address
    assert not record.needs_restart
    record.wrote(["pjsip.conf"], "B", 30.0)
    assert record.needs_restart
    record.met(40.0)
    assert not record.needs_restart


def test_asterisk_that_starts_while_files_are_written_is_not_trusted(router: Router) -> None:
    """It tells its uptime in whole seconds."""
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(100.5)
    assert (router.record.needs_restart, router.record.stale) == (True, ("pjsip.conf",))


def test_one_that_was_started_again_at_once_is(router: Router) -> None:
    router.record.wrote(["pjsip.conf"], "A", 100.0)
    router.record.met(50.0)
    router.record.restarting(100.1)
    router.record.met(50.4)
    assert router.record.needs_restart
    router.record.met(100.6)
    assert (router.record.needs_restart, router.record.stale) == (False, ())
    record = router.daemon_again()
    record.met(100.6)
    assert not record.needs_restart
    record.wrote(["pjsip.conf"], "B", 100.9)
    assert record.needs_restart


@pytest.mark.parametrize(
    "text", ["", "[]", "null", '{"at": "x"}', '{"at": 1}', "\xff", '{"at":1,"running":"","stale":3}']
)
def test_a_damaged_file_is_none(router: Router, text: str) -> None:
    router.passing.write_text(text, encoding="latin-1")
    record = router.daemon_again()
    record.met(10.0)
    assert not record.needs_restart


def test_where_nothing_can_be_kept_it_counts_until_the_end(tmp_path: Path) -> None:
    record = Record(tmp_path / "none/restart", tmp_path / "none/ram")
    record.wrote(["pjsip.conf"], "A", 100.0)
    record.met(50.0)
    assert record.needs_restart
    assert not (tmp_path / "none").exists()
