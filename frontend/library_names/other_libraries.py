"""Tables of the names that TensorFlow 1, JAX and NumPy have for what Pullback has.

A name that is the same in another library is in a list of such names; the others are listed beside ours, once.
"""

from __future__ import annotations

from collections.abc import Mapping

_ARRAYS = """
    abs acos acosh add all any arange argmax argmin argsort asarray asin asinh astype atan atan2 atanh
    bitwise_and bitwise_invert bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor broadcast_arrays
    broadcast_shapes broadcast_to ceil clip concat conj copysign cos cosh count_nonzero cross cumprod cumsum
    cumulative_prod cumulative_sum diag diagonal diff divide einsum empty empty_like equal exp exp2 expand_dims
    expm1 eye flip floor floor_divide full full_like greater greater_equal hypot imag isfinite isin isinf isnan
    less less_equal linspace log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor
    matmul matrix_transpose max maximum mean meshgrid min minimum moveaxis multiply negative nextafter not_equal
    ones ones_like outer pad permute_dims positive pow prod real reciprocal remainder repeat reshape roll round
    searchsorted shape sign signbit sin sinh size sort split sqrt square squeeze stack std subtract sum take
    take_along_axis tan tanh tensordot tile trace transpose tril triu trunc unstack var vecdot where zeros
    zeros_like
"""
_MATRICES = """
    cholesky det eigh eigvalsh inv matrix_norm matrix_power matrix_rank norm pinv qr slogdet solve svd svdvals
    vector_norm
"""

SAME: Mapping[str, str] = {
    "np": _ARRAYS,
    "np.linalg": _MATRICES,
    "jnp": _ARRAYS,
    "jnp.linalg": _MATRICES,
    "jax": "custom_gradient grad hessian jacobian jvp value_and_grad vjp",
    "jax.nn": """
        elu gelu leaky_relu log_sigmoid log_softmax logsumexp one_hot relu relu6 selu sigmoid silu softmax
        softplus swish
    """,
    "jax.lax": """
        complex cond digamma dynamic_update_slice erf erfc lgamma polygamma rsqrt stop_gradient top_k while_loop
    """,
    "tf": """
        AggregationMethod Graph IndexedSlices NoGradient NotDifferentiable Operation RegisterGradient Tensor
        UnconnectedGradients Variable abs acos acosh add add_n argmax argmin argsort asin asinh atan atan2 atanh
        broadcast_to cast ceil clip_by_average_norm clip_by_global_norm clip_by_norm clip_by_value complex
        concat cond conj constant control_dependencies cos cosh count_nonzero cross cumprod cumsum custom_gradient
        depth_to_space device digamma div_no_nan divide einsum equal erf erfc exp expand_dims expm1 eye fill
        floor function gather gather_nd global_norm global_variables grad_pass_through gradients greater
        greater_equal group hessians identity imag lbeta less less_equal lgamma linspace log log1p log_sigmoid
        logical_and logical_not logical_or logical_xor matmul maximum meshgrid minimum multiply name_scope
        negative norm not_equal one_hot ones ones_like pad placeholder polygamma pow random_normal
        random_uniform rank real reciprocal recompute_grad repeat reshape reverse roll round rsqrt scatter_nd
        searchsorted segment_mean segment_sum set_random_seed shape sigmoid sign sin sinh size slice sort
        space_to_depth split sqrt square squared_difference squeeze stack stop_gradient strided_slice subtract tan tanh
        tensor_scatter_nd_add tensor_scatter_nd_update tensordot tile trace
        trainable_variables transpose tuple unsorted_segment_sum unstack where while_loop zeros zeros_like
    """,
    "tf.math": "cumulative_logsumexp nextafter xdivy xlogy",
    "tf.nn": """
        avg_pool2d batch_normalization bias_add conv2d conv2d_transpose depthwise_conv2d dropout elu
        fused_batch_norm l2_loss l2_normalize leaky_relu log_softmax max_pool2d moments relu relu6 selu
        sigmoid_cross_entropy_with_logits softmax softmax_cross_entropy_with_logits softplus softsign
        sparse_softmax_cross_entropy_with_logits swish top_k weighted_cross_entropy_with_logits
    """,
    "tf.linalg": "band_part cholesky det diag eigh eigvalsh inv matrix_rank pinv qr slogdet solve svd triangular_solve",
    "tf.train": """
        AdagradOptimizer AdamOptimizer GradientDescentOptimizer MomentumOptimizer Optimizer RMSPropOptimizer
        get_or_create_global_step
    """,
}
"""By the module that they are in there, the names that mean the same here; a name in several counts for the first."""

