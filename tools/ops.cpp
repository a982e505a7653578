// keratin ops: what the primitives of the graph IR mean.
#include <cstdio>

#include "ir/error.h"
#include "ir/reference.h"
#include "ir/text.h"
#include "tools/command.h"
#include "tools/help.h"

namespace keratin {
namespace {

constexpr Option kOptions[] = {
    {"OP", "OP", "only these, as their names stand in IR text: dot, max, …", false, true},
};

Op find_op(const std::string& name) {
  if (const std::optional<Op> op = parse_op(name)) return *op;
  std::vector<std::string> names;
  for (int i = 0; i < kOpCount; ++i) names.emplace_back(to_text(static_cast<Op>(i)));
  const std::string similar = most_similar(name, names);
  throw Error(ErrorKind::usage, cat("no op is called ", quoted(name)), "keratin ops",
              similar.empty() ? std::string("`keratin ops` prints all") : cat("did you mean ", similar, "?"));
}

int run(const Arguments& arguments) {
  std::string text;
  for (const std::string& name : arguments.all("OP"))
    text += cat(text.empty() ? "" : "\n", op_reference(find_op(name)));
  if (text.empty()) text = op_reference();
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

constinit const Command kOpsCommand{
    .name = "ops",
    .summary = "Prints what the primitives of IR text mean.",
    .examples =
        "  keratin ops                  all of them, as Markdown\n"
        "  keratin ops dot conv         some of them\n",
    .options = kOptions,
    .run = run,
};

}  // namespace keratin
