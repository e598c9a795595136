"""Level `kernels`: which operations run as one kernel, in which loops, and in which buffer every value is.

`form-kernels` fuses, `plan-memory` chooses buffers. Both write attributes that text may change; lowerings
read the kernels and those attributes, and nothing else.

## Kernels

    %y, %loss = graph.kernel %x, %t schedule<kind = rows, parallel = [128], reduce = [10],
        cpu = {vector = 16, unroll = 4}> : (…) -> (…) {
    ^bb0(…):
      …ordinary graph operations on whole tensors…
      graph.yield …
    }

What `pullback.passes.lowering.support` calls native is computed inside of kernels. Outside are `variable read assign
while condition yield gate constant copy_to empty_stack push pop add_n` (of stacks), what makes no code, because its
result is a buffer that is there already (`make_slices`, and `reshape expand_dims` of a stored value), and host
operations: those that only compute tensors from tensors and slices, and that kernels do not compute. They read and
write whole tensors in memory. Those that kernels of some targets compute, but not those of the target asked for, have
the attribute `host`. A kernel holds no constant of more than one element and no `graph.kernel`; it sees its arguments
alone.

### The schedule

`#graph.schedule` (`pullback.dialects.graph.kernel.schedule`) says which loops there are on every target, and under the
name of a target what is tuned for that one:

| key | meaning |
|---|---|
| `kind` | `pointwise`, `rows`, `columns`, `matmul`, `scatter`, `concat`, `scan` |
| `parallel` | extents of P, the dims whose points do not depend on each other |
| `reduce` | extents of R, the dims that reductions run over |
| `cpu = {vector}` | elements in a vector |
| `cpu = {unroll}` | vectors in flight |
| `cpu = {tile}` | matmul: rows and columns of the register block, unless few columns make rows the lanes |
| `cpu = {split}` | rows, columns: parts of a long reduction, whose results are combined in order |
| `gpu = {threads}` | threads in a block |
| `gpu = {vector}` | elements that a thread loads, computes and stores at once |
| `gpu = {lanes}` | rows: threads that share a row; lanes times rows are the threads of a block |
| `gpu = {rows}` | rows: rows that a block works on side by side |
| `gpu = {keep}` | rows: where the elements of a row stay between its reductions, `registers` or `none` |
| `gpu = {chunk}` | rows that the same threads go through, one after the other |
| `gpu = {split}` | parts of a long reduction, whose results a later kernel combines in order |
| `gpu = {stage}` | pointwise, concat: inputs, by number, that are read through shared memory |
| `gpu = {tile}` | matmul: rows, columns and terms in shared memory; pointwise, concat: points of a staged block |
| `gpu = {method}` | scatter: how the rows of one index are found, `in_order` or `sorted` |

What is tuned is free to change, within the bounds that `check_schedule` names; `kind`, `parallel` and `reduce` must fit
the operations: the loops that a result runs along have one point for each of its elements, and a reduction runs over
all of P or all of R, none of which its result runs along. `verify-level{level=kernels}` checks that, and the memory
plan; every lowering runs that check first, and passes over what is tuned for other targets.
`form-kernels` leaves kernels alone that are there already.

### Kinds

The table of kinds and their lowerings is `pullback.passes.lowering.kinds`; `docs/add-a-kernel-kind.md` adds one.

- **pointwise**: every value has shape P, or broadcasts to it. No reductions.
- **rows**: the whole space is P, then R, row-major. A reduction over exactly R is *inner*: its result, of
  shape P, may be used by anything, at the next stage. A reduction over P and R, or over P of values of
  shape P, gives a single element, a reduction over P of values of the whole space gives a value of shape R:
  these are *outer*; they are known after the last loop. They are yielded, or, single elements, go through
  elementwise operations on single elements that are yielded. P may be empty: then everything is reduced by
  every reduction. There may be no reduction at all: then values of shape P are computed once per row.
  Where P is empty, and no value waits for a reduction, rows of shape R that are computed from rows of a table may be
  scattered into it last, as in a scatter kernel: `form/update_where_read.py` has when (on CPUs alone).
- **columns**: the same with the whole space R, then P, row-major: inner reductions run over the leading
  dims.
- **matmul**: one `matmul` of kernel arguments, of shape P = (…, m, n) with R = (k), for each matrix of the batch;
  elementwise operations on values of shape P, or that broadcast to it, follow.
- **scatter**: `make_slices` of kernel arguments, `densify` of it, and possibly one `add`, `add_n`,
  `accumulate` or `subtract` of a kernel argument (the base) and those rows; or `replace_rows` of the base
  by them. P is the shape of the rows' values; an index outside of the base is passed over. Where `plan-memory`
  gives the result the buffer of the base, only the rows named are touched.
- **concat**: one `concat`, `mosaic` or `interleave` of kernel arguments, of what views of these show, of numbers, and
  of what elementwise operations make of all these, each piece in loops of its own; P is the result's shape.
- **scan**: one `cumsum`, `cumprod`, `cumulative_logsumexp` or `linear_recurrence` of kernel arguments, which is all
  that the kernel yields; P is the result's shape.

Extents of 1 are no dims of their own: a value may have them or not, whatever P and R say.

### Access maps

The element of each operand that an operation reads at a point of its iteration space is stated by its family,
as an access map (`pullback.dialects.graph.op.access`). An operand shares the loops of its reader where the
map says along which axis of the result each of its axes runs, from end to end. Other accesses are of kernel
arguments alone: `gather` reads row `indices[i…]` of its first operand (zeros, if there is none), `split` and
`strided_slice` start at an offset (the latter goes in steps, which may be negative), and a `reshape` that
does more than add and drop extents of 1 keeps the row-major number of an element. A `transpose` has such a
map, but never of a value that the kernel computes in its loops: it is a strided read of an argument.

### Fusion

`form-kernels` (`pullback.passes.kernels.form.form_kernels`) goes through a block in five walks:

| walk | what it decides |
|---|---|
| legalise | which operations take the place of those that kernels cannot hold: updates, sums with slices |
| classify | what is computed in a kernel, deferred to its uses, left outside |
| group | which values are computed in one kernel: greedy fusion of each value with its operands' groups |
| rematerialise | which cheap values their readers compute again, so that they are not stored |
| build | the kernels, each with a schedule |

A value is fused with its operands where the loops fit, and where the order of everything else allows it; never across a
`graph.gate`. What computes nothing (numbers, broadcasts, reshapes, transposes, splits, slices, gathers) is deferred:
every kernel that needs it repeats it. What a few cheap operations make of one tensor that is stored anyway is
rematerialised. `exp`, `log`, `tanh` and products are computed once.

A sum of more than 32 tensors is taken apart before: each part is summed up as soon as its terms are there, in the
kernel that makes the last of them. A sum of n terms counts as n - 1 operations in the limit of a kernel's size.

What reads a variable comes before an update of it, and rows that are gathered from it, and needed after an update, are
stored before: so that the update can be made in place.

## Devices

    %1 = graph.copy_to %0 {device = "cpu:0"} : …
    %2 = graph.kernel %1 schedule<…, cpu = {vector = 16}> {device = "cpu:0"} : …

A program on one device names none. In any other each operation outside of kernels has the attribute `device`, but for
those that end blocks, and `graph.devices` of the function lists those of its arguments. An operation finds its
operands on its own device, a loop what it carries; a variable is read and updated where its `graph.variable` is.
`graph.copy_to` alone takes an operand from another device, and `graph.gate` and `func.return` any: what a gate passes
on stays where it is. So whatever joins along operands is on one device: groups, which become kernels of that
`device`, values that take turns in a buffer, and those that a loop carries. Operations in a kernel name no device.

## Memory

`plan-memory` writes `memory = [#graph.buffer<...>, ...]`, one buffer for each result, on every kernel, `read`,
`while`, `pop`, `copy_to` and host operation, and `graph.arena = <bytes> : i64` on the function; over several devices
`graph.arenas = {"cpu:0" = <bytes> : i64, …}`, where `#graph.buffer<arena, …>` is in that of the operation's device.
`graph.buffer` is described in `pullback.dialects.graph.kernel.buffer`. The results of other operations need none:
those of `gate`, `reshape` and `expand_dims` are where their operands are, slices where their rows and indices are,
and a constant is where the lowering puts it. The arguments of a loop's regions are where its results are.

Buffers are chosen in this order: the memory of a variable for what is read from it and for its new contents, if a proof
allows it (`updates`); outputs; the buffer of an operand that is not used again, and one buffer for what a loop carries
(`reuse`); for the rest offsets in the arena, by linear scan over the live ranges (`arena`).

What follows from that, and is left to the lowering:

- `read` copies where its buffer is not the variable's own; `assign` where the value's buffer is not.
- The function's end copies each operand that is not in its output.
- A `while` copies its operands to its results, and what its body yields too, all at once: a buffer may be both source
  and target.
- A kernel may be given a buffer both as an operand and as a result. Then each of its elements is read only at the
  index at which it is written (`pullback.passes.lowering.in_place` has the rules): loops load before they store.
  Beyond that the buffers of a kernel's results do not overlap each other's or an operand's.

Offsets in the arena are multiples of 64 bytes. `report=memory` and `report=hazards` say what was found.
"""
