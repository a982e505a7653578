// Classes of somebody's own, out of plug-ins.
#pragma once

#include <keratin/keras/layer.h>
#include <keratin/keras/layers/core.h>

#include <string>

namespace keratin::keras {

/// Loads a shared object as `keratin --plugin` does: models that are loaded, and those that are made, may have its classes then. It stays for
/// as long as the program runs.
void load_plugin(const std::string& path);

/// An object of a class that is registered with a package: `CustomObject("mine>Signum", {{"learning_rate", 0.01}})` is a loss, a metric or an
/// optimizer, or an argument of a layer or an optimizer.
Value CustomObject(const std::string& registered_name, const Dict& arguments = {});

namespace layers {
/// A layer of such a class, with all of its own arguments as get_config() names them.
Layer CustomLayer(const std::string& registered_name, const Dict& arguments = {},
                  const LayerOptions& options = {});
}  // namespace layers

}  // namespace keratin::keras
