#include <keratin/keras/plugin.h>

#include "frontend/class_key.h"
#include "frontend/keras/make.h"
#include "frontend/keras/node.h"
#include "frontend/load_plugin.h"
#include "ir/error.h"

namespace keratin::keras {

void load_plugin(const std::string& path) { keratin::load_plugin(path); }

Value CustomObject(const std::string& registered_name, const Dict& arguments) {
  if (!is_of_package(registered_name))
    throw Error(ErrorKind::usage, "the package is missing", registered_name, "write \"mine>Scale\"");
  return Dict{{"module", registered_name.substr(0, registered_name.find('>'))},
              {"class_name", without_package(registered_name)},
              {"config", arguments},
              {"registered_name", registered_name}};
}

Layer layers::CustomLayer(const std::string& registered_name, const Dict& arguments,
                          const LayerOptions& options) {
  Arguments config = config_of(without_package(registered_name), options.name, options.trainable, "float32");
  config.insert(config.end(), arguments.members().begin(), arguments.members().end());
  const Value object = CustomObject(registered_name, Dict(config));
  return Layer(std::make_shared<LayerNode>(Json::parse(object.json(), registered_name)));
}

}  // namespace keratin::keras
