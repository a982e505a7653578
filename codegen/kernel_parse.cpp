// The text form of kernel modules, read by recursive descent. `{x}` is any number of x with commas between them.
//
//     module     kernels @name  var… kernel… program…
//     var        var @name: type [state | prepared] [trainable]
//     kernel     kernel @name({%name: mode type}) [from "origin"] [par [rounds] {name in 0..index}] { tile… statement… }
//     tile       tile %name: type
//     statement  for | unroll {name in index..index [step number]} { statement… }
//                if guard { statement… } [else { statement… }]     | prefetch place
//                tiles place number x number { statement… }        | mma place along number [by number], place along number
//                {$n: value-type = expr} let name: value-type = expr
//                                      | acc name: value-type[{number}] = expr   | set name[{index}] = expr
//                                      | store place = expr conditions
//     expr       number | dtype(index) | $n | name | name[{index}] | load place | (load place conditions [or number])
//                op({expr}) | cast dtype(expr) | bitcast dtype [xLANES](expr) | fma({expr}) | dot2({expr}) | narrow(expr)
//                splat(expr) | zip_low({expr}) | zip_high({expr}) | fold op xLANES(expr)
//     place      %name[{index [: lanes [by number]]}]
//     conditions [only [index]..[index]] [if guard]              guard   index and index…
//     index      [-] term + term - term…       term   number, symbol, variable, (index), joined by * div mod
//     program    program @name({buffer}) -> ({buffer}) memory size { storage buffer: type [at size] … launch @kernel({buffer}) [all_reduce by] … }
//
// Lanes are known from outside in. Input is not trusted: depths and numbers are limited, and what the makers would abort
// on is an Error here.
#include <algorithm>
#include <map>

#include "codegen/kernel_parse_parts.h"
#include "ir/parse_parts.h"
#include "ir/text.h"

namespace keratin {
namespace {

Variable parse_variable(Scanner& in) {
  in.expect('@');
  Variable variable{.name = in.name()};
  in.expect(':');
  const Scanner::Place place = in.place();
  variable.type = parse_type(in);
  if (!variable.type.is_static()) in.fail_at(place, "a variable has a fixed size");
  parse_role(in, variable);
  return variable;
}

class ProgramParser {
 public:
  ProgramParser(Scanner& in, const std::map<std::string, uint32_t>& kernels) : in_(in), kernels_(kernels) {}

  Program parse() {
    in_.expect('@');
    program_.name = in_.name();
    const std::vector<Reference> inputs = references();
    in_.expect("->");
    const std::vector<Reference> outputs = references();
    if (!in_.accept_word("memory")) in_.fail("expected memory");
    program_.workspace = parse_size(in_);
    if (in_.accept_word("slices")) {
      program_.slices.least = in_.integer();
      in_.expect("..");
      program_.slices.most = in_.integer();
    }
    in_.expect('{');
    while (!in_.accept('}')) line();
    program_.inputs = find_all(inputs);
    program_.outputs = find_all(outputs);
    return std::move(program_);
  }

 private:
  /// @name, %name, %name#3
  struct Reference {
    Scanner::Place place;
    bool is_variable;
    std::string name;
    std::optional<int64_t> number;
  };

  Reference reference() {
    Reference result{.place = in_.place(), .is_variable = in_.accept('@')};
    if (!result.is_variable) in_.expect('%');
    result.name = in_.name();
    if (in_.directly_at('#')) {
      in_.expect('#');
      result.number = in_.integer();
    }
    return result;
  }

  std::vector<Reference> references() {
    std::vector<Reference> result;
    parse_list(in_, '(', ')', [&] { result.push_back(reference()); });
    return result;
  }

  uint32_t find(const Reference& reference) const {
    std::optional<uint32_t> found;
    for (uint32_t i = 0; i < program_.buffers.size(); ++i) {
      const ProgramBuffer& buffer = program_.buffers[i];
      if ((buffer.storage == Storage::variable) != reference.is_variable || buffer.name != reference.name)
        continue;
      if (reference.number && *reference.number != i) continue;
      if (found)
        in_.fail_at(reference.place, "there are several buffers of this name",
                    "write its number, #0, #1, … behind it");
      found = i;
    }
    if (!found) in_.fail_at(reference.place, cat("there is no buffer ", quoted(reference.name)));
    return *found;
  }

  std::vector<uint32_t> find_all(const std::vector<Reference>& references) const {
    std::vector<uint32_t> result;
    for (const Reference& reference : references) result.push_back(find(reference));
    return result;
  }

  void line() {
    const Scanner::Place place = in_.place();
    const std::string_view word = in_.word();
    if (word == "launch")
      launch();
    else if (word == "input")
      buffer(Storage::input);
    else if (word == "output")
      buffer(Storage::output);
    else if (word == "variable")
      buffer(Storage::variable);
    else if (word == "workspace")
      buffer(Storage::workspace);
    else
      in_.fail_at(place, "expected input, output, variable, workspace or launch");
  }

  void buffer(Storage storage) {
    const Reference name = reference();
    if (name.is_variable != (storage == Storage::variable))
      in_.fail_at(name.place, "@ stands for variables, % for all else");
    if (name.number && *name.number != static_cast<int64_t>(program_.buffers.size())) {
      in_.fail_at(name.place, cat("this is buffer ", program_.buffers.size()));
    }
    in_.expect(':');
    const Type type = parse_buffer_type(in_);
    ProgramBuffer buffer{name.name, type.dtype, type.shape, storage, {}};
    if (storage == Storage::workspace) {
      if (!in_.accept_word("at")) in_.fail("expected at");
      buffer.offset = parse_size(in_);
    }
    program_.buffers.push_back(std::move(buffer));
  }

  void launch() {
    in_.expect('@');
    const Scanner::Place place = in_.place();
    const std::string name = in_.name();
    const auto kernel = kernels_.find(name);
    if (kernel == kernels_.end()) in_.fail_at(place, cat("there is no kernel @", name));
    Launch& launch = program_.launches.emplace_back(Launch{kernel->second, find_all(references())});
    if (in_.accept_word("all_reduce")) launch.reduced_by = in_.word();
  }

  Scanner& in_;
  const std::map<std::string, uint32_t>& kernels_;
  Program program_;
};

}  // namespace

KernelModule parse_kernels(std::string_view text) {
  Scanner in(text, "kernels");
  KernelModule module;
  std::map<std::string, uint32_t> kernels;
  if (!in.accept_word("kernels")) in.fail("expected kernels");
  in.expect('@');
  module.name = in.name();
  while (!in.at_end()) {
    const Scanner::Place place = in.place();
    if (in.accept_word("var")) {
      module.variables.push_back(parse_variable(in));
    } else if (in.accept_word("kernel")) {
      module.kernels.push_back(parse_kernel(in));
      const std::string& name = module.kernels.back().name;
      if (!kernels.emplace(name, static_cast<uint32_t>(kernels.size())).second)
        in.fail_at(place, cat("there is a kernel @", name, " already"));
    } else if (in.accept_word("program")) {
      module.programs.push_back(ProgramParser(in, kernels).parse());
    } else {
      in.fail("expected var, kernel or program");
    }
  }
  return module;
}

}  // namespace keratin
