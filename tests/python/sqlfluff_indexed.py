"""sqlfluff for files whose SQL is long once rendered: what its rules ask of a file again and again is looked up.

Each of its seventy rules walks over the whole tree of a file, six of them analyse every select anew, and to find the place of a word they
compare it with all words before it. Here a tree is walked once. What is found is the same (test_style.py compares). A file that writes
the same for each of 34 segments is linted as it is with a few of them, where every part of the file is in that as well.

    python tests/python/sqlfluff_indexed.py lint models
"""

import gc
import os
import sys
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from sqlfluff.cli.commands import cli
from sqlfluff.core import dialects
from sqlfluff.core.parser import rust_parser
from sqlfluff.core.parser.segments.base import BaseSegment
from sqlfluff.core.rules.context import RuleContext
from sqlfluff.core.rules.crawlers import SegmentSeekerCrawler
from sqlfluff.utils.analysis import query, select
from sqlfluff.utils.functional.segments import Segments
from sqlfluff_templater_dbt.templater import DbtTemplater

former_crawl, former_parent, former_info = SegmentSeekerCrawler.crawl, BaseSegment.get_parent, select.get_select_statement_info
former_search, former_node, former_variants = BaseSegment.recursive_crawl, DbtTemplater._find_node, DbtTemplater._handle_unreached_code
former_render = DbtTemplater._unsafe_process


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
        self.numbers: dict[int, int] = {}
        root.__dict__["raw_segments"] = Raws(root.raw_segments)
        self._add(root, (), 0)

    def _add(self, segment: BaseSegment, ancestors: tuple[BaseSegment, ...], place: int) -> None:
        number, n_before = len(self.segments), self.n_words
        self.segments.append(())
        self.numbers[id(segment)] = number
        for kind in segment.class_types:
            self.of_type[kind].append(number)
        for child_place, child in enumerate(segment.segments):
            self._add(child, (*ancestors, segment), child_place)
        self.n_words += not segment.segments
        self.segments[number] = segment, ancestors, place, n_before, len(self.segments)

    def within(self, kinds: tuple[str, ...], first: int, end: int) -> set[int]:
        """The numbers of the segments of some types from one number up to another."""
        found = set()
        for kind in kinds:
            numbers = self.of_type.get(kind, ())
            found.update(numbers[bisect_left(numbers, first):bisect_left(numbers, end)])
        return found


class Latest:
    """The tree that is looked at, and what was found out about its selects. A segment is kept beside its id, which another would get else."""

    tree: Tree | None = None
    infos: dict[tuple[int, bool], tuple] = {}


def tree_of(root: BaseSegment) -> Tree:
    """The tree of a file, which becomes the one that is looked at."""
    if Latest.tree is None or Latest.tree.root is not root:
        Latest.tree, Latest.infos = Tree(root), {}
    return Latest.tree


def crawl(crawler: SegmentSeekerCrawler, context: RuleContext) -> Iterator[RuleContext]:
    """As SegmentSeekerCrawler.crawl: the context for each segment of the types that a rule looks for."""
    root = context.segment
    # what cannot be read is left to sqlfluff, which walks on from each segment to its children by this function again
    if context.parent_stack or type(crawler) is not SegmentSeekerCrawler or "unparsable" in root.descendant_type_set:
        yield from former_crawl(crawler, context)
        return
    tree, after = tree_of(root), 0
    for number in sorted({number for kind in crawler.types for number in tree.of_type[kind]}):
        if number < after:
            continue
        context.segment, context.parent_stack, context.segment_idx, n_before, end = tree.segments[number]
        if crawler.provide_raw_stack:
            context.raw_stack = tuple(root.raw_segments[:n_before])
        if not crawler.allow_recurse:
            after = end
        yield context


def recursive_crawl(
    segment: BaseSegment, *kinds: str, recurse_into: bool = True, no_recursive_seg_type: str | list[str] | None = None, allow_self: bool = True,
) -> Iterator[BaseSegment]:
    """As BaseSegment.recursive_crawl: the segments of some types in this one, in order, without those in or of types that close it."""
    if segment.is_type("file"):
        tree_of(segment)
    number = Latest.tree and Latest.tree.numbers.get(id(segment))
    if number is None:
        yield from former_search(segment, *kinds, recurse_into=recurse_into, no_recursive_seg_type=no_recursive_seg_type, allow_self=allow_self)
        return
    tree, end = Latest.tree, Latest.tree.segments[number][4]
    closing = (no_recursive_seg_type,) if isinstance(no_recursive_seg_type, str) else tuple(no_recursive_seg_type or ())
    after, closed = number + (not allow_self), tree.within(closing, number + 1, end)
    for found in sorted(tree.within(kinds, after, end) | closed):
        if found < after:
            continue
        if found not in closed:
            yield tree.segments[found][0]
        if found in closed or not recurse_into:
            after = tree.segments[found][4]


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


