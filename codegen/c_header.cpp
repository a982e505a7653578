// The C header of an artefact: text that stands alone, is read by C99 and C++ compilers, and is all the documentation that
// a user of the artefact has.
#include <string>
#include <vector>

#include "codegen/artefact.h"
#include "codegen/c_header_parts.h"
#include "codegen/program_facts.h"
#include "codegen/strings.h"
#include "ir/text.h"

namespace keratin {
namespace {

/// A call of the simple form, as an example; for models of the usual kind only.
std::string example(const std::vector<CArgument>& all, const std::string& prefix, const std::string& entry,
                    int64_t batch, bool has_state) {
  const int64_t n = batch > 0 ? batch : 10;
  std::string out = " * In short:\n *\n", names;
  for (const CArgument& one : all) {
    if (one.has_lengths() || !one.per_sample(batch)) return {};
    out += cat(" *     static ", c_type(one.buffer->dtype), " ", one.name, "[", n, " * ", one.macro(prefix),
               "_SIZE];\n");
    names += cat(one.name, ", ");
  }
  if (has_state) {
    out += cat(" *     void *state = aligned_alloc(64, ", prefix, "_state_size());\n");
    out += cat(" *     ", prefix, "_state_init(state);\n");
    names += "state, ";
  }
  out += cat(" *     int status = ", prefix, "_", entry, "_alloc(", names, n, ");\n");
  out += cat(" *     if (status != KERATIN_OK) puts(", prefix, "_strerror(status));\n *\n");
  return out;
}

constexpr std::string_view kFunctions =
    R"(/* Computes the outputs of n samples. Arrays are row-major, one sample after the other, and may have any alignment that
 * their elements allow. `workspace` is scratch memory of @_workspace_size(n, @LENGTHS@threads) bytes, aligned to 64;
 * `threads` is the pool's, or 1. `pool` NULL: on the calling thread. The results are the same bits for any number of threads.
 * n = 0 succeeds and writes nothing. Returns an enum keratin_status. Nothing is allocated or kept; any number of
 * calls may run at once, each with a workspace@STATE_TOO@ of its own. */
int @_@ENTRY@(@PARAMETERS@size_t n, @SIZES@void *workspace,
    struct keratin_pool *pool);

/* The same on the calling thread, with a workspace that it allocates and frees. */
int @_@ENTRY@_alloc(@PARAMETERS@size_t n@MORE_SIZES@);

/* The same as @_@ENTRY@ with arrays of pointers, in the order of the parameters above, and free lengths beside n in an array: NULL if
 * there are none. */
int @_call(const void *const *inputs, void *const *outputs, void *state, size_t n, const size_t *lengths,
    void *workspace, struct keratin_pool *pool);

/* Bytes of workspace for n samples on `threads` threads (0 counts as 1); SIZE_MAX if that is not possible. */
size_t @_workspace_size(size_t n, @SIZES@unsigned threads);

)";

constexpr std::string_view kStringFunction =
    R"(/* Strings, in UTF-8, to the input @INPUT@: @EACH@ `sizes` has the bytes of
 * each, or is NULL if each ends with a zero byte. Returns an enum keratin_status. */
int @_encode_@INPUT@(const char *const *strings, const size_t *sizes, size_t count,
    @LENGTH@int64_t *integers);

)";

constexpr std::string_view kLengthFunction =
    R"(/* The most integers that one of the strings becomes, and at least 1: a length with which @_encode_@INPUT@ cuts none.
 * SIZE_MAX if a string is NULL. */
size_t @_length_@INPUT@(const char *const *strings, const size_t *sizes, size_t count);

)";

constexpr std::string_view kStateFunctions =
    R"(/* Bytes of the state, which the model keeps from call to call: one for each sequence of calls, aligned to 64. */
size_t @_state_size(void);

/* Sets the state to what it is before the first call. */
int @_state_init(void *state);

)";

constexpr std::string_view kInfoFunction =
    R"(
/* What the constants above say, at run time. */
const struct keratin_info *@_info(void);
)";

