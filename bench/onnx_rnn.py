"""Keras's LSTM or GRU, a dense layer and a softmax as ONNX's own operators: tf2onnx would leave a loop of small ones."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Keras's gates in ONNX's order: i f c o -> i o f c; z r h stays
GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2)}


def reordered(array, units, gates):
    return np.concatenate([array[..., gate * units:(gate + 1) * units] for gate in gates], axis=-1)


def export(model, operator, batch, path):
    kernel, recurrent, bias, dense_kernel, dense_bias = model.get_weights()
    units, gates = recurrent.shape[0], GATES[operator]
    if operator == "LSTM":
        bias = np.stack([bias, np.zeros_like(bias)])
    weights = {"W": reordered(kernel, units, gates).T[None], "R": reordered(recurrent, units, gates).T[None],
               "B": reordered(bias, units, gates).reshape(1, -1), "DK": dense_kernel, "DB": dense_bias,
               "axis": np.array([0])}
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node(operator, ["steps", "W", "R", "B"], ["", "last"], hidden_size=units,
                         **({"linear_before_reset": 1} if operator == "GRU" else {})),
        helper.make_node("Squeeze", ["last", "axis"], ["state"]),
        helper.make_node("Gemm", ["state", "DK", "DB"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["y"], axis=-1),
    ]
    graph = helper.make_graph(
        nodes, model.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (batch, *model.inputs[0].shape[1:]))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (batch, dense_bias.size))],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in weights.items()])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    onnx.save(made, path)
