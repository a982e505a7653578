// The C header of an artefact: text that stands alone, is read by C99 and C++ compilers, and is all the documentation that
// a user of the artefact has.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "codegen/artefact.h"
#include "codegen/c_names.h"
#include "codegen/program_facts.h"
#include "codegen/strings.h"
#include "ir/text.h"

namespace keratin {
namespace {

// What the headers of all models share; whichever comes first in a translation unit defines it.
constexpr std::string_view kShared = R"(#ifndef KERATIN_ABI
#define KERATIN_ABI 2

/* What the functions below return. */
enum keratin_status {
  KERATIN_OK = 0,
  KERATIN_NULL_ARGUMENT = 1,   /* a pointer that is needed is NULL */
  KERATIN_MISALIGNED = 2,      /* workspace or state not aligned to 64 bytes, or an array not to its elements */
  KERATIN_ALIASED = 3,         /* an output, the workspace or the state overlaps other memory of the call */
  KERATIN_BAD_COUNT = 4,       /* n does not fit the model, or sizes overflow */
  KERATIN_UNSUPPORTED_CPU = 5, /* this processor lacks instructions that the model was compiled for */
  KERATIN_BAD_POOL = 6,        /* the pool's struct is not filled in or comes from an incompatible version */
  KERATIN_SELFTEST_FAILED = 7,
  KERATIN_NO_MEMORY = 8,
  KERATIN_BAD_LENGTH = 9, /* a length is 0, or so short that nothing is left of it, or too large */
  KERATIN_UNKNOWN_STRING = 10, /* a string is not in the vocabulary, and the model has no index for unknown ones */
  KERATIN_NO_STRINGS = 11 /* the input takes no strings */
};

/* Threads to compute on: those of <model>_pool_create, or the host's own behind the same struct. All models of a process
 * may share one pool. */
struct keratin_pool {
  uint32_t size;    /* sizeof(struct keratin_pool) */
  uint32_t threads; /* how many items are worth running at once, the calling thread included; at least 1 */
  /* Calls fn(arg, i) for every i < n, on any threads, in any order; returns when all have returned. */
  void (*parallel_for)(struct keratin_pool *pool, size_t n, void (*fn)(void *arg, size_t i), void *arg);
};

enum keratin_dtype {
  KERATIN_BOOL, KERATIN_I8, KERATIN_I16, KERATIN_I32, KERATIN_I64, KERATIN_U8, KERATIN_U16, KERATIN_U32, KERATIN_U64,
  KERATIN_F16, KERATIN_BF16, KERATIN_F32, KERATIN_F64
};

/* What a model says of itself, for programs that learn it at run time. */
struct keratin_dim {
  int64_t size;
  int32_t symbol; /* -1: `size` elements; else `size` times symbol 0, which is the number of samples, or a later one: the
                   * lengths, and behind them the quotients */
  int32_t reserved;
};
struct keratin_quotient { /* min(floor((times * symbol `of` + plus) / over), most): what is left of a length */
  int64_t times, plus, over;
  uint32_t of;
  uint32_t most; /* 0: any number */
};
struct keratin_array {
  const char *name;
  uint32_t dtype; /* enum keratin_dtype */
  uint32_t rank;
  const struct keratin_dim *shape;
};
struct keratin_info {
  uint32_t size; /* sizeof(struct keratin_info), as the model knows it: later versions may add to its end */
  uint32_t abi_version;
  const char *name;
  uint32_t input_count, output_count;
  const struct keratin_array *inputs, *outputs;
  uint64_t batch;       /* the only n that is accepted, beside 0; 0: any */
  uint64_t state_bytes; /* 0: the model keeps nothing from call to call */
  uint32_t length_count; /* extents beside n that are free: `lengths` below holds one for each name; NULL if there are none */
  uint32_t quotient_count;
  const char *const *length_names;
  const struct keratin_quotient *quotients;
  int (*call)(const void *const *inputs, void *const *outputs, void *state, size_t n, const size_t *lengths,
              void *workspace, struct keratin_pool *pool);
  size_t (*workspace_size)(size_t n, const size_t *lengths, unsigned threads);
  int (*state_init)(void *state); /* NULL if state_bytes is 0 */
  int (*selftest)(void);
  const char *(*explain)(int status);
  struct keratin_pool *(*pool_create)(unsigned threads);
  void (*pool_destroy)(struct keratin_pool *pool);
  /* Of inputs that are made of strings: what <model>_encode_INPUT and <model>_length_INPUT do, by the place of the input in `inputs`.
   * For others, KERATIN_NO_STRINGS and 0; both are NULL if there are only others. */
  int (*encode)(uint32_t input, const char *const *strings, const size_t *sizes, size_t count, size_t length,
                int64_t *integers);
  size_t (*encoded_length)(uint32_t input, const char *const *strings, const size_t *sizes, size_t count);
};

#endif
)";

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

/// Text of the model within a comment or a string literal of C: nothing in it can end either.
std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?' && c != '*' && c != '/';
    const bool slash = c == '/' && (out.empty() || (out.back() != '*' && out.back() != '/'));
    out += plain || slash ? c : '_';
  }
  return out;
}

