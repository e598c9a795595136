"""docs/python.md: the reference of `import pullback`, from docstrings."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pullback

HEADER = """# Python

What `import pullback as pb` offers. This page is made from docstrings by
`python -m pullback.tools.generate`; a test checks that it is up to date.

An *operand* is whatever may stand for a tensor in an expression: a `Tensor`, a `Variable` (which is read), slices
(which are made dense), a number, an array or a list. Numbers and lists take the dtype of the tensor beside them, arrays
keep theirs. `x[…]` takes parts of an operand as NumPy does: by integers, slices, `...`, `None`, tensors and arrays
of integers, and arrays of truth values. The gradient of a pick along the first axis alone is rows.

`name` names the operation that a function makes. Wrong arguments raise `ValueError`; where the kind or the dtype of a
value is at fault it is a `TypeError` too.
"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "Graphs": (
        "frontend.graph.graph",
        "dialects.graph.tensor.tensor",
        "frontend.handles.operation",
        "frontend.handles.indexed_slices",
    ),
    "Variables": ("frontend.handles.variable",),
    "Gradients": (
        "frontend.gradients.gradients",
        "frontend.gradients.gradient_arguments",
        "frontend.gradients.hessians",
    ),
    "Gradient functions": ("frontend.gradients.custom_gradient", "frontend.gradients.register_gradient"),
    "Why a gradient is what it is": ("frontend.gradients.explain", "passes.explain.explanation"),
    "Whether a gradient is right": ("frontend.gradients.check_gradients", "driver.checking.report"),
    "Functions": (
        "frontend.trace.function",
        "frontend.transforms.grad",
        "frontend.transforms.vector_products",
        "frontend.transforms.jacobian_hessian",
    ),
    "Running": ("frontend.trace.run", "frontend.trace.step"),
    "Making tensors": ("frontend.functions.creation", "frontend.functions.sequences"),
    "Element by element": (
        "frontend.functions.elementwise",
        "frontend.functions.casts",
        "frontend.functions.activations",
        "frontend.functions.gamma",
    ),
    "Complex numbers": ("frontend.functions.complex_numbers",),
    "Reductions": ("frontend.functions.reductions",),
    "Statistics and norms": ("frontend.functions.statistics", "frontend.functions.norms"),
    "Running sums and products": ("frontend.functions.scans",),
    "Softmax": ("frontend.functions.softmax",),
    "Normalization": ("frontend.functions.normalization",),
    "Losses": ("frontend.functions.losses",),
    "Matrices": (
        "frontend.functions.linalg",
        "frontend.functions.einsum",
        "frontend.functions.matrices",
        "frontend.functions.decompositions",
    ),
    "Images": ("frontend.functions.convolution", "frontend.functions.pooling", "frontend.functions.images"),
    "Shapes": ("frontend.functions.shapes",),
    "One tensor and several": ("frontend.functions.split_concat",),
    "Repetition and order": ("frontend.functions.repeating",),
    "Padding": ("frontend.functions.padding",),
    "By index": (
        "frontend.functions.indexing",
        "frontend.functions.sorting",
        "frontend.functions.searching",
        "frontend.functions.segments",
    ),
    "Random numbers": ("frontend.functions.random", "frontend.handles.random_state"),
    "Parts": ("frontend.functions.slicing",),
    "Loops and branches": ("frontend.functions.control_flow", "frontend.functions.conditionals"),
    "Names, devices and order": ("frontend.graph.scopes", "frontend.handles.control_dependencies"),
    "Clipping": ("frontend.functions.clipping",),
    "Training": (
        "frontend.train.optimizer",
        "frontend.train.gradient_descent",
        "frontend.train.momentum",
        "frontend.train.adam",
        "frontend.train.rms_prop",
        "frontend.train.adagrad",
        "frontend.train.global_step",
        "frontend.train.checkpoints.checkpoints",
    ),
}
"""The modules in which public names are defined, in the order in which a reader meets them."""

