"""Keras on JAX: one compiled function."""

import os

import numpy as np

from peers import base


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        os.environ["KERAS_BACKEND"] = "jax"
        os.environ["JAX_PLATFORMS"] = "cpu"
        import jax
        import keras
        cls.jax, cls.keras = jax, keras

    def load(self):
        job, jax, keras = self.job, self.jax, self.keras
        model = keras.saving.load_model(job.model, compile=False)
        trained = [variable.value for variable in model.trainable_variables]
        others = [variable.value for variable in model.non_trainable_variables]
        x = jax.device_put(job.array("x"))
        if not job.is_training:
            predict = jax.jit(lambda trained, others, x: model.stateless_call(trained, others, x, training=False)[0])
            compiled = predict.lower(trained, others, x).compile()
            self.run = lambda: compiled(trained, others, x)
            return
        t = jax.device_put(job.array("t"))
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def forward(trained, others, x, t):
            y, others = model.stateless_call(trained, others, x, training=True)
            return loss_of(t, y), others

        gradient = jax.value_and_grad(forward, has_aux=True)

        def step(trained, others, slots, x, t):
            (loss, others), gradients = gradient(trained, others, x, t)
            trained, slots = optimizer.stateless_apply(slots, gradients, trained)
            return trained, others, slots, loss

        self.state = trained, others, [variable.value for variable in optimizer.variables]
        compiled = jax.jit(step, donate_argnums=(0, 1, 2)).lower(*self.state, x, t).compile()

        def run():
            *self.state, loss = compiled(*self.state, x, t)
            return loss

        self.run = run

    def call(self):
        self.run().block_until_ready()

    def result(self):
        return np.asarray(self.run())

    def version(self):
        return f"JAX {self.jax.__version__}, Keras {self.keras.__version__}"
