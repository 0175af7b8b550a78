"""A seeded sample of the store's fault campaigns; the whole of them runs in ``make faults``."""

from __future__ import annotations

import shutil

import pytest

from tests.faults import backups, never_less, store_crash, store_disk, store_flips, store_writers

pytestmark = pytest.mark.campaign
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace (Debian package strace)")


@needs_strace
def test_a_kill_at_any_call_of_a_commit_loses_nothing() -> None:
    tried, total, violations = store_crash.campaign(4, seed=11)
    assert (tried, violations) == (4, [])
    assert total > 50


@needs_strace
def test_a_full_disk_or_a_failing_fsync_is_told_and_loses_nothing() -> None:
    assert store_disk.campaign(3, seed=11) == (3, [])


@pytest.mark.parametrize("sealed", [True, False])
def test_damage_is_found(sealed: bool) -> None:
    figures = store_flips.campaign(60, sealed=sealed, seed=11)
    assert figures.violations == []
    assert figures.found == 60 if sealed else figures.found + figures.idle == 60


@needs_strace
def test_backups_are_whole_or_not_there() -> None:
    figures = backups.Figures()
    backups.during_writes(2, figures)
    backups.kills(2, figures, seed=11)
    backups.full_disk(2, figures)
    assert figures.violations == []
    assert (figures.backups, figures.kills) == (2, 2)
    assert figures.refusals > 0


def test_whatever_befalls_a_library_no_command_makes_less_of_it() -> None:
    figures = never_less.campaign(10, seed=11)
    assert figures.violations == []
    assert figures.sequences == 10
    assert figures.commands > figures.refused > 0


def test_eight_writers_lose_nothing_and_see_no_lock() -> None:
    assert store_writers.campaign(writers=8, each=40).violations == []
