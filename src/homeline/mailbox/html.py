"""The text of an HTML mail, for those that bring no plain one. Quotes are left out as mail programs mark them."""

from __future__ import annotations

from html.parser import HTMLParser

_SILENT = {"script", "style", "head", "title", "template", "blockquote"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCKS = {"p", "div", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "section"}
_QUOTES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote", "gmail_signature")  # classes
_REPLIES = ("appendonsend", "divRplyFwdMsg", "mail-editor-reference-message-container")  # ids: quotes follow


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent: list[str] = []  # open elements of the one that is left out, itself first
        self._ended = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            if tag in ("br", "hr") and not self._silent:
                self.pieces.append("\n")
            return
        given = {name: value or "" for name, value in attrs}
        self._ended = self._ended or given.get("id", "") in _REPLIES
        quoted = any(name in given.get("class", "").split() for name in _QUOTES)
        if self._silent or tag in _SILENT or quoted:
            self._silent.append(tag)
        elif tag in _BLOCKS:
            self._new_line()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:  # and with it whatever was left open inside
            while self._silent.pop() != tag:
                pass
        elif tag in _BLOCKS and not self._silent:
            self._new_line()

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._ended:
            text = " ".join(data.replace("\xa0", " ").split())
            edges = (" " if data[:1].isspace() else "", " " if data[-1:].isspace() else "")
            self.pieces.append(edges[0] + text + edges[1] if text else " ")

    def _new_line(self) -> None:
        if self.pieces and self.pieces[-1] != "\n":
            self.pieces.append("\n")


def text_of(html: str) -> str:
    """Lines of text, white space as a browser shows it."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = "".join(reader.pieces).split("\n")
    return "\n".join(" ".join(line.split()) for line in lines)