def index(segments: Segments, segment: BaseSegment, *limits: int) -> int:
    """As tuple.index, which compares the segment with each before it: where each is, is found out once for all that are asked for."""
    if limits or not (segment and segment.raw):
        return tuple.index(segments, segment, *limits)
    if "places" not in segments.__dict__:
        segments.places = {id(one): place for place, one in reversed([*enumerate(segments)])}
    place = segments.places.get(id(segment))
    return tuple.index(segments, segment) if place is None else place


class Nodes(Mapping):
    """Some nodes of dbt's graph, as a file sees them; they know whether it asked for all of them."""

    def __init__(self, nodes: Mapping, left: set[str]):
        self.nodes, self.left, self.were_listed = nodes, left, False

    def __getitem__(self, key: str) -> dict:
        if key not in self.left:
            raise KeyError(key)
        return self.nodes[key]

    def __iter__(self) -> Iterator[str]:
        self.were_listed = True
        return (key for key in self.nodes if key in self.left)

    def __len__(self) -> int:
        return len(self.left)


def with_few_segments(nodes: Mapping) -> set[str]:
    """The nodes of the project without most segments: left are two, those of several versions, those that exclude others, and what they exclude."""
    specs = {key: node.config.meta.get("segment", {}) for key, node in nodes.items() if key.startswith("model.segmentation.seg_")}
    left = {*sorted(specs)[:2], *(key for key, spec in specs.items() if spec.get("exclude") or len(spec.get("versions", [])) > 1)}
    left |= {f"model.segmentation.seg_{name}" for spec in specs.values() for name in spec.get("exclude", [])}
    return {key for key in nodes if key not in specs or key in left}


def render(templater: DbtTemplater, *file) -> tuple:
    """As DbtTemplater._unsafe_process. What a file repeats for each segment is written for a few of them, if that leaves out no part of the file.

    Then each of its lines is linted as before, only less often: sqlfluff reports no finding in what a tag renders, and a line once.
    """
    manifest, graph = templater.dbt_manifest, templater.dbt_manifest.flat_graph
    every, few = Nodes(graph["nodes"], {*manifest.nodes}), Nodes(graph["nodes"], with_few_segments(manifest.nodes))
    try:
        manifest.flat_graph = graph | {"nodes": every}
        whole = former_render(templater, *file)
        if not every.were_listed:
            return whole
        manifest.flat_graph = graph | {"nodes": few}
        short = former_render(templater, *file)
    finally:
        manifest.flat_graph = graph
    return short if rendered(short) == rendered(whole) else whole


def rendered(file: tuple) -> set[tuple[int, int]]:
    """Where in its source the parts of a file stand that render something, literal ones and tags."""
    return {(part.source_slice.start, part.source_slice.stop) for part in file[0].sliced_file if part.templated_slice.stop > part.templated_slice.start}


def unreached_code(templater: DbtTemplater, source: str, render, *more, **named) -> Iterator[tuple]:
    """As DbtTemplater._handle_unreached_code, which renders each branch that was not taken without the project's macros, mostly in vain."""
    try:
        render(source)
    except Exception:
        return
    yield from former_variants(templater, source, render, *more, **named)


def find_node(templater: DbtTemplater, file: str, config=None, folder: str = "") -> object:
    """As DbtTemplater._find_node, which asks every node of the project for its path, for each file."""
    if "nodes" not in templater.__dict__:
        templater.nodes = {node.original_file_path: key for key, node in reversed(templater.dbt_manifest.nodes.items())}
        gc.freeze()  # the parsed project stays: no need to search it for garbage again and again
    if gc.get_count()[0] > 1_000_000:  # between two files: within one, all that the rules look at would be searched in vain
        Latest.tree, Latest.infos = None, {}
        gc.collect()
    key = templater.nodes.get(os.path.relpath(file, start=folder))
    return templater.dbt_manifest.expect(key) if key else former_node(templater, file, config, folder)


if __name__ == "__main__":
    SegmentSeekerCrawler.crawl, BaseSegment.get_parent, BaseSegment.recursive_crawl = crawl, get_parent, recursive_crawl
    Segments.index, DbtTemplater._find_node, DbtTemplater._handle_unreached_code = index, find_node, unreached_code
    DbtTemplater._unsafe_process = render
    dialects.dialect_selector = cache(dialects.dialect_selector)  # sqlfluff puts the dialect together anew for each file
    rust_parser.set_native_ast(True)
    select.get_select_statement_info = query.get_select_statement_info = get_select_statement_info
    gc.disable()  # find_node searches for garbage
    try:
        sys.exit(cli())
    finally:
        gc.freeze()  # else the end of the process searches once more
