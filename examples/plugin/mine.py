"""Classes of somebody's own in Keras; mine.cpp beside this has the same for Keratin."""
import keras
from keras import ops

register = keras.saving.register_keras_serializable("mine")


@register
class Snake(keras.layers.Layer):
    def __init__(self, squared=True, **kwargs):
        super().__init__(**kwargs)
        self.squared = squared

    def build(self, shape):
        self.frequency = self.add_weight(name="frequency", shape=shape[-1:], initializer="ones")

    def call(self, x):
        wave = ops.sin(self.frequency * x)
        return x + (ops.square(wave) if self.squared else wave) / self.frequency

    def compute_output_shape(self, shape):
        return shape

    def get_config(self):
        return {**super().get_config(), "squared": self.squared}


@register
class TiltedError(keras.losses.Loss):
    def __init__(self, quantile=0.5, **kwargs):
        super().__init__(**kwargs)
        self.quantile = quantile

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.maximum(self.quantile * error, (self.quantile - 1) * error), axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantile": self.quantile}


@register
class MeanBias(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(ops.mean(y_pred - y_true, axis=-1), sample_weight)


@register
class Signum(keras.optimizers.Optimizer):
    def __init__(self, learning_rate=0.001, momentum=0.9, **kwargs):
        super().__init__(learning_rate=learning_rate, **kwargs)
        self.momentum = momentum

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.averages = [self.add_variable_from_reference(v, "momentum") for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        average = self.averages[self._get_variable_index(variable)]
        self.assign_add(average, (gradient - average) * (1 - self.momentum))
        self.assign_sub(variable, learning_rate * ops.sign(average))

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@register
class Noam(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, peak, warmup_steps):
        self.peak = peak
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        part = (ops.cast(step, "float32") + 1) / self.warmup_steps
        return self.peak * ops.minimum(part, ops.rsqrt(part))

    def get_config(self):
        return {"peak": self.peak, "warmup_steps": self.warmup_steps}


@register
def squared_relu(x):
    return ops.square(ops.relu(x))


@register
class Spread(keras.initializers.Initializer):
    def __init__(self, low=-1.0, high=1.0):
        self.low = low
        self.high = high

    def __call__(self, shape, dtype=None):
        return ops.broadcast_to(ops.linspace(self.low, self.high, shape[-1], dtype=dtype), shape)

    def get_config(self):
        return {"low": self.low, "high": self.high}


@register
class LogPenalty(keras.regularizers.Regularizer):
    def __init__(self, factor=0.01):
        self.factor = factor

    def __call__(self, x):
        return self.factor * ops.sum(ops.log1p(ops.abs(x)))

    def get_config(self):
        return {"factor": self.factor}


@register
class Centered(keras.constraints.Constraint):
    def __call__(self, w):
        return w - ops.mean(w, axis=0, keepdims=True)
