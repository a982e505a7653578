"""The cells of the table: work loads with their batches. What they are in Keras stands in models.py."""

TITLES = {
    "W1": "MLP 784-32-10",
    "W2": "MLP 784-512-512-10",
    "W3": "MNIST CNN 32-64-128",
    "W4": "ResNet-50, 224",
    "W5": "MobileNetV2 1.0, 224",
    "W6": "LSTM 128, 100 steps of 64",
    "W7": "GRU 128, 100 steps of 64",
    "W8": "transformer encoder 6 x 256, 128 steps",
    "T1": "train MLP 784-32-10",
    "T2": "train MLP 784-512-512-10",
    "T3": "train MNIST CNN",
    "T4": "train LSTM 128",
    "T5": "train ResNet-18, CIFAR",
}
BATCHES = {"W1": (1, 32), "W2": (1, 32), "W3": (1, 32), "W4": (1, 8), "W5": (1,), "W6": (1, 32), "W7": (1, 32), "W8": (1, 32),
           "T1": (32, 128), "T2": (32, 128), "T3": (32, 128), "T4": (32, 128), "T5": (32,)}

# How all models are trained, as Keras's files say it.
LOSS = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
OPTIMIZER = {"class_name": "Adam", "config": {"learning_rate": 0.001}}


def is_training(work):
    return work.startswith("T")


def cell_key(cell):
    """For sorting: "W1 b32 t2"."""
    work, batch, threads = cell.split()
    return work[0] == "T", int(work[1:]), int(batch[1:]), int(threads[1:])
