"""Who listens hears everything, and hinders nobody."""

from __future__ import annotations

from typing import Any

from homeline.service.news import News


def test_everybody_hears_it_until_he_stops() -> None:
    news = News()
    one: list[tuple[str, dict[str, Any]]] = []
    two: list[tuple[str, dict[str, Any]]] = []
    news.listen(lambda name, data: one.append((name, data)))
    stop = news.listen(lambda name, data: two.append((name, data)))
    news.emit("a", {"x": 1})
    stop()
    stop()
    news.emit("b", {})
    assert one == [("a", {"x": 1}), ("b", {})]
    assert two == [("a", {"x": 1})]


def test_a_listener_with_a_defect_hinders_no_other(caplog: Any) -> None:
    news = News()
    heard: list[str] = []

    def defect(_name: str, _data: dict[str, Any]) -> None:
        raise ValueError("a defect")

    news.listen(defect)
    news.listen(lambda name, _data: heard.append(name))
    news.emit("a", {})
    assert heard == ["a"]
    assert "a defect" in caplog.text
