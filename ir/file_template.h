// Files that are known but for the values of variables in them: a trainer carries them, and writes models without the compiler.
//
// Whoever makes such a file makes it with zeros, and says where they are. runtime/abi.h, krt_file, is what becomes of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace keratin {

struct FileTemplate {
  /// What belongs into a hole.
  enum class Source : uint8_t {
    variable,            ///< the elements of a variable, by its name
    checksum,            ///< the CRC-32 of `summed`
    selftest_outputs,    ///< what the model makes of the inputs of its self-test
    selftest_tolerance,  ///< how far from that it may be: two f64
    file_name            ///< the file's own, with zeros behind it
  };
  struct Hole {
    uint64_t offset, bytes;
    Source source;
    std::string variable;
  };
  struct Stretch {
    uint64_t offset = 0, bytes = 0;
  };

  std::string bytes;        ///< zeros where the holes are
  std::vector<Hole> holes;  ///< apart from each other
  Stretch summed;
  Stretch selftest_inputs;
};

}  // namespace keratin
