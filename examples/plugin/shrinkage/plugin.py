"""All that the package brings, as Pullback finds it by the entry point of the group `pullback.plugins`."""

from pullback.extend import Layout, Pipeline, Plugin, Target, interpret
from shrinkage.merge_thresholds import MergeThresholds
from shrinkage.one_by_one import ONE_BY_ONE
from shrinkage.operations import KeepLargest, SoftThreshold


class CheckedFunction:
    def __init__(self, loops, graph):
        self.loops, self.layout = loops, Layout.of(loops, graph)

    def __call__(self, inputs, variables):
        arrays, undefined, outputs = self.layout.buffers(inputs, variables)
        interpret(self.loops, arrays, undefined=undefined)
        return outputs


PLUGIN = Plugin(
    name="shrinkage",
    meaning="shrinkage operators for sparse coding",
    operations=(SoftThreshold, KeepLargest),
    passes=(MergeThresholds,),
    pipelines={"sparse": Pipeline("gradients of merged thresholds", "merge-thresholds,gradients,finish")},
    kinds=(ONE_BY_ONE,),
    targets=(Target("checked", "CPU loops, each access checked", "kernels,loops", CheckedFunction),),
)
