"""A pass of one rewrite pattern: soft_threshold(soft_threshold(x, a), b) is soft_threshold(x, a + b)."""

from dataclasses import dataclass

from xdsl.dialects.builtin import FloatAttr, f64
from xdsl.passes import ModulePass
from xdsl.pattern_rewriter import PatternRewriteWalker, RewritePattern

from shrinkage.operations import SoftThreshold


class OneThreshold(RewritePattern):
    def match_and_rewrite(self, op, rewriter):
        if isinstance(op, SoftThreshold) and isinstance(inner := op.operand.owner, SoftThreshold):
            thresholds = inner.threshold.value.data, op.threshold.value.data
            if min(thresholds) >= 0:
                op.threshold = FloatAttr(sum(thresholds), f64)
                op.operands[0] = inner.operand
                rewriter.notify_op_modified(op)


@dataclass(frozen=True)
class MergeThresholds(ModulePass):
    """Replaces soft thresholds one after the other by one of their sum."""

    name = "merge-thresholds"

    def apply(self, ctx, op):
        PatternRewriteWalker(OneThreshold()).rewrite_module(op)
