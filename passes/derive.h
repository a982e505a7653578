// What is computed from weights once they are known, as a program of its own.
#pragma once

#include <set>
#include <span>
#include <string>

#include "ir/graph.h"

namespace keratin {

/// A module with one function, `derive`: what all functions of `sources` do, which read and update variables alone. Variables that are
/// `given` are its params, by their names; the others keep their data. It computes as the reference interpreter does: each
/// operation on floats in f64, its result rounded to its dtype. The bits are those that `prepare` has when compiling.
Module derive(std::span<const Module* const> sources, const std::set<std::string>& given);

}  // namespace keratin