OTHER: Mapping[str, str] = {
    "Tensor": "jax.Array np.ndarray",
    "acos": "jnp.arccos np.arccos",
    "acosh": "jnp.arccosh np.arccosh",
    "all": "tf.reduce_all",
    "any": "tf.reduce_any",
    "arange": "tf.range",
    "asarray": "tf.convert_to_tensor",
    "asin": "jnp.arcsin np.arcsin",
    "asinh": "jnp.arcsinh np.arcsinh",
    "astype": "tf.cast",
    "atan": "jnp.arctan np.arctan",
    "atan2": "jnp.arctan2 np.arctan2",
    "atanh": "jnp.arctanh np.arctanh",
    "avg_pool2d": "jax.lax.reduce_window",
    "band_part": "tf.matrix_band_part",
    "bitwise_and": "tf.bitwise.bitwise_and",
    "bitwise_invert": "tf.bitwise.invert jnp.invert np.invert",
    "bitwise_left_shift": "tf.bitwise.left_shift jnp.left_shift np.left_shift",
    "bitwise_or": "tf.bitwise.bitwise_or",
    "bitwise_right_shift": "tf.bitwise.right_shift jnp.right_shift np.right_shift",
    "bitwise_xor": "tf.bitwise.bitwise_xor",
    "broadcast_shapes": "tf.broadcast_static_shape",
    "cast": "jnp.astype np.astype",
    "check_gradients": "tf.test.compute_gradient_error jax.test_util.check_grads",
    "clip": "tf.clip_by_value",
    "clip_by_value": "jnp.clip np.clip",
    "compile": "tf.Session.make_callable jax.jit",
    "concat": "jnp.concatenate np.concatenate",
    "constant": "jnp.array np.array",
    "conv2d": "jax.lax.conv_general_dilated",
    "conv2d_transpose": "jax.lax.conv_transpose",
    "cumulative_logsumexp": "jax.lax.cumlogsumexp",
    "cumulative_prod": "tf.cumprod",
    "cumulative_sum": "tf.cumsum",
    "depthwise_conv2d": "jax.lax.conv_general_dilated",
    "det": "tf.matrix_determinant",
    "device": "jax.default_device",
    "diag": "tf.matrix_diag",
    "diagonal": "tf.linalg.diag_part tf.matrix_diag_part",
    "divide": "tf.truediv jnp.true_divide np.true_divide",
    "eigh": "tf.self_adjoint_eig",
    "eigvalsh": "tf.self_adjoint_eigvals",
    "eye": "jnp.identity np.identity",
    "fill": "jnp.full np.full",
    "flip": "tf.reverse",
    "floor_divide": "tf.floordiv",
    "full": "tf.fill",
    "function": "jax.jit",
    "gather": "jnp.take np.take",
    "inv": "tf.matrix_inverse",
    "isfinite": "tf.is_finite",
    "isinf": "tf.is_inf",
    "isnan": "tf.is_nan",
    "jacobian": "jax.jacrev",
    "logsumexp": "tf.reduce_logsumexp",
    "matrix_transpose": "tf.matrix_transpose",
    "max": "tf.reduce_max",
    "max_pool2d": "jax.lax.reduce_window",
    "mean": "tf.reduce_mean",
    "min": "tf.reduce_min",
    "mul_no_nan": "tf.math.multiply_no_nan",
    "name_scope": "jax.named_scope",
    "permute_dims": "tf.transpose jnp.transpose np.transpose",
    "pow": "jnp.power np.power",
    "prevent_gradient": "tf.raw_ops.PreventGradient",
    "prod": "tf.reduce_prod",
    "random_bits": "jax.random.bits",
    "random_normal": "jax.random.normal np.random.normal",
    "random_uniform": "jax.random.uniform np.random.uniform",
    "rank": "jnp.ndim np.ndim",
    "recompute_grad": "jax.checkpoint",
    "remainder": "tf.floormod tf.mod jnp.mod np.mod",
    "resize_nearest_neighbor": "tf.image.resize_nearest_neighbor jax.image.resize",
    "reverse": "jax.lax.rev jnp.flip np.flip",
    "right_shift_logical": "jax.lax.shift_right_logical",
    "run": "tf.Session.run",
    "segment_sum": "jax.ops.segment_sum",
    "shape_of": "tf.shape",
    "silu": "tf.nn.swish",
    "slice": "jax.lax.dynamic_slice",
    "slogdet": "tf.linalg.logdet",
    "softsign": "jax.nn.soft_sign",
    "solve": "tf.matrix_solve",
    "std": "tf.math.reduce_std",
    "strided_slice": "jax.lax.slice",
    "sum": "tf.reduce_sum",
    "take": "tf.gather",
    "train.restore_checkpoint": "tf.train.Saver",
    "train.save_checkpoint": "tf.train.Saver",
    "triangular_solve": "tf.matrix_triangular_solve jax.scipy.linalg.solve_triangular",
    "unsorted_segment_sum": "jax.ops.segment_sum",
    "var": "tf.math.reduce_variance",
    "vector_norm": "tf.norm",
    "xlogy": "jax.scipy.special.xlogy",
}
"""Names that are spelled differently, or are older ones for the same; by ours."""

