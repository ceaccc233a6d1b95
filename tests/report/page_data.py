"""What the page of a report holds, read back from its HTML."""

from __future__ import annotations

import json
import os
import re

from codetracer_otel.report import build_report

_DOCUMENT = re.compile(r'<script type="application/json" id="([\w-]+)">(.*?)</script>', re.DOTALL)


class PageData:
    """The documents of a page, and its slices with names for numbers."""

    def __init__(self, path):
        with open(path, encoding="ascii") as file:
            self.html = file.read()
        self.documents = {name: json.loads(text) for name, text in _DOCUMENT.findall(self.html)}
        self.trace = self.documents["trace"]
        self.keys = self.trace["keys"]
        self.columns = self.trace["slices"]
        self.size = os.path.getsize(path)

    def __len__(self):
        return len(self.columns["start"])

    def name(self, index):
        number = self.columns["function"][index]
        return "..." if number < 0 else self.keys[self.trace["functions"][number][0]]

    def names(self):
        return [self.name(index) for index in range(len(self))]

    def parent_names(self):
        return {
            self.name(index): self.name(parent) if parent >= 0 else None
            for index, parent in enumerate(self.columns["parent"])
        }

    def places(self):
        """Return name -> (thread, kind of lane, depth)."""
        found = {}
        for index in range(len(self)):
            lane = self.trace["lanes"][self.columns["lane"][index]]
            found[self.name(index)] = (lane["thread"], lane["kind"], self.columns["depth"][index])
        return found

    def details(self, index):
        chunk = self.documents[f"details-{index // self.trace['chunk']}"]
        return chunk[index % self.trace["chunk"]]

    def values(self, index):
        flat = self.details(index)[0]
        return {self.keys[key]: value for key, value in zip(flat[::2], flat[1::2], strict=True)}

    def functions(self):
        fields = ("file", "line", "calls", "errors", "total", "own", "p50", "p95", "longest")
        return {
            self.keys[row[0]]: dict(zip(fields, [self.keys[row[1]], *row[2:10]], strict=True))
            for row in self.trace["functions"]
        }


def page_of(tmp_path, *traces, **options):
    output = str(tmp_path / "page.html")
    build_report(traces, output, **options)
    return PageData(output)