/// Free lengths by their names in C, in the order of the parameters.
using Lengths = std::vector<std::pair<Symbol, std::string>>;

/// "n", "2*n", "784", "(t - 2)", "(t + 1) / 2", "(t < 5 ? t : 5)".
std::string dim_text(Dim dim, const Lengths& lengths) {
  if (dim.is_static()) return to_text(dim.coef);
  std::string text = "n";
  if (const Quotient* q = dim.symbol.quotient()) {
    text = dim_text(Dim(q->times, q->of), lengths);
    if (q->plus != 0) text = cat("(", text, q->plus < 0 ? " - " : " + ", std::abs(q->plus), ")");
    if (q->over > 1) text = cat(text, " / ", q->over);
    if (q->most != Quotient::kNoMost)
      text = cat("(", text, " < ", q->most, " ? ", text, " : ", q->most, ")");
    else if (q->over > 1 && dim.coef > 1)
      text = cat("(", text, ")");
  }
  for (const auto& [symbol, name] : lengths)
    if (symbol == dim.symbol) text = name;
  return dim.coef == 1 ? text : cat(dim.coef, "*", text);
}

/// Replaces every occurrence of `from`.
std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// One input or output as the header shows it.
struct Argument {
  std::string name;  ///< in C
  const ProgramBuffer* buffer;
  bool is_output;

  std::string macro(const std::string& prefix) const {
    return cat(upper_case(prefix), is_output ? "_OUTPUT_" : "_INPUT_", upper_case(name));
  }
  std::string type_text(const Lengths& lengths) const {
    std::vector<std::string> dims;
    for (const Dim dim : buffer->shape) dims.push_back(dim_text(dim, lengths));
    return cat(to_text(buffer->dtype), "[", join(dims, ", "), "]");
  }
  bool has_lengths() const {
    return std::any_of(buffer->shape.begin(), buffer->shape.end(),
                       [](Dim dim) { return !dim.is_static() && dim.symbol.root() != Dim::batch().symbol; });
  }
  /// Elements of one sample, where that depends on lengths: a factor for each axis but the batch.
  std::string size_of_lengths(const Lengths& lengths) const {
    std::vector<std::string> factors;
    for (const Dim dim : buffer->shape) {
      const std::string text = dim.symbol == Dim::batch().symbol ? to_text(dim.coef) : dim_text(dim, lengths);
      if (text != "1") factors.push_back(text.find('/') == std::string::npos ? text : cat("(", text, ")"));
    }
    return join(factors, " * ");
  }
  /// Elements of one sample, where there is such a number.
  std::optional<int64_t> per_sample(int64_t batch) const {
    const Size count = Size::product(buffer->shape);
    if (count.is_static()) {
      const int64_t whole = count.value();
      if (batch > 0 && whole % batch == 0) return whole / batch;
      return {};
    }
    const auto dim = as_dim(count);
    return dim ? std::optional(dim->coef) : std::nullopt;
  }
};

std::vector<Argument> arguments(const Program& program, const CNames& names) {
  std::vector<Argument> all;
  for (size_t i = 0; i < program.inputs.size(); ++i)
    all.push_back({names.inputs[i], &program.buffers[program.inputs[i]], false});
  for (size_t i = 0; i < program.outputs.size(); ++i)
    all.push_back({names.outputs[i], &program.buffers[program.outputs[i]], true});
  return all;
}

/// "const float *x, float *probabilities, ".
std::string parameters(const std::vector<Argument>& all, bool has_state) {
  std::string out;
  for (const Argument& one : all)
    out += cat(one.is_output ? "" : "const ", c_type(one.buffer->dtype), " *", one.name, ", ");
  return has_state ? out + "void *state, " : out;
}