/// The functions that turn strings into an input, if it is made of some.
std::string string_functions(const KernelModule& module, const CArgument& one) {
  const Type type(one.buffer->dtype, one.buffer->shape);
  const krt_strings* table =
      one.is_output ? nullptr : find_string_table(module.variables, one.buffer->name, type);
  if (table == nullptr) return {};
  const Dim length = integers_per_string(*table, type);
  const bool is_row = krt_strings_makes_rows(table) != 0, is_free = !length.is_static();
  const std::string each =
      !is_row ? "count integers, one for each."
              : cat("count rows of ", is_free ? std::string("length") : to_text(length.value()),
                    " integers, one for each, cut or filled up.");
  std::string out = replaced(std::string(kStringFunction), "@EACH@", each);
  out = replaced(out, "@LENGTH@", is_free ? "size_t length, " : "");
  if (is_free) out += kLengthFunction;
  return replaced(out, "@INPUT@", one.name);
}

}  // namespace

std::string c_header(std::span<const LevelKernels> levels, std::string_view prefix_text) {
  const KernelModule& module = levels[0].kernels;
  const Program& program = artefact_program(module);
  const std::string prefix(prefix_text), guard = cat("KERATIN_MODEL_", upper_case(prefix), "_H");
  const CNames names = c_names(program, lengths_of(module));
  const std::vector<CArgument> all = arguments(program, names);
  CLengths lengths;
  for (const Symbol symbol : lengths_of(module)) lengths.emplace_back(symbol, names.lengths[lengths.size()]);
  const int64_t batch = fixed_batch(program);
  const bool has_state = place_variables(module).state_bytes > 0;
  const std::string& entry = names.entry;

  std::string out =
      cat("/* ", harmless(module.name.empty() ? prefix : module.name), ", compiled by Keratin for ",
          processors(levels), " (", harmless(levels[0].target.triple), ").\n *\n");
  for (const CArgument& one : all)
    out +=
        cat(" *     ", one.is_output ? "output " : "input  ", one.name, ": ", one.type_text(lengths), "\n");
  out += batch > 0 ? cat(" *\n * n, the number of samples, is ", batch, ".\n *\n")
                   : " *\n * n is the number of samples, any number.\n *\n";
  for (const auto& [symbol, name] : lengths)
    out += cat(" * ", name, " is a free length: at least ", least_length(module, symbol), ".\n");
  if (!lengths.empty()) out += " *\n";
  out += example(all, prefix, entry, batch, has_state);
  out +=
      " * Each function is described where it is declared. The file needs no other than those of C.\n */\n";
  out += cat("#ifndef ", guard, "\n#define ", guard, "\n\n#include <stddef.h>\n#include <stdint.h>\n\n");
  out += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  out += cat(kSharedByHeaders, "\n");
  out += cat("#define ", upper_case(prefix), "_BATCH ", batch,
             " /* the only n that is accepted, beside 0; 0: any */\n\n");
  for (const CArgument& one : all) out += array_constants(one, prefix, batch, lengths);

  std::string strings;
  for (const CArgument& one : all) strings += string_functions(module, one);
  std::string functions =
      cat(kFunctions, strings, has_state ? kStateFunctions : "", kCommonFunctions, kInfoFunction);
  functions = replaced(functions, "@STATE_TOO@", has_state ? " and a state" : "");
  functions = replaced(functions, "@ENTRY@", entry);
  std::string sizes, more_sizes, given;
  for (const std::string& name : names.lengths) {
    sizes += cat("size_t ", name, ", ");
    more_sizes += cat(", size_t ", name);
    given += cat(name, ", ");
  }
  functions = replaced(functions, "@SIZES@", sizes);
  functions = replaced(functions, "@MORE_SIZES@", more_sizes);
  functions = replaced(functions, "@LENGTHS@", given);
  functions = replaced(functions, "@PARAMETERS@", parameters(all, has_state));
  out += replaced(functions, "@_", prefix + "_");
  return out + "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
}

}  // namespace keratin
