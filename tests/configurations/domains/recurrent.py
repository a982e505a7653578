"""Layers that walk over time, cells, and what is around them."""
from keras import layers

from domain import OMIT, Domain, T

INNER = ["tanh", "relu", "sigmoid", "elu"]
GATES = ["sigmoid", "hard_sigmoid", "tanh"]
WALK = dict(return_sequences=[OMIT, True, False], return_state=[OMIT, True], go_backwards=[OMIT, True],
            unroll=[OMIT, True], stateful=[OMIT, False], zero_output_for_mask=[OMIT, True])
STEP = dict(activation=[OMIT, *INNER], use_bias=[OMIT, False, True], kernel_regularizer=[OMIT, "l2"],
            recurrent_regularizer=[OMIT, "l1"], bias_regularizer=[OMIT, "l2"])
# Of a rate above 0 only the inference is compared.
RATES = dict(dropout=[OMIT, 0.5], recurrent_dropout=[OMIT, 0.25])
GATED = dict(recurrent_activation=[OMIT, *GATES])
OUTER = dict(activity_regularizer=[OMIT, "l2"])
LSTM = dict(units=[2, 3], unit_forget_bias=[OMIT, False], **STEP, **GATED)
GRU = dict(units=[2, 3], reset_after=[OMIT, False, True], **STEP, **GATED)
SIMPLE = dict(units=[1, 3], **STEP)
SEQUENCES = [[T(2, 5, 3)], [T(3, 4, 2)]]
STEPS = [[T(2, 5, 3, steps=True)], [T(3, 4, 2, steps=True)]]


def split(arguments, names):
    """The arguments of these names, and the others."""
    return {k: v for k, v in arguments.items() if k in names}, {k: v for k, v in arguments.items() if k not in names}


def masked(make):
    def call(inputs, arguments):
        if arguments.get("unroll") and arguments.get("zero_output_for_mask"):
            raise ValueError("back ends disagree")
        return make(name="layer", **arguments)(layers.Masking()(inputs[0]))
    return call


def with_states(make):
    def call(inputs, arguments):
        return make(name="layer", **arguments)(inputs[0], initial_state=inputs[1:])
    return call


def masked_with_states(make):
    def call(inputs, arguments):
        return make(name="layer", **arguments)(layers.Masking()(inputs[0]), initial_state=inputs[1:])
    return call


def states(count):
    return lambda arguments: [T(2, 5, 3, steps=True)] + [T(2, arguments["units"]) for _ in range(count)]


def by_itself(make):
    def call(inputs, arguments):
        h, new = make(name="layer", **arguments)(inputs[0], list(inputs[1:]))
        return [h, new]
    return call


def cell_inputs(count):
    return lambda arguments: [T(2, 4)] + [T(2, arguments["units"]) for _ in range(count)]


CELLS = {
    "lstm": lambda: layers.LSTMCell(3, name="one"),
    "gru": lambda: layers.GRUCell(2, reset_after=False, name="one"),
    "simple": lambda: layers.SimpleRNNCell(3, activation="relu", name="one"),
    "lstm gru": lambda: layers.StackedRNNCells([layers.LSTMCell(3, name="one"), layers.GRUCell(2, name="two")]),
    "gru lstm": lambda: layers.StackedRNNCells([layers.GRUCell(3, name="one"), layers.LSTMCell(2, name="two")]),
    "three": lambda: layers.StackedRNNCells([
        layers.SimpleRNNCell(3, name="one"), layers.LSTMCell(2, name="two"), layers.SimpleRNNCell(4, name="three")]),
}


def rnn(inputs, arguments):
    cell, others = split(arguments, {"cell", "masked"})
    if cell.get("masked") and others.get("unroll") and others.get("zero_output_for_mask"):
        raise ValueError("back ends disagree")
    x = layers.Masking()(inputs[0]) if cell.get("masked") else inputs[0]
    return layers.RNN(CELLS[cell["cell"]](), name="layer", **others)(x)


CONV_STEP = dict(filters=[1, 2], padding=[OMIT, "same", "valid"], data_format=[OMIT, "channels_first", "channels_last"],
                 unit_forget_bias=[OMIT, False], **STEP, **GATED, **OUTER)


