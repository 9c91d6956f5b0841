"""What pygal drew, made fit to stand in any page of ours.

A chart as pygal makes it brings a script, a style sheet with an id of its own and addresses of the web. All that is
left out, and what the style sheet said becomes attributes: they need no permission under a strict content security
policy, two plots on a page cannot disturb each other, and `currentColor` follows the page into the dark.
"""

from typing import Final
from uuid import uuid4
from xml.etree.ElementTree import Element, SubElement

COLOURS: Final = ("#2b7fd4", "#d9480f", "#2b8a3e", "#b03fc9", "#0c8599", "#a66a00")
"""One for each series, each seen on white and on near black; a page may set `--m-plot-0` and so on."""

_KEPT: Final = {"g", "path", "rect", "circle", "text"}
_FAINT: Final = {"fill": "none", "stroke": "currentColor", "stroke-opacity": "0.15"}
_AXIS: Final = {"fill": "none", "stroke": "currentColor", "stroke-opacity": "0.5"}
_TEXT: Final = {"fill": "currentColor", "font-family": "system-ui, sans-serif", "font-size": "12"}


def dress(drawn: Element, *, title: str, description: str) -> Element:
    """Turn a chart of pygal's into one without script, style sheet, comment or address, readable aloud. Returns it."""
    _undress(drawn)
    _colour(drawn, anchor="middle", colour="currentColor", horizontal=False)
    name = f"plot-{uuid4().hex[:12]}"
    viewed = drawn.get("viewBox", "")
    drawn.attrib.clear()
    drawn.attrib.update(
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "class": "m-plot",
            "viewBox": viewed,
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
        }
    )
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        spoken = Element(tag, {"id": f"{name}-{tag}"})
        spoken.text = text
        drawn.insert(place, spoken)
    return drawn


def _undress(node: Element) -> None:
    """Take away what needs permission, points elsewhere, or only served pygal's script; hints become native ones."""
    said = [child.text or "" for child in node if child.tag == "desc" and child.get("class") in {"x_label", "value"}]
    for child in list(node):
        if child.tag in _KEPT and "tooltip-overlay" not in _classes(child):
            _undress(child)
        else:
            node.remove(child)
    if said:
        SubElement(node, "title").text = said[0]


def _colour(node: Element, *, anchor: str, colour: str, horizontal: bool) -> None:
    """Write onto each shape what pygal's style sheet would have said of it, and drop its class, id and style."""
    classes = _classes(node)
    horizontal = horizontal or "horizontal" in classes
    anchor, colour = _anchor(classes, anchor), _series(classes, colour)
    _hide_guides(node, classes, horizontal=horizontal)
    node.attrib.update(_look(node.tag, classes, anchor=anchor, colour=colour))
    for child in node:
        _colour(child, anchor=anchor, colour=colour, horizontal=horizontal)
    for gone in ("class", "id", "style"):
        node.attrib.pop(gone, None)


def _anchor(classes: set[str], inherited: str) -> str:
    if {"axis", "y"} <= classes:
        return "end"
    return "start" if "legends" in classes else inherited


def _series(classes: set[str], inherited: str) -> str:
    numbers = [int(one.removeprefix("color-")) for one in classes if one.startswith("color-")]
    if not numbers:
        return inherited
    number = numbers[0] % len(COLOURS)
    return f"var(--m-plot-{number}, {COLOURS[number]})"


def _hide_guides(node: Element, classes: set[str], *, horizontal: bool) -> None:
    """Keep only the guides that values are read by."""
    if {"axis", "y" if horizontal else "x"} <= classes:
        for guides in node:
            for line in [one for one in guides if one.tag == "path"]:
                guides.remove(line)


def _look(tag: str, classes: set[str], *, anchor: str, colour: str) -> dict[str, str]:
    if tag == "text":
        return {**_TEXT, "text-anchor": anchor, **({"font-size": "14"} if "title" in classes else {})}
    if "background" in classes:
        return {"fill": "none"}
    if tag in {"rect", "circle"}:
        return {"fill": colour}
    if tag == "path" and "reactive" in classes:
        return {"fill": "none", "stroke": colour, "stroke-width": "2"}
    if tag == "path":
        return _FAINT if "guide" in classes else _AXIS
    return {}


def _classes(node: Element) -> set[str]:
    return set(node.get("class", "").split())
