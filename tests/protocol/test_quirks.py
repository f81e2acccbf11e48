"""Modems' quirks: which row a modem gets, and that rows are whole."""

from __future__ import annotations

import pytest

from homeline.protocol import quirks


@pytest.mark.parametrize(
    ("manufacturer", "model", "name"),
    [
        ("huawei", "E1750", "Huawei E1xx"),
        ("HUAWEI TECHNOLOGIES CO., LTD", "E173", "Huawei E1xx"),
        ("huawei", "E3372", "Huawei LTE stick"),
        ("Huawei Technologies Co., Ltd.", "ME909u-521", "Huawei LTE stick"),
        ("Quectel", "EC25", "Quectel EC2x, EG2x"),
        ("Quectel", "EG25", "Quectel EC2x, EG2x"),
        ("SIMCOM INCORPORATED", "SIMCOM_SIM7600E-H", "SIMCom SIM7xxx"),
        ("SIMCOM_Ltd", "SIMCOM_SIM800L", "SIMCom SIM800, SIM900"),
        ("ZTE CORPORATION", "MF823", "ZTE"),
        ("Telit", "HE910", "generic"),
        ("", "", "generic"),
    ],
)
def test_rows_are_found(manufacturer: str, model: str, name: str) -> None:
    assert quirks.find(manufacturer, model).name == name


@pytest.mark.parametrize("row", quirks.MODELS, ids=lambda row: row.name)
def test_rows_are_whole(row: quirks.Quirks) -> None:
    for builders in (row.iccid, row.technology, row.signal, row.pin_tries, row.voice, row.setup):
        assert len({build().line for build in builders}) == len(builders)
    assert row.iccid
    assert row.signal
    assert row.domains
    assert 0 <= row.needs_gap < 1


def test_names_are_unique_and_the_last_row_fits_all() -> None:
    assert len({row.name for row in quirks.MODELS}) == len(quirks.MODELS)
    assert quirks.MODELS[-1] is quirks.GENERIC


def test_port_hints() -> None:
    assert quirks.port_hints("2C7C")[0] == 2
    assert quirks.port_hints("1e0e")[0] == 2
    assert quirks.port_hints("12d1") == (4, 3, 2, 1, 0)
    assert quirks.port_hints("0000") == ()