MEMBERS = {
    "Graph": ("module", "operations", "gradient_override_map"),
    "Tensor": ("shape", "dtype", "T", "op"),
    "Variable": (
        "dtype",
        "read",
        "sparse_read",
        "numpy",
        "assign",
        "assign_add",
        "assign_sub",
        "scatter_update",
    ),
    "IndexedSlices": ("values", "indices", "dense_shape", "shape", "dtype"),
    "Function": ("graph", "ir"),
    "Step": ("ir", "target"),
    "GradientReport": ("worst", "to_dict"),
    "Explanation": ("connected", "to_dict", "to_json"),
    "Optimizer": (
        "minimize",
        "compute_gradients",
        "apply_gradients",
        "get_slot",
        "get_slot_names",
        "get_name",
        "variables",
    ),
}
"""What users call on the objects that they hold; the rest is for the inside."""

MADE_BY_OTHERS = (
    "AggregationMethod",
    "Explanation",
    "Function",
    "GradientCheckError",
    "GradientReport",
    "Operation",
    "Step",
    "Tensor",
    "UnconnectedGradients",
    "CheckpointError",
    "Optimizer",
)
"""Classes that users never call."""

HEADING = re.compile(r"^(Args|Returns|Raises):[ ]*\n", re.MULTILINE)


def reference() -> str:
    """The whole page, in Markdown."""
    return "\n".join([HEADER, *(_section(title, modules) for title, modules in SECTIONS.items())])


def documented() -> set[str]:
    """Every public name that the page has."""
    return {name for modules in SECTIONS.values() for module in modules for name in _public(module)}


def _public(module: str) -> dict[str, Any]:
    """What a module defines of what is public, by its name behind `pb.`, in the order of the module."""
    defined = import_module(f"pullback.{module}")
    order: list[str] = list(vars(defined))
    found = {n: v for n, v in _all_public() if getattr(v, "__module__", "") == defined.__name__}
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].__name__)))


def _all_public() -> Iterator[tuple[str, Any]]:
    """Each public name with what it stands for; in place of a module, such as `train`, those in it."""
    for name in pullback.__all__:
        value = getattr(pullback, name)
        if inspect.ismodule(value):
            yield from ((f"{name}.{n}", getattr(value, n)) for n in value.__all__)
        else:
            yield name, value


def _section(title: str, modules: tuple[str, ...]) -> str:
    entries = [entry for module in modules for entry in _public(module).items()]
    return "\n".join(
        [f"## {title}\n", *(_entry("###", f"pb.{n}", n.rpartition(".")[2], v) for n, v in entries)]
    )


def _entry(depth: str, path: str, name: str, value: Any) -> str:
    parts = [f"{depth} `{path}{'' if name in MADE_BY_OTHERS else _signature(value)}`", _prose(value)]
    members = {member: inspect.getattr_static(value, member) for member in MEMBERS.get(name, ())}
    parts += [_entry(f"{depth}#", f"{name}.{n}", n, member).rstrip() for n, member in members.items()]
    return "\n\n".join(parts) + "\n"


def _signature(value: Any) -> str:
    """Names and defaults; the docstring says what types they have."""
    if not callable(value):
        return ""
    signature = inspect.signature(value)
    parameters = [
        p.replace(annotation=inspect.Parameter.empty) for n, p in signature.parameters.items() if n != "self"
    ]
    return str(inspect.Signature(parameters))


def _prose(value: Any) -> str:
    """A docstring, with its sections as lists."""
    text, *sections = HEADING.split(inspect.getdoc(value) or "")
    parts = [text.strip()]
    for heading, body in zip(sections[::2], sections[1::2], strict=True):
        parts.append(_list(heading, textwrap.dedent(body).strip()))
    return "\n\n".join(parts)


def _list(heading: str, body: str) -> str:
    if heading == "Returns":
        return f"Returns {body[:1].lower()}{body[1:]}"
    entries = [" ".join(entry.split()) for entry in re.split(r"\n(?=\S)", body)]
    lead = ["Raises\n"] if heading == "Raises" else []
    return "\n".join([*lead, *("- " + re.sub(r"^([\w*, ]+): ", r"`\1`: ", entry) for entry in entries)])
