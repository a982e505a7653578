// Keras's layers.
#pragma once

#include <keratin/keras/layers/activation.h>
#include <keratin/keras/layers/attention.h>
#include <keratin/keras/layers/augmentation.h>
#include <keratin/keras/layers/convolutional.h>
#include <keratin/keras/layers/core.h>
#include <keratin/keras/layers/merging.h>
#include <keratin/keras/layers/normalization.h>
#include <keratin/keras/layers/pooling.h>
#include <keratin/keras/layers/preprocessing.h>
#include <keratin/keras/layers/recurrent.h>
#include <keratin/keras/layers/regularization.h>
#include <keratin/keras/layers/reshaping.h>
#include <keratin/keras/layers/wrappers.h>
