"""The cases of contrib_ops.py for ai.onnx.ml."""
import numpy as np

from contrib_cases import CASES, add as add_case, f32, rng

ML = {"domain": "ai.onnx.ml"}


def add(op, inputs, attributes=None, outputs=("y",), **more):
    add_case(op, inputs, attributes, outputs, **{**ML, **more})


ints = rng.integers(-2, 6, (3, 7)).astype(np.int64)
words = np.array([["a", "b"], ["c", "zz"]], dtype=object)
add("LabelEncoder", {"x": ints}, {"keys_int64s": [0, 3, -1], "values_floats": [0.5, 1.5, -7.0], "default_float": 9.0})
add("LabelEncoder", {"x": ints}, {"keys_int64s": [0, 3, -1], "values_int64s": [10, 13, 9]})
add("LabelEncoder", {"x": np.array([1.5, np.nan, 2, -0.0], np.float32)}, {"keys_floats": [1.5, float("nan"), 0.0], "values_int64s": [1, 2, 3]})
add("LabelEncoder", {"x": words}, {"keys_strings": ["a", "b", "c"], "values_int64s": [1, 2, 3], "default_int64": -4})
add("LabelEncoder", {"x": ints}, {"keys_int64s": [0, 3, -1], "values_strings": ["null", "three", "minus"]})
add("LabelEncoder", {"x": words}, {"keys_strings": ["a", "zz"], "values_strings": ["A", "Z"], "default_string": "?"})
add("CategoryMapper", {"x": words}, {"cats_strings": ["a", "b", "zz"], "cats_int64s": [4, 5, 6]})
add("CategoryMapper", {"x": ints}, {"cats_strings": ["a", "b", "zz"], "cats_int64s": [4, 5, 0], "default_string": "none"})
add("OneHotEncoder", {"x": ints}, {"cats_int64s": [0, 1, 2, 3, 5], "zeros": 1})
add("OneHotEncoder", {"x": f32(3, 4).round()}, {"cats_int64s": [-1, 0, 1], "zeros": 1})
add("OneHotEncoder", {"x": words}, {"cats_strings": ["c", "a"], "zeros": 1})
add("Scaler", {"x": f32(5, 3)}, {"offset": [0.1, 0.2, 0.3], "scale": [2.0, 0.5, -1.0]})
add("Scaler", {"x": ints}, {"offset": [0.5], "scale": [2.0]})
for norm in ("MAX", "L1", "L2"):
    add("Normalizer", {"x": np.vstack([f32(4, 3), np.zeros((1, 3), np.float32)])}, {"norm": norm})
    add("Normalizer", {"x": np.abs(f32(4, 3))}, {"norm": norm}, symbolic=True)
add("Binarizer", {"x": f32(5, 3)}, {"threshold": 0.3})
add("Imputer", {"x": np.array([[1, np.nan, 3], [np.nan, 5, 6]], np.float32)}, {"imputed_value_floats": [7.0, 8.0, 9.0], "replaced_value_float": float("nan")})
add("Imputer", {"x": ints}, {"imputed_value_int64s": [77], "replaced_value_int64": 3})
add("ArrayFeatureExtractor", {"x": f32(4, 6), "i": np.array([[5, 0, 2]], np.int64)})
add("ArrayFeatureExtractor", {"x": f32(6), "i": np.array([5, 0, 2], np.int64)})
add("FeatureVectorizer", {"a": f32(4, 2), "b": f32(4, 3)}, {"inputdimensions": [2, 3]})

for targets in (1, 3):
    add("LinearRegressor", {"x": f32(5, 4)}, {"coefficients": f32(4 * targets).tolist(), "intercepts": f32(targets).tolist(), "targets": targets})
