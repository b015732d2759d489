"""What a test reads in a page: whether it is well made, its figures, and its words."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "circle", "br"}


class Read(HTMLParser):
    """Elements are closed in order, no two have the same id, and what names an id finds it."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.figures: dict[str, float] = {}
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html.decode())
        assert self._open == []
        ids = [facts["id"] for _, facts in self.elements if "id" in facts]
        assert len(ids) == len(set(ids))
        for _, facts in self.elements:
            assert set(facts.get("aria-labelledby", "").split()) <= set(ids)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = {name: value or "" for name, value in attrs}
        self.elements.append((tag, facts))
        if "data-figure" in facts:
            assert facts["data-figure"] not in self.figures, "it is shown in two places"
            self.figures[facts["data-figure"]] = float(facts["data-value"])
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        assert tag in VOID

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data

    def has(self, tag: str) -> bool:
        return any(name == tag for name, _ in self.elements)
