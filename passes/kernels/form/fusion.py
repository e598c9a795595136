"""Fusion of two groups: whether one loop nest can compute both (`fit`), and their union (`join`).

    %m = graph.max %h {axes = [1]}       space (64, 10), reduces the trailing dim: boundary 1
    %d = graph.subtract %h, %m           space (64, 10), reads %m along (0, none)

    fit(%m's group, %d's group, [the link of %m]) -> Fit(boundary 1, inner trailing, reductions {trailing})

The link says that %m is known once a reduction over the trailing dims is done, and %d runs along both: so the kernel
must go through each row twice, and from now on "inner" is decided. A group that needs a column's maximum does not fit
any more, and joins no further; nor does one whose dims would be others of the shared loops, as a transpose's are.
"""

from __future__ import annotations

from dataclasses import dataclass

from pullback.passes.kernels.form.groups import Known, Link, OpenGroup, Reduces

LATE: frozenset[Known] = frozenset({"late"})


@dataclass
class Fit:
    """A way for two groups to share an iteration space, found before anything is changed."""

    boundary: int | None
    inner: Reduces | None
    reductions: frozenset[Known]
    offset: int = 0
    """The dim of the larger space that is the first one of the smaller."""


def fit(group: OpenGroup, user: OpenGroup, links: list[Link], limit: int) -> Fit | None:
    """Finds how `user`, which reads `links` of `group`, can be fused with it; `None` where it cannot be."""
    if group.segment != user.segment or group.size + user.size > limit:
        return None
    if group.counts or user.counts:
        return _fit_counting(group, user, links)
    if group.has_epilogue or user.has_epilogue:
        return _fit_epilogue(group, user, links)
    if group.kind is not None or user.kind is not None:
        return None
    if not (_agree(group.boundary, user.boundary) and _agree(group.inner, user.inner)):
        return None
    boundary = group.boundary if user.boundary is None else user.boundary
    fitted = Fit(boundary, group.inner or user.inner, group.reductions | user.reductions)
    if not _fit_known(links, fitted):
        return None
    if len(group.space) != len(user.space) and not _fit_smaller(group, user, fitted):
        return None
    if not (_lines_up(group, user, links, fitted.offset) and _fit_known(links, fitted)):
        return None
    if fitted.inner == "all" and (fitted.boundary is not None or fitted.reductions - {"all"}):
        return None
    return fitted


def _agree(a: object, b: object) -> bool:
    return a is None or b is None or a == b


def _fit_counting(group: OpenGroup, user: OpenGroup, links: list[Link]) -> Fit | None:
    """Fuses draws with pointwise operations alone: other loops would compute a block of numbers for each of them."""
    same_size = len(group.space) == len(user.space)
    if group.is_pointwise and user.is_pointwise and same_size and _lines_up(group, user, links, 0):
        return Fit(None, None, frozenset())
    return None


def _fit_epilogue(group: OpenGroup, user: OpenGroup, links: list[Link]) -> Fit | None:
    """Fuses pointwise operations into the epilogue of a product, where it is stored element by element."""
    product, rider = (group, user) if group.has_epilogue else (user, group)
    if rider.is_pointwise and len(product.space) == len(rider.space) and _lines_up(group, user, links, 0):
        return Fit(None, None, product.reductions)
    return None


def _fit_smaller(group: OpenGroup, user: OpenGroup, fitted: Fit) -> bool:
    """Takes a smaller space as the part of the larger one that is not reduced: its values are those of a row."""
    smaller, larger = (user, group) if len(user.space) < len(group.space) else (group, user)
    size = len(smaller.space)
    if smaller.boundary is not None or smaller.inner is not None:
        return False
    if smaller.reductions:
        # Over all of the smaller space: over the rows of the larger.
        fitted.reductions = larger.reductions.union(LATE)
    if size == 0:
        return True
    if fitted.inner == "leading":
        fitted.offset = len(larger.space) - size
        return fitted.boundary == fitted.offset
    if fitted.inner == "all" or fitted.boundary not in (None, size):
        return False
    fitted.boundary, fitted.inner = size, "trailing"
    return True


def _lines_up(group: OpenGroup, user: OpenGroup, links: list[Link], offset: int) -> bool:
    """Tells whether the dims of both spaces can be the same loops: extents agree, and so does each link."""
    shift_there = offset if len(group.space) < len(user.space) else 0
    shift_here = offset if len(user.space) < len(group.space) else 0
    there = {dim.root().index + shift_there: dim.extent for dim in group.space}
    here = {dim.root().index + shift_here: dim.extent for dim in user.space}
    if any(there[i] != here[i] for i in there.keys() & here.keys()):
        return False
    pairs = [pair for link in links for pair in zip(link.there, link.here, strict=True)]
    return all(
        d.root().index + shift_there == h.root().index + shift_here
        for d, h in pairs
        if d is not None and h is not None
    )


def _fit_known(links: list[Link], fitted: Fit) -> bool:
    """Tells whether every linked value is known in time; decides what is reduced within the kernel, if need be."""
    for link in links:
        if link.known is None or link.by_scalar:
            continue
        if link.known == "late" or (fitted.inner or link.known) != link.known:
            return False
        fitted.inner = link.known
    return True


def join(group: OpenGroup, user: OpenGroup, fitted: Fit, position: int) -> OpenGroup:
    """Fuses two groups, at one of their positions. Costs what the smaller one holds."""
    smaller, larger = (user, group) if len(user.space) < len(group.space) else (group, user)
    for index, dim in enumerate(smaller.space):
        dim.unite(larger.space[index + fitted.offset])
    kept, gone = (group, user) if group.size >= user.size else (user, group)
    product = next((g for g in (group, user) if g.has_epilogue), None)
    if product is not None:
        kept.kind, kept.shape = product.kind, product.shape
    else:
        # The shape that a reduction names axes of; both of one size have the same extents, but for those of 1.
        same_size = len(smaller.space) == len(larger.space)
        kept.shape = smaller.shape if smaller.reductions and same_size else larger.shape
    kept.space, kept.position = larger.space, position
    kept.boundary, kept.inner, kept.reductions = fitted.boundary, fitted.inner, fitted.reductions
    kept.absorb(gone)
    return kept


def join_scatter(rows: OpenGroup, user: OpenGroup) -> OpenGroup:
    """Fuses an operation that adds or subtracts rows into the scatter kernel of the rows."""
    rows.position = user.position
    rows.absorb(user)
    return rows
