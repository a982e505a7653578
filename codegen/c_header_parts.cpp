#include "codegen/c_header_parts.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include "ir/text.h"

namespace keratin {

// What the headers of all models share; whichever comes first in a translation unit defines it.
const std::string_view kSharedByHeaders = R"(#ifndef KERATIN_ABI
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

std::string harmless(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?' && c != '*' && c != '/';
    const bool slash = c == '/' && (out.empty() || (out.back() != '*' && out.back() != '/'));
    out += plain || slash ? c : '_';
  }
  return out;
}

namespace {

/// "n", "2*n", "784", "(t - 2)", "(t + 1) / 2", "(t < 5 ? t : 5)".
std::string dim_text(Dim dim, const CLengths& lengths) {
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

}  // namespace

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string CArgument::macro(const std::string& prefix) const {
  return cat(upper_case(prefix), is_output ? "_OUTPUT_" : "_INPUT_", upper_case(name));
}

std::string CArgument::type_text(const CLengths& lengths) const {
  std::vector<std::string> dims;
  for (const Dim dim : buffer->shape) dims.push_back(dim_text(dim, lengths));
  return cat(to_text(buffer->dtype), "[", join(dims, ", "), "]");
}

bool CArgument::has_lengths() const {
  return std::any_of(buffer->shape.begin(), buffer->shape.end(),
                     [](Dim dim) { return !dim.is_static() && dim.symbol.root() != Dim::batch().symbol; });
}

std::string CArgument::size_of_lengths(const CLengths& lengths) const {
  std::vector<std::string> factors;
  for (const Dim dim : buffer->shape) {
    const std::string text = dim.symbol == Dim::batch().symbol ? to_text(dim.coef) : dim_text(dim, lengths);
    if (text != "1") factors.push_back(text.find('/') == std::string::npos ? text : cat("(", text, ")"));
  }
  return join(factors, " * ");
}

std::optional<int64_t> CArgument::per_sample(int64_t batch) const {
  const Size count = Size::product(buffer->shape);
  if (count.is_static()) {
    const int64_t whole = count.value();
    if (batch > 0 && whole % batch == 0) return whole / batch;
    return {};
  }
  const auto dim = as_dim(count);
  return dim ? std::optional(dim->coef) : std::nullopt;
}

std::vector<CArgument> arguments(const Program& program, const CNames& names) {
  std::vector<CArgument> all;
  for (size_t i = 0; i < program.inputs.size(); ++i)
    all.push_back({names.inputs[i], &program.buffers[program.inputs[i]], false});
  for (size_t i = 0; i < program.outputs.size(); ++i)
    all.push_back({names.outputs[i], &program.buffers[program.outputs[i]], true});
  return all;
}

std::string parameters(const std::vector<CArgument>& all, bool has_state) {
  std::string out;
  for (const CArgument& one : all)
    out += cat(one.is_output ? "" : "const ", c_type(one.buffer->dtype), " *", one.name, ", ");
  return has_state ? out + "void *state, " : out;
}

std::string array_constants(const CArgument& one, const std::string& prefix, int64_t batch,
                            const CLengths& lengths) {
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
    CLengths in_brackets = lengths;
    for (const auto& [symbol, name] : lengths) names.push_back(name);
    for (auto& [symbol, name] : in_brackets) name = cat("(", name, ")");
    out += cat("#define ", macro, "_SIZE(", join(names, ", "), ") (", one.size_of_lengths(in_brackets),
               ") /* elements per sample */\n");
  } else if (const auto size = one.per_sample(batch))
    out += cat("#define ", macro, "_SIZE ", *size, " /* elements per sample */\n");
  return out + "\n";
}

const std::string_view kCommonFunctions =
    R"(/* Threads to pass to calls; `threads` includes the calling one, 0 means one per processor. NULL if they cannot be had.
 * While one call uses the pool, calls of other threads with the same pool run without it. After fork, the child has to use
 * a pool of its own to have threads. */
struct keratin_pool *@_pool_create(unsigned threads);
void @_pool_destroy(struct keratin_pool *pool);

/* Runs the model on inputs stored in it and compares with what was recorded when it was compiled. */
int @_selftest(void);

/* What a status means: a sentence, never NULL. */
const char *@_strerror(int status);
)";

std::string processors(std::span<const LevelKernels> levels) {
  std::vector<std::string> names;
  for (const LevelKernels& level : levels) names.push_back(harmless(level_name(level.target)));
  const std::string last = names.back();
  names.pop_back();
  if (names.empty()) return last;
  return cat(join(names, ", "), " or ", last, ", the first that the processor has");
}

}  // namespace keratin
