// Loads and stores as machine code: contiguous, strided, reversed, masked and guarded, of several widths. Arrays lie between
// pages that fault, at both ends, so nothing outside of them is touched; results are those of the kernel interpreter.
#include <gtest/gtest.h>

#include <memory>

#include "artefact_support.h"
#include "ir/text.h"

namespace keratin {
namespace {

struct AccessCase {
  const char* name;
  const char* body;  ///< %x: T[N,23], %y: T[N,23], %z: T[23,N], tile %t: T[2,23]; U: a number
};

constexpr AccessCase kCases[] = {
    {"limit",
     "for j in 0..23 step 8 { store %y[i, j : 8] = (load %x[i, j : 8] only ..23 - j) only ..23 - j }"},
    {"wide limit", "store %y[i, 0 : 32] = (load %x[i, 0 : 32] only ..23) only ..23"},
    {"odd lanes",
     "for j in 0..23 step 5 { store %y[i, j : 5] = (load %x[i, j : 5] only ..23 - j) only ..23 - j }"},
    {"first and limit", R"(for j in 0..23 step 8 {
       store %y[i, j : 8] = (load %x[i, j - 3 : 8] only 3 - j..26 - j or U) only ..23 - j })"},
    {"limits that leave nothing", R"(for j in 0..23 step 4 {
       store %y[i, j : 4] = (load %x[i, j - 30 : 4] only 30 - j..53 - j or U) only ..23 - j })"},
    {"guarded vector", R"(for j in 0..16 step 8 {
       store %y[i, j : 8] = (load %x[i - 1, j : 8] if i - 1 or U)
       store %y[i + 1, j : 8] = (load %x[i + 1, j : 8] if N - i - 2) if N - i - 2 })"},
    {"guarded scalar", R"(for j in 0..23 {
       store %y[i, j] = (load %x[i + 1, j - 2] if j - 2 and N - i - 2 or U) })"},
    {"scalar lanes",
     "for j in 0..30 { store %y[i, j] = (load %x[i, j - 1] only 1 - j..24 - j) only ..23 - j }"},
    {"reversed load",
     "for j in 0..23 step 8 { store %y[i, j : 8] = (load %x[i, 22 - j : 8 by -1] only ..23 - j) only ..23 - j }"},
    {"reversed store",
     "for j in 0..23 step 8 { store %y[i, 22 - j : 8 by -1] = (load %x[i, j : 8] only ..23 - j) only ..23 - j }"},
    {"reversed whole",
     "for j in 0..16 step 8 { store %y[i, j + 7 : 8 by -1] = load %x[i, 22 - j : 8 by -1] }"},
    {"strided load", "store %y[i, 0 : 12] = load %x[i, 0 : 12 by 2]"},
    {"strided masked load", R"(for j in 0..23 step 4 {
       store %y[i, j : 4] = (load %x[i, 2*j : 4 by 2] only ..12 - j or U) only ..23 - j })"},
    {"strided store", "store %y[i, 0 : 8 by 3] = load %x[i, 1 : 8]"},
    {"strided masked store", R"(for j in 0..12 step 4 {
       store %y[i, 2*j : 4 by 2] = load %x[i, j : 4] only 1 - j..12 - j if N - i - 2 })"},
    {"strided guarded load", "store %y[i, 0 : 8] = (load %x[i - 2, 0 : 8 by 3] if i - 2 or U)"},
    {"other axis", R"(for j in 0..8 step 4 {
       store %z[j : 4, i] = load %z[j + 8 : 4, i]
       store %y[i, j : 4] = load %z[j + 16 : 4 by -2, N - 1 - i] })"},
    {"divisions", R"(for j in 0..46 {
       store %y[i, j div 2] = load %x[(i + j) div 46 + i - i div 1, (7*j - 5) mod 23] if (j + 1) mod 2 - 1 and N - i - 2 })"},
    {"tile", R"(for j in 0..23 { store %t[0, j] = load %x[i, j]  store %t[1, 22 - j] = load %x[i, j] }
       for j in 0..23 step 8 { store %y[i, j : 8] = (load %t[1, j : 8] only ..23 - j) only ..23 - j })"},
    {"in place",
     "for j in 0..16 step 8 { store %y[i, j : 8] = load %x[i, j : 8]  store %y[i, j + 1] = load %y[i, j] }"},
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