def conv_lstm(rank):
    space = [5, 4, 3][:rank]
    first, last = T(2, 3, 2, *space), T(2, 3, *space, 2)
    windows = [2, 3, tuple([2, 3, 1][:rank])]
    arguments = dict(kernel_size=windows, strides=[OMIT, 1, 2], dilation_rate=[OMIT, 1, 2], **CONV_STEP,
                     **{k: v for k, v in WALK.items() if k not in ("unroll", "zero_output_for_mask")})
    make = [layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D][rank - 1]
    return Domain(f"ConvLSTM{rank}D", make, arguments,
                  lambda a: [first if a.get("data_format") == "channels_first" else last], count=10)


def still_conv_lstm(rank):
    """Of rates above 0 the inference; and states that stay."""
    make = [layers.ConvLSTM1D, layers.ConvLSTM2D, layers.ConvLSTM3D][rank - 1]
    return Domain(f"ConvLSTM{rank}D others", make, dict(filters=[2], kernel_size=[2], return_sequences=[OMIT, True],
                  stateful=[OMIT, True], unroll=[OMIT, True], zero_output_for_mask=[OMIT, True], dilation_rate=[OMIT, 2],
                  **RATES),
                  [[T(2, 3, *[4, 3, 2][:rank], 2)]], fixed_batch=True, trains=False, count=6)


WRAPPED = {
    "lstm": lambda a: layers.LSTM(3, name="inner", **a),
    "gru": lambda a: layers.GRU(2, name="inner", **a),
    "simple": lambda a: layers.SimpleRNN(3, name="inner", **a),
    "rnn": lambda a: layers.RNN(layers.LSTMCell(2, name="one"), name="inner", **a),
}


def bidirectional(inputs, arguments):
    own, others = split(arguments, {"layer", "masked", "own_backward", "merge_mode", "states"})
    if own.get("masked") and others.get("unroll") and others.get("return_sequences"):
        raise ValueError("back ends disagree")  # outputs of masked steps are to be zeros
    backward = None
    if own.get("own_backward"):
        backward = layers.GRU(3, go_backwards=True, name="back", **others)
    layer = layers.Bidirectional(
        WRAPPED[own["layer"]](others), backward_layer=backward, name="layer",
        **{k: v for k, v in own.items() if k == "merge_mode"})
    return layer(layers.Masking()(inputs[0]) if own.get("masked") else inputs[0])


def timed_model():
    import keras
    x = keras.Input((4, 3))
    y = layers.Dense(2, activation="tanh", activity_regularizer="l2", name="dense")(layers.Flatten()(x))
    return keras.Model(x, y, name="inner")


TIMED = {
    "dense": lambda: layers.Dense(3, activity_regularizer="l2", name="inner"),
    "conv": lambda: layers.Conv1D(2, 2, padding="same", name="inner"),
    "lstm": lambda: layers.LSTM(3, return_sequences=True, name="inner"),
    "normal": lambda: layers.BatchNormalization(momentum=0.5, name="inner"),
    "layer normal": lambda: layers.LayerNormalization(name="inner"),
    "pool": lambda: layers.GlobalAveragePooling1D(name="inner"),
    "timed": lambda: layers.TimeDistributed(layers.Dense(2, name="innermost"), name="inner"),
    "spectral": lambda: layers.SpectralNormalization(layers.Dense(2, name="innermost"), name="inner"),
    "model": timed_model,
}


def timed(inputs, arguments):
    layer = layers.TimeDistributed(TIMED[arguments["layer"]](), name="layer",
                                   **{k: v for k, v in arguments.items() if k == "activity_regularizer"})
    return layer(layers.Masking()(inputs[0]) if arguments.get("masked") else inputs[0])


def timed_words(inputs, arguments):
    words = layers.Embedding(6, 3, mask_zero=True, name="words")(inputs[0])
    return layers.TimeDistributed(TIMED[arguments["layer"]](), name="layer")(words)


