// Tests that are .kir files: a module in the text form, what to do with it, and what should come out.
//
//     // pass simplify                    the command
//     // input x = f32[2] [1.0, 2.0]      notes, if the command takes any
//     module @m { … }
//     // ----
//     module @m { … }                     what should come out
//
// Run with KERATIN_BLESS=1 in the environment, a test writes what came out into its file.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace keratin {

struct KirFile {
  std::string path;
  std::string command;             ///< "pass"
  std::string argument;            ///< "simplify"; may be empty
  std::vector<std::string> notes;  ///< the comment lines below the command, without "// "
  std::string head;                ///< command and notes as they stand in the file
  std::string input;               ///< the module's text; line 1 is line head_lines() + 1 of the file
  std::string expected;
  bool has_expected = false;

  /// "name.kir", as error messages have it.
  std::string name() const;
  /// The input with empty lines in place of the head, so that places in messages are those of the file.
  std::string input_in_place() const;
};

KirFile read_kir_file(const std::string& path);

/// Expects that `actual` is what stands below "// ----", or writes it there.
void expect_output(const KirFile& file, const std::string& actual);
/// The same for a file whose input is itself what should come out.
void expect_input(const KirFile& file, const std::string& actual);

/// The .kir files in a folder and its folders, sorted: the values of a parameterised test.
std::vector<std::string> kir_files(const std::string& folder);
/// A test's name from its file's: letters, digits and underscores.
std::string kir_test_name(const testing::TestParamInfo<std::string>& info);

}  // namespace keratin
