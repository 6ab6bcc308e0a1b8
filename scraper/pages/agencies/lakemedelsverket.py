"""lakemedelsverket.se: tags in brackets after the date, "den 5 december 2019, [APOTEK, HANDEL]"."""

from __future__ import annotations

import re

from scraper.items import Provenance
from scraper.normalise.dates import MONTH_NAME_PATTERN
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.document import format_element_path
from scraper.pages.page_classes import EpiserverPage

DATE_AND_TAGS = re.compile(
    rf"{MONTH_NAME_PATTERN} (?:19|20)\d\d\W*\[(?P<tags>[^\[\]]{{2,300}})\]$", re.IGNORECASE
)


class LakemedelsverketPage(EpiserverPage):
    def prepare_tree(self) -> None:
        # before the line is taken out of the tree with its date
        self.bracketed_tags = self.find_bracketed_tags()
        super().prepare_tree()

    def find_bracketed_tags(self) -> tuple[list[str], Provenance] | None:
        for element in self.document.root.iter("p", "span", "div", "li"):
            if found := DATE_AND_TAGS.search(clean_line(element.text or "")):
                return found["tags"].split(","), Provenance(
                    rule="brackets after the date", element=format_element_path(element)
                )
        return None

    def extract_tags(self) -> None:
        super().extract_tags()
        if self.bracketed_tags and not self.item.tags:
            self.item.tags, self.item.evidence["tags"] = self.bracketed_tags
