// What nearly every source includes, parsed once for all of them (see keratin_library). It saves time and is no other way to
// include: each file names what it uses.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/text.h"