KernelModule module_of(const AccessCase& access, DType dtype, bool parallel) {
  const std::string type(to_text(dtype));
  const std::string other = dtype == DType::boolean ? "true"
                            : is_float(dtype)       ? (dtype == DType::f32 ? "1.5" : cat("1.5:", type))
                                                    : cat("99:", type);
  const std::string body = replaced(access.body, "U", other);
  const std::string loop = parallel ? cat(" par i in 0..N {\ntile %t: ", type, "[2,23]\n", body, "\n}")
                                    : cat(" {\ntile %t: ", type, "[2,23]\nfor i in 0..N {\n", body, "\n}\n}");
  return parse_kernels(
      cat("kernels @m\nkernel @k(%x: in ", type, "[N,23], %y: inout ", type, "[N,23], %z: inout ", type,
          "[23,N])", loop, "\nkernel @c(%x: in ", type, "[N,23], %y: out ", type, "[N,23], %z: out ", type,
          "[23,N]) {\nfor i in 0..N, j in 0..23 {\n store %y[i, j] = load %x[N - 1 - i, j]\n"
          " store %z[j, i] = load %x[i, j]\n}\n}\n",
          "program @predict(%x) -> (%y, %z) memory 0 {\n input %x: ", type, "[N,23]\n output %y: ", type,
          "[N,23]\n output %z: ", type, "[23,N]\n launch @c(%x, %y, %z)\n launch @k(%x, %y, %z)\n}\n"));
}

Tensor counted(DType dtype, int64_t n) {
  Tensor tensor(dtype, {n, 23});
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    if (is_float(dtype)) {
      tensor.set(i, static_cast<double>(i) + 0.25);
    } else {
      tensor.set_integer(i, dtype == DType::boolean ? i % 3 % 2 : i % 97);
    }
  }
  return tensor;
}

void check(const KernelModule& module, DType dtype, const LoadedArtefact& artefact) {
  for (const int64_t n : {1, 2, 5}) {
    const Tensor x = counted(dtype, n);
    const auto shared = std::make_shared<const KernelModule>(module);
    const std::vector<Tensor> expected = interpret_kernels(shared)->call("predict", std::vector<Tensor>{x});
    for (const bool at_end : {false, true}) {
      const auto bytes = static_cast<size_t>(x.bytes());
      const GuardedMemory input(bytes, at_end), y(bytes, at_end), z(bytes, at_end), workspace(4096, false);
      std::memcpy(input.data(), x.data(), bytes);
      const void* inputs[] = {input.data()};
      void* outputs[] = {y.data(), z.data()};
      ASSERT_EQ(artefact.info().call(inputs, outputs, nullptr, static_cast<size_t>(n), nullptr,
                                     workspace.data(), nullptr),
                KRT_OK);
      EXPECT_EQ(std::memcmp(y.data(), expected[0].data(), bytes), 0) << "n = " << n;
      EXPECT_EQ(std::memcmp(z.data(), expected[1].data(), bytes), 0) << "n = " << n;
    }
  }
}

TEST(EmitAccess, TouchesWhatItShouldAndNothingElse) {
  for (const AccessCase& access : kCases) {
    for (const DType dtype : {DType::boolean, DType::u8, DType::i16, DType::f32, DType::f64}) {
      const KernelModule module = module_of(access, dtype, dtype == DType::f32);
      for (const Target& target : host_levels()) {
        SCOPED_TRACE(cat(access.name, ", ", dtype, ", ", target.cpu));
        check(module, dtype, LoadedArtefact(module, target));
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(EmitAccess, BoundsAreCheckedOnRequest) {
  const AccessCase bad{"", "for j in 0..3 { store %y[i, 8*j : 8] = load %x[i, 0 : 8] if i - 1 }"};
  const KernelModule module = module_of(bad, DType::f32, true);
  for (const Target& target : host_levels()) {
    const LoadedArtefact artefact(module, target, {.check_bounds = true});
    const auto call = [&](size_t n) {
      const Tensor x(DType::f32, {5, 23});
      std::vector<std::byte> y(4096), z(4096);
      const Tensor workspace(DType::u8, {4096});
      const void* inputs[] = {x.data()};
      void* outputs[] = {y.data(), z.data()};
      return artefact.info().call(inputs, outputs, nullptr, n, nullptr,
                                  const_cast<std::byte*>(workspace.data()), nullptr);
    };
    EXPECT_EQ(call(1), KRT_OK);
    EXPECT_DEATH(call(2), "kernel k: an access lies outside of y");
  }
}

TEST(EmitAccess, CheckedCodeGivesTheSameBits) {
  for (const AccessCase& access : kCases) {
    const KernelModule module = module_of(access, DType::f32, false);
    SCOPED_TRACE(access.name);
    check(module, DType::f32, LoadedArtefact(module, host_target(), {.check_bounds = true}));
    check(module, DType::f32, LoadedArtefact(module, host_target(), {.optimize = false}));
  }
}

}  // namespace
}  // namespace keratin
