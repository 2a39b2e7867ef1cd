"""sqlfluff for files whose SQL is long once rendered: what its rules ask of a file again and again is looked up.

Each of its seventy rules walks over the whole tree of a file, six of them analyse every select anew, and to find the place of a word they
compare it with all words before it. Here a tree is walked once. What is found is the same (test_style.py compares).

    python tests/python/sqlfluff_indexed.py lint models
"""

import gc
import sys
from collections import defaultdict
from collections.abc import Iterator

from sqlfluff.cli.commands import cli
from sqlfluff.core.parser.segments.base import BaseSegment
from sqlfluff.core.rules.context import RuleContext
from sqlfluff.core.rules.crawlers import SegmentSeekerCrawler
from sqlfluff.utils.analysis import query, select

former_crawl, former_parent, former_info = SegmentSeekerCrawler.crawl, BaseSegment.get_parent, select.get_select_statement_info


class Raws(list):
    """The words of a file in order, which know where each of them is."""

    def __init__(self, raws: list[BaseSegment]):
        super().__init__(raws)
        self.places = {id(raw): place for place, raw in enumerate(raws)}

    def index(self, raw: BaseSegment, *limits: int) -> int:
        # equal are words of one text at one position: only of words without a text there may be two
        known = raw.raw and not limits and id(raw) in self.places
        return self.places[id(raw)] if known else super().index(raw, *limits)


class Tree:
    """A file's segments in the order in which sqlfluff walks over them, and which of them are of a type."""

    def __init__(self, root: BaseSegment):
        # the segment, its ancestors, its place among their children, the number of words before it, the end of what it contains
        self.root, self.segments, self.of_type, self.n_words = root, [], defaultdict(list), 0
        root.__dict__["raw_segments"] = Raws(root.raw_segments)
        self._add(root, (), 0)

    def _add(self, segment: BaseSegment, ancestors: tuple[BaseSegment, ...], place: int) -> None:
        number, n_before = len(self.segments), self.n_words
        self.segments.append(())
        for kind in segment.class_types:
            self.of_type[kind].append(number)
        for child_place, child in enumerate(segment.segments):
            self._add(child, (*ancestors, segment), child_place)
        self.n_words += not segment.segments
        self.segments[number] = segment, ancestors, place, n_before, len(self.segments)


class Latest:
    """The tree that is looked at, and what was found out about its selects. A segment is kept beside its id, which another would get else."""

    tree: Tree | None = None
    infos: dict[tuple[int, bool], tuple] = {}


def crawl(crawler: SegmentSeekerCrawler, context: RuleContext) -> Iterator[RuleContext]:
    """As SegmentSeekerCrawler.crawl: the context for each segment of the types that a rule looks for."""
    root = context.segment
    # what cannot be read is left to sqlfluff, which walks on from each segment to its children by this function again
    if context.parent_stack or type(crawler) is not SegmentSeekerCrawler or "unparsable" in root.descendant_type_set:
        yield from former_crawl(crawler, context)
        return
    if Latest.tree is None or Latest.tree.root is not root:
        Latest.tree, Latest.infos = Tree(root), {}
    tree, after = Latest.tree, 0
    for number in sorted({number for kind in crawler.types for number in tree.of_type[kind]}):
        if number < after:
            continue
        context.segment, context.parent_stack, context.segment_idx, n_before, end = tree.segments[number]
        if crawler.provide_raw_stack:
            context.raw_stack = tuple(root.raw_segments[:n_before])
        if not crawler.allow_recurse:
            after = end
        yield context


def get_select_statement_info(segment: BaseSegment, dialect, early_exit: bool = True):
    """As the function of this name, once for each select."""
    key = id(segment), early_exit
    if key not in Latest.infos:
        Latest.infos[key] = segment, former_info(segment, dialect, early_exit)
    info = Latest.infos[key][1]
    # a rule may add to the lists that it is given
    return info and type(info)(*[list(part) if isinstance(part, list) else part for part in info])


def get_parent(segment: BaseSegment) -> tuple[BaseSegment, int] | None:
    """As BaseSegment.get_parent, which compares the segment with each child of its parent up to itself."""
    parent, place = segment._parent and segment._parent(), segment._parent_idx
    known = parent and place < len(parent.segments) and parent.segments[place] is segment
    return (parent, place) if known else former_parent(segment)


if __name__ == "__main__":
    SegmentSeekerCrawler.crawl, BaseSegment.get_parent = crawl, get_parent
    select.get_select_statement_info = query.get_select_statement_info = get_select_statement_info
    # the parsed project stays in memory meanwhile, and Python would search it for garbage again and again: a quarter of all time
    gc.set_threshold(100_000, 50, 50)
    sys.exit(cli())
