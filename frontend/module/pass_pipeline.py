"""`pipeline`: a list of passes as an object, which rewrites modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from pullback.dialects.context import context
from pullback.dialects.graph.tensor.types import ArgumentTypeError
from pullback.frontend.module.module_text import ModuleText
from pullback.frontend.module.program_error import located
from pullback.passes.pipeline.instrumentation import PassInstrumentation, instrumented
from pullback.passes.pipeline.print_pipeline import pipeline_text
from pullback.passes.pipeline.run_passes import run_passes

if TYPE_CHECKING:
    from pullback.passes.pipeline.pipelines import OptionValue

__all__ = ["PassPipeline", "pipeline"]

ModuleT = TypeVar("ModuleT", bound=ModuleText)

Hook: TypeAlias = Callable[[ModulePass, Any], object]
"""A function that is called with a pass, and with the `Module` before or after it."""
Passes: TypeAlias = "str | ModulePass | PassPipeline | Iterable[Passes]"
"""The text of a pipeline, a pass, or several of these."""


class PassPipeline(Sequence[ModulePass]):
    """A list of passes, which `pipeline` makes: called with a module, it gives a new one, rewritten by the passes.

    It is a sequence of its passes, which are dataclasses of their options. `+` joins two, or a pipeline and a pass;
    `str` is the text that `pullback-opt -p` takes. Two pipelines are equal if their passes are.
    """

    DOCUMENTED = ("__call__", "apply")

    def __init__(self, passes: Iterable[ModulePass], stated: Iterable[frozenset[str]] | None = None) -> None:
        self._passes = tuple(passes)
        self._stated = tuple(map(_changed_options, self._passes) if stated is None else stated)
        """The options of each pass that its author stated, by name."""

    def __call__(
        self,
        module: ModuleT,
        *,
        before: Hook | None = None,
        after: Hook | None = None,
        verify_each: bool = True,
    ) -> ModuleT:
        """Runs the passes on a copy of a module.

        Args:
            module: the module, which stays as it is.
            before: called before each pass, with the pass and the module that it will rewrite.
            after: called after each pass, with the pass and the module as it left it.
            verify_each: whether the module is verified first, and after each pass.

        Returns:
            The rewritten module.

        Raises:
            ProgramError: what a pass says of the program, or the module is not valid before or after one; a note names
                the pass.
        """
        if not isinstance(module, ModuleText):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentTypeError(f"pipeline: expected a Module, got {type(module).__name__}")
        if verify_each:
            module.verify()
        made = module.copy()
        with ExitStack() as stack:
            stack.enter_context(module.located())
            if before is not None or after is not None:
                stack.enter_context(instrumented(_Hooks(made, before, after)))
            run_passes(context(), made.op, self._passes, verify_each=verify_each)
        return made

    def apply(
        self,
        module: ModuleText,
        *,
        before: Hook | None = None,
        after: Hook | None = None,
        verify_each: bool = True,
    ) -> None:
        """Rewrites a module in place: as a call, but that `module` is what the passes made.

        After an error it is as it was.
        """
        module.become(self(module, before=before, after=after, verify_each=verify_each))

    @overload
    def __getitem__(self, key: int, /) -> ModulePass: ...
    @overload
    def __getitem__(self, key: slice, /) -> PassPipeline: ...
    def __getitem__(self, key: int | slice, /) -> ModulePass | PassPipeline:
        if isinstance(key, slice):
            return PassPipeline(self._passes[key], self._stated[key])
        return self._passes[key]

    def stages(self) -> Iterator[tuple[ModulePass, frozenset[str]]]:
        """The passes, and the options of each that its author stated."""
        return zip(self._passes, self._stated, strict=True)

    def __len__(self) -> int:
        return len(self._passes)

    def __iter__(self) -> Iterator[ModulePass]:
        return iter(self._passes)

    def __add__(self, other: Passes) -> PassPipeline:
        return pipeline(self, other)

    def __radd__(self, other: Passes) -> PassPipeline:
        return pipeline(other, self)

    def __eq__(self, other: object) -> bool:
        return self._passes == other._passes if isinstance(other, PassPipeline) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._passes)

    def __str__(self) -> str:
        return pipeline_text(self._passes)

    def __repr__(self) -> str:
        return f"pipeline({str(self)!r})"


def pipeline(*passes: Passes) -> PassPipeline:
    """Makes a pipeline of passes.

    Args:
        *passes: the text of a pipeline, as `pullback-opt -p` takes it, with named pipelines such as `finish`; a pass as
            an object, such as `pb.list_passes()["dce"]()` or one of your own; another pipeline; or a list of these.

    Raises:
        ProgramError: an unknown name, a wrong option or wrong syntax, at its place in the text.
        TypeError: for anything else.
    """
    flat = [stage for part in passes for stage in _flat(part)]
    return PassPipeline([pass_ for pass_, _ in flat], [stated for _, stated in flat])


def for_target(passes: PassPipeline, target: str) -> tuple[ModulePass, ...]:
    """The passes, the options that are left open filled in with what the target is capable of."""
    if not passes:
        return ()
    from pullback.driver.targets.registry import target_named

    capabilities = target_named(target).capabilities()
    return tuple(_told(pass_, stated, capabilities) for pass_, stated in passes.stages())


def _told(pass_: ModulePass, stated: frozenset[str], capabilities: Mapping[str, OptionValue]) -> ModulePass:
    from pullback.passes.pipeline.options import options_of

    open_ = options_of(type(pass_)).keys() - stated
    values = {name.replace("-", "_"): value for name, value in capabilities.items() if name in open_}
    return replace(pass_, **values) if values else pass_


def _changed_options(pass_: ModulePass) -> frozenset[str]:
    """The options of a pass that are not what they are by default."""
    from pullback.passes.pipeline.options import options_of

    options = options_of(type(pass_))
    return frozenset(n for n, o in options.items() if getattr(pass_, n.replace("-", "_")) != o.default)


def _flat(part: object) -> Iterator[tuple[ModulePass, frozenset[str]]]:
    """The passes, and the options of each that are stated."""
    if isinstance(part, str):
        from pullback.passes.pipeline.pipelines import specified_passes

        with located(lambda op: None):
            yield from ((pass_, frozenset(spec.parameters)) for pass_, spec in specified_passes(part))
    elif isinstance(part, PassPipeline):
        yield from part.stages()
    elif isinstance(part, ModulePass):
        yield part, _changed_options(part)
    elif isinstance(part, Iterable):
        for inner in part:  # pyright: ignore[reportUnknownVariableType]
            yield from _flat(inner)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(part, type) and issubclass(part, ModulePass):
        raise ArgumentTypeError(f"pipeline: expected a pass, got the class of one: write {part.__name__}()")
    else:
        raise ArgumentTypeError(f"pipeline: expected text, passes or pipelines, got {type(part).__name__}")


class _Hooks(PassInstrumentation):
    """Calls functions of a user, with the module that is rewritten as a `Module`."""

    def __init__(self, module: ModuleText, before: Hook | None, after: Hook | None) -> None:
        self._module, self._before, self._after = module, before, after

    def before_pass(self, pass_: ModulePass, module: ModuleOp) -> None:
        if self._before is not None and module is self._module.op:
            self._before(pass_, self._module)

    def after_pass(self, pass_: ModulePass, module: ModuleOp, seconds: float) -> None:
        if self._after is not None and module is self._module.op:
            self._after(pass_, self._module)