NOTES: Mapping[str, str] = {
    "argmax": "an index is i64, as in TensorFlow; `output_type` says otherwise",
    "avg_pool2d": "with JAX, a window of sums over the number of elements in it",
    "cumprod": "along axis 0 by default, as in TensorFlow; NumPy and JAX flatten",
    "cumsum": "along axis 0 by default, as in TensorFlow; NumPy and JAX flatten",
    "depthwise_conv2d": "with JAX, `feature_group_count` is the number of channels",
    "diag": "of any number of diagonals; `diagonal` is the way back, which NumPy and JAX call by the same name",
    "function": "what it is called with decides when it traces anew, as in `jax.jit`",
    "gather_nd": "in JAX and NumPy it is `x[tuple_of_indices]`",
    "cond": "one of two functions; `np.linalg.cond` is a condition number",
    "identity": "the tensor itself, as in TensorFlow; `np.identity` is `eye`",
    "gradients": "as in TensorFlow, sums over ys, and gives None where nothing depends on an x",
    "pad": "what NumPy and JAX call `pad_width` must have a pair for each axis",
    "permute_dims": "the axes may be left out: they are then reversed",
    "scatter_nd": "in JAX it is `jnp.zeros(shape).at[indices].add(updates)`",
    "segment_sum": "segments ascend, as in TensorFlow; `unsorted_segment_sum` takes them in any order",
    "set_random_seed": "acts at once, also on steps that are compiled; see random.md",
    "shape": "a tensor, with the extents at run time; `x.shape` has what is known before, as in NumPy",
    "size": "a tensor, with the number of elements at run time",
    "slice": "begin and size, as in TensorFlow; JAX's `slice` is `strided_slice`",
    "split": "by sizes, as in TensorFlow; NumPy and JAX take the places at which to cut",
    "svd": "no more vectors than values by default; TensorFlow gives s, u, v in this order, and v is the adjoint of Vh",
    "tensor_scatter_nd_add": "in JAX it is `x.at[indices].add(updates)`",
    "tensor_scatter_nd_update": "in JAX it is `x.at[indices].set(updates)`",
    "where": "broadcasts, as in NumPy and JAX; `tf.where` of TensorFlow 1 does not",
    "while_loop": "a list of loop variables, as in TensorFlow, or one; nests keep their form, `[i]` gives `[i]`",
}
"""Differences that users of these libraries should know."""