transforms = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
for transform in transforms:
    for labels in ({"classlabels_ints": [3, 1, 7]}, {"classlabels_strings": ["x", "y", "z"]}):
        scale = 0.02 if transform == "PROBIT" else 1
        add("LinearClassifier", {"x": f32(6, 4, scale=scale)}, {"coefficients": f32(12).tolist(), "intercepts": np.full(3, 0.5).tolist(), "post_transform": transform, **labels}, ("label", "scores"))
for transform in transforms[:3]:
    add("LinearClassifier", {"x": f32(6, 4)}, {"coefficients": f32(8).tolist(), "intercepts": f32(2).tolist(), "classlabels_ints": [0, 1], "post_transform": transform}, ("label", "scores"))
    add("LinearClassifier", {"x": f32(6, 4)}, {"coefficients": f32(4).tolist(), "intercepts": f32(1).tolist(), "classlabels_ints": [4, 9], "post_transform": transform}, ("label", "scores"))

for kernel in ("LINEAR", "POLY", "RBF", "SIGMOID"):
    settings = {"kernel_type": kernel, "kernel_params": [0.3, 0.2, 3.0]}
    support = {"support_vectors": f32(7 * 4).tolist()}
    add("SVMRegressor", {"x": f32(6, 4)}, {**settings, **support, "coefficients": f32(7).tolist(), "n_supports": 7, "rho": [0.4]})
    for classes, per_class in ((2, [3, 4]), (3, [2, 3, 2])):
        pairs = classes * (classes - 1) // 2
        machine = {**settings, **support, "coefficients": f32(7 * (classes - 1)).tolist(), "rho": f32(pairs).tolist(), "vectors_per_class": per_class, "classlabels_ints": list(range(2, 2 + classes))}
        add("SVMClassifier", {"x": f32(9, 4)}, machine, ("label", "scores"))
        add("SVMClassifier", {"x": f32(9, 4)}, {**machine, "prob_a": (-np.abs(f32(pairs))).tolist(), "prob_b": f32(pairs, scale=0.2).tolist()}, ("label", "scores"), atol=1e-4)
add("SVMRegressor", {"x": f32(6, 4)}, {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0], "coefficients": f32(4).tolist(), "n_supports": 0, "rho": [0.4]})
add("SVMRegressor", {"x": f32(6, 4)}, {"kernel_type": "RBF", "kernel_params": [0.3, 0.2, 3.0], "support_vectors": f32(28).tolist(), "coefficients": f32(7).tolist(), "n_supports": 7, "rho": [0.1], "one_class": 1})
add("SVMClassifier", {"x": f32(6, 4)}, {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0], "coefficients": f32(12).tolist(), "rho": [0.4], "classlabels_ints": [0, 1, 2]}, ("label", "scores"))
add("SVMClassifier", {"x": f32(6, 4)}, {"kernel_type": "RBF", "kernel_params": [0.3, 0.0, 0.0], "support_vectors": f32(28).tolist(), "coefficients": f32(14).tolist(), "rho": f32(3).tolist(), "vectors_per_class": [2, 3, 2], "classlabels_strings": ["u", "v", "w"]}, ("label", "scores"))


def trees(count, depth, features, modes=("BRANCH_LEQ",)):
    """Full binary trees as the older operators write them; (tree, node) of the leaves."""
    nodes = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    leaves = []
    for tree in range(count):
        for node in range(2 ** (depth + 1) - 1):
            leaf = node >= 2**depth - 1
            leaves += [(tree, node)] if leaf else []
            row = (tree, node, 0 if leaf else int(rng.integers(features)), 0.0 if leaf else float(np.float32(rng.standard_normal())), "LEAF" if leaf else modes[int(rng.integers(len(modes)))], 0 if leaf else 2 * node + 1, 0 if leaf else 2 * node + 2, int(rng.integers(2)))
            for k, v in zip(nodes, row):
                nodes[k].append(v)
    return {f"nodes_{k}": v for k, v in nodes.items()}, leaves


