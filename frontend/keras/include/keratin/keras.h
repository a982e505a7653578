// Models as in Keras: defined, trained, asked, saved and compiled in C++.
#pragma once

#include <keratin/keras/array.h>
#include <keratin/keras/callbacks.h>
#include <keratin/keras/constraints.h>
#include <keratin/keras/initializers.h>
#include <keratin/keras/layer.h>
#include <keratin/keras/layers.h>
#include <keratin/keras/losses.h>
#include <keratin/keras/metrics.h>
#include <keratin/keras/model.h>
#include <keratin/keras/optimizers.h>
#include <keratin/keras/plugin.h>
#include <keratin/keras/regularizers.h>
#include <keratin/keras/schedules.h>
#include <keratin/keras/value.h>