/// The constants that describe one array.
std::string array_constants(const Argument& one, const std::string& prefix, int64_t batch,
                            const Lengths& lengths) {
  const std::string macro = one.macro(prefix);
  const bool has_lengths = one.has_lengths();
  std::vector<int64_t> shape;
  for (const Dim dim : one.buffer->shape)
    shape.push_back(dim.is_static() ? dim.coef : dim.symbol == Dim::batch().symbol ? -dim.coef : 0);
  std::string out =
      cat("/* ", one.is_output ? "output " : "input ", one.name, ": ", one.type_text(lengths), " */\n");
  out += cat("#define ", macro, "_NAME \"", harmless(one.buffer->name), "\"\n");
  out += cat("#define ", macro, "_DTYPE KERATIN_", upper_case(to_text(one.buffer->dtype)), "\n");
  out += cat("#define ", macro, "_RANK ", shape.size(), "\n");
  if (!shape.empty())
    out += cat("#define ", macro, "_SHAPE {", join(shape, ", "), "} /* negative: that many times n",
               has_lengths ? "; 0: depends on lengths" : "", " */\n");
  if (has_lengths) {
    std::vector<std::string> names;
    Lengths in_brackets = lengths;
    for (const auto& [symbol, name] : lengths) names.push_back(name);
    for (auto& [symbol, name] : in_brackets) name = cat("(", name, ")");
    out += cat("#define ", macro, "_SIZE(", join(names, ", "), ") (", one.size_of_lengths(in_brackets),
               ") /* elements per sample */\n");
  } else if (const auto size = one.per_sample(batch))
    out += cat("#define ", macro, "_SIZE ", *size, " /* elements per sample */\n");
  return out + "\n";
}

/// A call of the simple form, as an example; for models of the usual kind only.
std::string example(const std::vector<Argument>& all, const std::string& prefix, const std::string& entry,
                    int64_t batch, bool has_state) {
  const int64_t n = batch > 0 ? batch : 10;
  std::string out = " * In short:\n *\n", names;
  for (const Argument& one : all) {
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

constexpr std::string_view kCommonFunctions =
    R"(/* Threads to pass to calls; `threads` includes the calling one, 0 means one per processor. NULL if they cannot be had.
 * While one call uses the pool, calls of other threads with the same pool run without it. After fork, the child has to use
 * a pool of its own to have threads. */
struct keratin_pool *@_pool_create(unsigned threads);
void @_pool_destroy(struct keratin_pool *pool);

/* Runs the model on inputs stored in it and compares with what was recorded when it was compiled. */
int @_selftest(void);

/* What a status means: a sentence, never NULL. */
const char *@_strerror(int status);

/* What the constants above say, at run time. */
const struct keratin_info *@_info(void);
)";

/// The functions that turn strings into an input, if it is made of some.
std::string string_functions(const KernelModule& module, const Argument& one) {
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

/// "x86-64-v4", or "x86-64-v4, x86-64-v3 or x86-64-v2, the first that the processor has".
std::string processors(std::span<const LevelKernels> levels) {
  std::vector<std::string> names;
  for (const LevelKernels& level : levels) names.push_back(harmless(level_name(level.target)));
  const std::string last = names.back();
  names.pop_back();
  if (names.empty()) return last;
  return cat(join(names, ", "), " or ", last, ", the first that the processor has");
}

}  // namespace

std::string c_header(std::span<const LevelKernels> levels, std::string_view prefix_text) {
  const KernelModule& module = levels[0].kernels;
  const Program& program = artefact_program(module);
  const std::string prefix(prefix_text), guard = cat("KERATIN_MODEL_", upper_case(prefix), "_H");
  const CNames names = c_names(program, lengths_of(module));
  const std::vector<Argument> all = arguments(program, names);
  Lengths lengths;
  for (const Symbol symbol : lengths_of(module)) lengths.emplace_back(symbol, names.lengths[lengths.size()]);
  const int64_t batch = fixed_batch(program);
  const bool has_state = place_variables(module).state_bytes > 0;
  const std::string& entry = names.entry;

  std::string out =
      cat("/* ", harmless(module.name.empty() ? prefix : module.name), ", compiled by Keratin for ",
          processors(levels), " (", harmless(levels[0].target.triple), ").\n *\n");
  for (const Argument& one : all)
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
  out += cat(kShared, "\n");
  out += cat("#define ", upper_case(prefix), "_BATCH ", batch,
             " /* the only n that is accepted, beside 0; 0: any */\n\n");
  for (const Argument& one : all) out += array_constants(one, prefix, batch, lengths);

  std::string strings;
  for (const Argument& one : all) strings += string_functions(module, one);
  std::string functions = cat(kFunctions, strings, has_state ? kStateFunctions : "", kCommonFunctions);
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
