"""Keras on TensorFlow, compiled graphs: variants graph and xla."""

import os

from peers import base


class Peer(base.Peer):
    @classmethod
    def set_up(cls, job):
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow as tf
        tf.config.threading.set_intra_op_parallelism_threads(job.threads)
        tf.config.threading.set_inter_op_parallelism_threads(job.threads)
        import keras
        cls.tf, cls.keras = tf, keras

    def load(self):
        job, tf, keras = self.job, self.tf, self.keras
        xla = job.variant == "xla"
        model = self.model = keras.saving.load_model(job.model, compile=False)
        x = tf.constant(job.array("x"))
        if not job.is_training:
            spec = tf.TensorSpec(x.shape, tf.float32)
            function = tf.function(lambda x: model(x, training=False), jit_compile=xla).get_concrete_function(spec)
            self.function, self.inputs = function, (x,)
            return
        loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)

        def step(x, t):
            with tf.GradientTape() as tape:
                loss = loss_of(t, model(x, training=True))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            return loss

        self.optimizer = optimizer
        self.function, self.inputs = tf.function(step, jit_compile=xla), (x, tf.constant(job.array("t")))

    def call(self):
        self.function(*self.inputs).numpy()

    def result(self):
        return self.function(*self.inputs).numpy()

    def version(self):
        return f"TensorFlow {self.tf.__version__}, Keras {self.keras.__version__}"
