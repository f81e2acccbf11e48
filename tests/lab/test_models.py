"""The models' rows hold together."""

from __future__ import annotations

import pytest

from homeline_lab.at_text import ranges
from homeline_lab.models import MODELS, DongleModel, PortKind

ALL = [pytest.param(m, id=k) for k, m in MODELS.items()]


@pytest.mark.parametrize("model", ALL)
def test_a_model(model: DongleModel) -> None:
    assert model.app_port.kind is PortKind.AT
    assert len({i.number for i in model.interfaces}) == len(model.interfaces)
    assert len(model.imei) == 15
    assert len(model.vendor_id) == len(model.product_id) == 4
    assert dict(model.storages)["SM"] > 0
    allowed = ranges(model.cnmi_range)
    assert len(allowed) == 5
    assert all(v in a for v, a in zip(model.cnmi_default, allowed, strict=True))
    model.signal_notice.format(rssi=1)
    model.full_notice.format(storage="SM")


def test_ranges() -> None:
    assert ranges("(0-2),(0,3)") == [{0, 1, 2}, {0, 3}]