def leaf_weights(prefix, leaves, targets, values=None):
    rows = [(t, n, c) for t, n in leaves for c in targets]
    weights = f32(len(rows)) if values is None else values(len(rows))
    return {f"{prefix}_treeids": [r[0] for r in rows], f"{prefix}_nodeids": [r[1] for r in rows], f"{prefix}_ids": [r[2] for r in rows], f"{prefix}_weights": weights.tolist()}


rows = f32(40, 5)
rows[0, 0] = rows[3, 2] = rows[7, 4] = np.nan
tree_opset = {"opsets": {"ai.onnx.ml": 3}}
for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
    nodes, leaves = trees(6, 3, 5)
    add("TreeEnsembleRegressor", {"x": rows}, {**nodes, **leaf_weights("target", leaves, [0]), "n_targets": 1, "aggregate_function": aggregate, "base_values": [0.25]}, **tree_opset)
    add("TreeEnsembleRegressor", {"x": rows}, {**nodes, **leaf_weights("target", leaves, [0, 1, 2]), "n_targets": 3, "aggregate_function": aggregate}, **tree_opset)
for mode in ("BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"):
    nodes, leaves = trees(3, 2, 5, (mode,))
    add("TreeEnsembleRegressor", {"x": rows}, {**nodes, **leaf_weights("target", leaves, [0]), "n_targets": 1}, **tree_opset)
nodes, leaves = trees(3, 2, 5, ("BRANCH_LEQ", "BRANCH_GT"))
add("TreeEnsembleRegressor", {"x": rows.astype(np.float64)}, {**nodes, **leaf_weights("target", leaves, [0]), "n_targets": 1}, **tree_opset)
for transform in transforms:
    nodes, leaves = trees(4, 3, 5)
    bounded = (lambda n: np.abs(f32(n)) * 0.05 + 0.01) if transform == "PROBIT" else None
    add("TreeEnsembleClassifier", {"x": rows}, {**nodes, **leaf_weights("class", leaves, [0, 1, 2], bounded), "classlabels_int64s": [5, 6, 9], "post_transform": transform}, ("label", "scores"), **tree_opset)
    if transform != "PROBIT":
        add("TreeEnsembleClassifier", {"x": rows}, {**nodes, **leaf_weights("class", leaves, [0]), "classlabels_int64s": [0, 1], "post_transform": transform}, ("label", "scores"), **tree_opset)
        add("TreeEnsembleClassifier", {"x": rows}, {**nodes, **leaf_weights("class", leaves, [1], lambda n: np.abs(f32(n)) * 0.15), "classlabels_int64s": [0, 1], "post_transform": transform}, ("label", "scores"), **tree_opset)
    add("TreeEnsembleClassifier", {"x": rows}, {**nodes, **leaf_weights("class", leaves, [0, 1], bounded), "classlabels_strings": ["no", "yes"], "base_values": [0.1, 0.05], "post_transform": transform}, ("label", "scores"), **tree_opset)


def tensor(values, dtype, name="t"):
    from onnx import numpy_helper

    return numpy_helper.from_array(np.array(values, dtype), name)


for aggregate in range(4):
    add("TreeEnsemble", {"x": rows}, {
        "tree_roots": [0, 2], "n_targets": 2, "aggregate_function": aggregate, "nodes_featureids": [0, 2, 1], "nodes_modes": tensor([0, 6, 3], np.uint8), "nodes_splits": tensor([0.1, 0, -0.2], np.float32),
        "nodes_truenodeids": [1, 0, 2], "nodes_trueleafs": [0, 1, 1], "nodes_falsenodeids": [3, 1, 4], "nodes_falseleafs": [1, 1, 1], "leaf_targetids": [0, 1, 0, 1, 0],
        "leaf_weights": tensor([1.5, -2, 3, 0.25, -1], np.float32), "membership_values": tensor([float(rows[1, 2]), float(rows[2, 2]), np.nan], np.float32)})
