"""Other layers of products and lookups, and masks."""
from keras import layers

from domain import OMIT, Domain, T


def einsum(inputs, arguments):
    equation, shape = arguments["form"]
    return layers.EinsumDense(equation, shape, name="layer",
                              **{k: v for k, v in arguments.items() if k != "form"})(inputs[0])


FORMS = [("ab,bc->ac", 3), ("abc,cd->abd", (None, 3)), ("...x,xy->...y", 2), ("abc,cde->abde", (None, 2, 3)),
         ("abc,bd->adc", (3, None)), ("ab...,bc->ac...", 3)]
BIASES = [OMIT, OMIT, "c", "d", "y", "de", "e", "a"]


def both_ways(inputs, arguments):
    own = {k: v for k, v in arguments.items() if k != "masked"}
    layer = layers.ReversibleEmbedding(name="layer", **own)
    rows = layer(inputs[0])
    return [rows, layer(layers.Dense(arguments["output_dim"], name="dense")(rows), reverse=True)]


def mean_of_kept(inputs, arguments):
    return layers.GlobalAveragePooling1D()(layers.Masking(name="layer", **arguments)(inputs[0]))


DOMAINS = [
    Domain("EinsumDense", None,
           dict(form=FORMS, bias_axes=BIASES, activation=[OMIT, "relu", "tanh"], kernel_regularizer=[OMIT, "l2"],
                bias_regularizer=[OMIT, "l2"], activity_regularizer=[OMIT, "l2"]),
           [[T(2, 4)], [T(2, 3, 4)], [T(2, 5, 3)]], call=einsum, count=14),
    Domain("ReversibleEmbedding", None,
           dict(input_dim=[6, 8], output_dim=[2, 3], tie_weights=[OMIT, False], mask_zero=[OMIT, True],
                logit_soft_cap=[OMIT, 0.5], reverse_dtype=[OMIT, "float32"], embeddings_regularizer=[OMIT, "l2"]),
           [[T(2, 3, dtype="int32")], [T(3, 2, dtype="int32")]], call=both_ways, count=10),
    Domain("Masking", None, dict(mask_value=[OMIT, 0.5, -1.0]),
           [[T(2, 5, 3, steps=True)], [T(3, 4, 2, steps=True)], [T(2, 6, 1, steps=True)]], call=mean_of_kept),
    Domain("Identity", None, {}, [[T(2, 3)], [T(2, 3, 4)], [T(3, 2, dtype="int32")], [T(3, 1)], [T(2, 1, 2)], [T(2, 2, 3, 2)],
                              [T(3, 5)], [T(2, 4, dtype="bool")]], call=lambda x, a: layers.Identity(name="layer")(x[0])),
]