DOMAINS = [
    Domain("LSTM", layers.LSTM, {**LSTM, **WALK, **OUTER}, SEQUENCES, count=12),
    Domain("GRU", layers.GRU, {**GRU, **WALK, **OUTER}, SEQUENCES, count=12),
    Domain("SimpleRNN", layers.SimpleRNN, {**SIMPLE, **WALK, **OUTER}, SEQUENCES, count=12),
    Domain("LSTM masked", None, {**LSTM, **WALK}, STEPS, call=masked(layers.LSTM), count=12),
    Domain("GRU masked", None, {**GRU, **WALK}, STEPS, call=masked(layers.GRU), count=12),
    Domain("SimpleRNN masked", None, {**SIMPLE, **WALK}, STEPS, call=masked(layers.SimpleRNN), count=12),
    Domain("LSTM states", None, {**LSTM, **WALK}, states(2), call=with_states(layers.LSTM)),
    Domain("GRU states", None, {**GRU, **WALK}, states(1), call=masked_with_states(layers.GRU)),
    Domain("SimpleRNN states", None, {**SIMPLE, **WALK}, states(1), call=masked_with_states(layers.SimpleRNN)),
    Domain("LSTM dropout", None, {**LSTM, **WALK, **RATES}, STEPS, call=masked(layers.LSTM), trains=False),
    Domain("GRU dropout", None, {**GRU, **WALK, **RATES}, STEPS, call=masked(layers.GRU), trains=False),
    Domain("SimpleRNN dropout", None, {**SIMPLE, **WALK, **RATES}, STEPS, call=masked(layers.SimpleRNN), trains=False),
    Domain("LSTM stateful", layers.LSTM, {**LSTM, **WALK, "stateful": [True]}, [[T(2, 4, 3)]], fixed_batch=True),
    Domain("GRU stateful", None, {**GRU, **WALK, "stateful": [True]}, [[T(2, 4, 3, steps=True)]],
           call=masked(layers.GRU), fixed_batch=True),
    Domain("SimpleRNN stateful", layers.SimpleRNN, {**SIMPLE, **WALK, "stateful": [True]}, [[T(2, 4, 3)]], fixed_batch=True,
           count=4),
    Domain("RNN stateful", layers.RNN, dict(
        cell=[layers.LSTMCell(2, name="one"), layers.GRUCell(3, name="one")], **{**WALK, "stateful": [True]}), [[T(2, 4, 3)]],
        fixed_batch=True, count=4),
    Domain("LSTMCell dropout", None, {**LSTM, **RATES}, cell_inputs(2), call=by_itself(layers.LSTMCell), trains=False,
           count=4),
    Domain("GRUCell dropout", None, {**GRU, **RATES}, cell_inputs(1), call=by_itself(layers.GRUCell), trains=False, count=4),
    Domain("SimpleRNNCell dropout", None, {**SIMPLE, **RATES}, cell_inputs(1), call=by_itself(layers.SimpleRNNCell),
           trains=False, count=4),
    Domain("LSTMCell", None, LSTM, cell_inputs(2), call=by_itself(layers.LSTMCell)),
    Domain("GRUCell", None, GRU, cell_inputs(1), call=by_itself(layers.GRUCell)),
    Domain("SimpleRNNCell", None, SIMPLE, cell_inputs(1), call=by_itself(layers.SimpleRNNCell)),
    Domain("RNN", None, dict(cell=list(CELLS), masked=[False, True], **WALK), STEPS, call=rnn, count=20),
    conv_lstm(1),
    conv_lstm(2),
    conv_lstm(3),
    *[still_conv_lstm(rank) for rank in (1, 2, 3)],
    Domain("Bidirectional", None,
           dict(layer=list(WRAPPED), masked=[False, True], merge_mode=[OMIT, "concat", "sum", "mul", "ave", None],
                return_sequences=[OMIT, True], return_state=[OMIT, True], unroll=[OMIT, True],
                own_backward=[OMIT, OMIT, True]),
           STEPS, call=bidirectional, count=16),
    Domain("TimeDistributed", None,
           dict(layer=list(TIMED), masked=[False, False, True], activity_regularizer=[OMIT, "l2"]),
           [[T(2, 3, 4, 3, steps=True)]], call=timed, count=16),
    Domain("TimeDistributed words", None, dict(layer=["lstm", "normal", "pool", "dense", "conv"]),
           [[T(2, 3, 4, dtype="int32", high=5)], [T(3, 2, 5, dtype="int32", high=4)]], call=timed_words),
]
